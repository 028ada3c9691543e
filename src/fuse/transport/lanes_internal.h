/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lanes share; nobody else includes it. */
#ifndef CXLFS_FUSE_TRANSPORT_LANES_INTERNAL_H
#define CXLFS_FUSE_TRANSPORT_LANES_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "fuse/transport/roster.h"
#include "fuse/transport/turns.h"

struct fs;
struct bystander;
struct give_way_member;

/* Looks without a completion, after which the adapter counts as idle: much more than the requests
 * that a busy one may be given at once. */
#define LANES_QUIET 4096

struct lane {
	struct lanes *lanes;
	pthread_t thread;

	/* own thread's */
	char *buf; /* from the pool; NULL when somebody has kept it */
	size_t buf_bytes;
	bool watching;	    /* the volume, for completions */
	bool in_vain;	    /* it has looked, since it last found something */
	unsigned nr_late;   /* requests in a row that it had looked for in vain before */
	unsigned nr_in_row; /* requests, while others waited */
	struct turns turns;
	bool joined; /* it has been asked how it should run: one of the two, or neither */
	struct give_way_member *manners;
	struct bystander *bystander;
};

struct lanes {
	struct fs *fs;
	int wake_fd; /* ends the sleep of the active lane */
	struct roster roster;
	unsigned max_crowd;	  /* lanes for requests without an end; for all else all of them */
	_Atomic unsigned nr_lanes; /* that were started */
	_Atomic unsigned nr_quiet; /* looks of all, since a completion was found */
	struct lane lane[];
};

/* ---- lanes_request.c: what an active lane takes and serves; own thread ---- */

/** lane_enter() - the calling thread is this lane from now on */
void lane_enter(struct lane *lane);
/** lane_leave() - before the thread ends: the lane gives up what it holds */
void lane_leave(struct lane *lane);

/**
 * lane_take_request() - serve a request, if there is one
 * Calls other lanes, and goes elsewhere, where the request shows that to be of use.
 * Return: 1 one was served; 0 there was none; -ENODEV the session is over; -errno.
 */
int lane_take_request(struct lane *lane);

/** lane_has_only_rest() - requests come over rings, and here only what needs no answer */
bool lane_has_only_rest(const struct lane *lane);

/** lane_end_row() - it has found nothing more, or a crowd of requests without an end */
void lane_end_row(struct lane *lane);

/** lane_takes_turns() - it serves several programs in turns, and the adapter is idle */
bool lane_takes_turns(const struct lane *lane);

#endif
