/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - one thread that serves one queue of FUSE over io_uring.
 *
 * The kernel has a queue for each processor; requests go to the queue of the processor that they
 * are made on. The queue's ring stays on that processor. It serves a request and sends its answer,
 * whichever thread the commands complete on: the kernel hands an entry's next request to the thread
 * that sent the last answer, and answers that are sent together cost one system call.
 */
#ifndef CXLFS_FUSE_TRANSPORT_RING_H
#define CXLFS_FUSE_TRANSPORT_RING_H

#include <stdbool.h>

#include "fuse/fuse.h"
#include "fuse/transport/slot.h"

struct ring;

#if FS_HAVE_IO_URING

/** ring_keep() - a request is answered later; the ring does not end before. On its thread. */
void ring_keep(struct ring *ring);
/** ring_release() - ends ring_keep(). On its thread. */
void ring_release(struct ring *ring);
/** ring_is_here() - does the calling thread serve @ring? */
bool ring_is_here(const struct ring *ring);
/** ring_has_requests() - true if requests wait to be served; on its thread */
bool ring_has_requests(const struct ring *ring);
/** ring_post() - have the ring's thread call slot->resume(). Any thread. */
void ring_post(struct ring *ring, struct slot *slot);

#else

static inline void ring_keep(struct ring *ring)
{
	(void)ring;
}

static inline void ring_release(struct ring *ring)
{
	(void)ring;
}

static inline bool ring_is_here(const struct ring *ring)
{
	return !ring;
}

static inline bool ring_has_requests(const struct ring *ring)
{
	(void)ring;
	return false;
}

static inline void ring_post(struct ring *ring, struct slot *slot)
{
	(void)ring;
	(void)slot;
}

#endif
#endif
