/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that implement rings only. */
#ifndef CXLFS_FUSE_TRANSPORT_RING_INTERNAL_H
#define CXLFS_FUSE_TRANSPORT_RING_INTERNAL_H

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/log.h"
#include "fuse/transport/idle_sched.h"
#include "fuse/transport/internal.h"
#include "fuse/transport/ring.h"
#include "fuse/transport/ring_entry.h"

struct ring {
	/* Set before the thread starts: */
	struct uring *uring;
	struct transport *transport;
	unsigned queue;      /* the number of its processor */
	unsigned nr_entries; /* 0: it is the helper, and belongs to no processor */
	pthread_t thread;

	/* Used by its own thread only: */
	struct io_uring io; /* has_work() reads its shared memory on another thread */
	struct poller poller;
	struct idle_sched_thread idle;
	unsigned nr_kept; /* requests to be answered later */
	struct log_limit refusals;

	/* Used by any thread: */
	int wake_fd __attribute__((aligned(64)));
	_Atomic bool stop;
	_Atomic bool asleep;         /* write wake_fd to wake the thread */
	_Atomic bool has_resumed;    /* the list of resumed requests is not empty, or ring_wake() */
	_Atomic unsigned nr_parked;  /* entries; changed by its own thread only */
	_Atomic unsigned nr_refused; /* entries */
	pthread_mutex_t lock;        /* protects that list */
	struct slot *resumed, **resumed_end;

	struct ring_entry entries[] __attribute__((aligned(64)));
};

struct uring {
	struct transport *transport; /* set before threads start */
	_Atomic bool is_paused;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t changed;
	unsigned nr_ready;    /* threads that have called uring_ready() */
	int error;            /* of the first thread that cannot serve */
	bool is_decided;      /* threads need not wait any longer */
	_Atomic bool is_open; /* the rings serve; read without the lock */

	pthread_t *askers; /* of uring_pause() */
	unsigned nr_askers;

	/* Set before the rings serve: */
	struct ring *helper;
	unsigned nr_rings; /* rings with a thread, of the queues and then the helper */
	struct ring *rings[];
};

/** ring_new() - make a ring without a thread; @nr_entries slots of the transport are its entries.
 *  Return: 0; -ENOMEM; -EMFILE. */
int ring_new(struct uring *uring, unsigned queue, unsigned nr_entries, struct ring **ret_ring);
void ring_free(struct ring *ring);
/** ring_set_up() - bind the calling thread to the ring's processor, if any, and make its io_uring.
 * Return: 0; -errno of io_uring. */
int ring_set_up(struct ring *ring);
/** ring_main() - run the ring's thread; @arg: the ring */
void *ring_main(void *arg);
/** ring_stop() - end the thread. Any thread may call it. */
void ring_stop(struct ring *ring);
/** ring_wake() - make the thread look whether a pause is over. Any thread may call it. */
void ring_wake(struct ring *ring);
/** ring_send() - answer a request with the next submission. Call it on the ring's thread.
 * Return: 0; -EMSGSIZE. */
int ring_send(struct ring_entry *entry, const struct iovec *iov, int count);

/** ring_submit() - pass submissions to the kernel; on the ring's thread */
void ring_submit(struct ring *ring);
/** ring_wait() - wait until there may be something to do; on the ring's thread */
void ring_wait(struct ring *ring);
/** ring_resume_all() - resume the requests that ring_post() was called for; on the ring's thread */
void ring_resume_all(struct ring *ring);
/** ring_is_asleep() - true if the ring's thread sleeps or is about to wake up. Any thread may call
 * it. */
static inline bool ring_is_asleep(const struct ring *ring)
{
	return atomic_load_explicit(&ring->asleep, memory_order_relaxed);
}
/** ring_is_over() - return true if the thread must end; on the ring's thread */
static inline bool ring_is_over(const struct ring *ring)
{
	return atomic_load(&ring->stop) && !ring->nr_kept;
}

/** uring_note_parked() - report that a ring has parked or lost an entry */
void uring_note_parked(struct uring *uring);
/** uring_ready() - report that a ring can serve, or cannot because of @err, and wait until all have
 *  reported. Return: true if the ring must serve. */
bool uring_ready(struct uring *uring, int err);

#endif
