/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_place - which ring is to serve a large request; all others are served where the program is,
 * at home.
 *
 * While several are under way at a time they are shared out between the ring at home and the helpers,
 * each of which makes both copies of what it serves, from one cache. A helper comes first: at home the program goes before the ring.
 * An entry stays with the ring that serves it, so that the next request comes there, until that ring
 * finds it to be better off elsewhere.
 *
 * Pure: what was seen comes in, what to do comes out.
 */
#ifndef CXLFS_FUSE_TRANSPORT_RING_PLACE_H
#define CXLFS_FUSE_TRANSPORT_RING_PLACE_H

#include <stdbool.h>

enum ring_place { RING_PLACE_HOME, RING_PLACE_HELPER };

/* In a row, after which the large requests of a queue do not come together any more. */
#define RING_PLACE_SINGLES 8

/** What the ring sees that has a large request. */
struct ring_place_look {
	bool at_home;
	bool has_idle;	      /* a processor without a busy ring */
	unsigned nr_singles;  /* large requests of the queue in a row while there was no other */
	unsigned nr_waiting;  /* requests that have come to this ring, beside this one */
	unsigned home_load;   /* what the ring at home has to do */
	unsigned helper_load; /* of this helper, or the one that has the least to do */
};

enum ring_place ring_place_judge(const struct ring_place_look *look);

#endif
