/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - one thread that serves requests which come over io_uring.
 *
 * The kernel has a queue for each processor and puts a request into the queue of the processor that
 * the program runs on. The ring of a queue is bound to that processor. Its thread serves a request
 * and also sends the answer, even if the commands complete on another thread: the kernel passes the
 * next request of an entry to the thread that sent the last answer, and one system call can send
 * several answers.
 *
 * That thread also makes the kernel's copies of the data. So that one program can use more than one
 * processor for large requests, there is one more ring without a queue, the helper: see
 * choose_ring().
 */
#ifndef CXLFS_FUSE_TRANSPORT_RING_H
#define CXLFS_FUSE_TRANSPORT_RING_H

#include <stdbool.h>

#include "fuse/transport/libfuse.h"
#include "fuse/transport/slot.h"

struct ring;

#if FS_HAVE_IO_URING

/** ring_keep() - keep the ring until a request is answered later; on its thread */
void ring_keep(struct ring *ring);
/** ring_release() - undo ring_keep(); on its thread */
void ring_release(struct ring *ring);
/** ring_is_here() - true if the calling thread serves @ring */
bool ring_is_here(const struct ring *ring);
/** ring_post() - make the ring's thread call slot->resume(); any thread */
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

static inline void ring_post(struct ring *ring, struct slot *slot)
{
	(void)ring;
	(void)slot;
}

#endif
#endif
