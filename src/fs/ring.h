/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - the threads of libfuse that serve the queues of FUSE over io_uring.
 *
 * Every request of a ring is answered on the ring's own thread, wherever it was completed:
 *  - libfuse (3.18) takes and submits entries of a ring without a lock on the ring's thread, so an
 *    answer from another thread can destroy the queue;
 *  - the kernel delivers the next request through the thread that gave the last answer, so one
 *    that then sleeps in a system call would hold it up;
 *  - and answers that are given together cost one system call.
 * Before such a thread ends it waits for what is under way: the adapter moves bytes to and from
 * buffers that libfuse frees then.
 * For this the ring's thread must be woken while it waits for requests, for which libfuse has no
 * function. So two functions of liburing that only libfuse calls here are replaced: see ring.c.
 *
 * While requests of a ring are on the adapter its thread looks out for their completions itself, for
 * as long as fs_config.poll_us after the last; and it gives way, see give_way.h.
 */
#ifndef CXLFS_FS_RING_H
#define CXLFS_FS_RING_H

#include <stdbool.h>

#include "fs/fuse.h"

struct fs;
struct fs_io;
struct fs_ring;

/**
 * fs_ring_enter() - note on whose thread a request has arrived
 * To be called before anything else is done for it. Threads of rings serve nothing else; libfuse
 * ends them with pthread_cancel(3), which is switched off here, as it must not strike inside our
 * locks. Return: false when it came through a ring, and could not be answered from elsewhere.
 */
bool fs_ring_enter(struct fs *fs, fuse_req_t req);

/** fs_ring_here() - the ring of the calling thread; NULL for threads without one */
struct fs_ring *fs_ring_here(void);

/** fs_ring_away() - @nr more, or less if negative, requests are with somebody else; own thread */
void fs_ring_away(struct fs_ring *ring, int nr);

/** fs_ring_has_more() - more is under way than the request being served; own thread */
bool fs_ring_has_more(const struct fs_ring *ring);

/** fs_ring_is_alone() - at several looks in a row some processor had no ring to run; own thread */
bool fs_ring_is_alone(struct fs_ring *ring);

/** fs_ring_answer() - have the ring's thread call io->done; any thread */
void fs_ring_answer(struct fs_ring *ring, struct fs_io *io);

/** fs_rings_init() - before the session starts. Return: 0; -EAGAIN, -ENOMEM. */
int fs_rings_init(struct fs *fs);

/** fs_rings_free() - when the session has ended */
void fs_rings_free(struct fs *fs);

#endif
