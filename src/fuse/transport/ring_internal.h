/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rings share; nobody else includes it. */
#ifndef CXLFS_FUSE_TRANSPORT_RING_INTERNAL_H
#define CXLFS_FUSE_TRANSPORT_RING_INTERNAL_H

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/log.h"
#include "fuse/transport/ring.h"
#include "fuse/transport/ring_entry.h"

struct give_way_member;

/** One thread with an io_uring. */
struct ring {
	struct rings *rings; /* this and the next three: set before the thread starts */
	struct fs *fs;
	unsigned queue;	     /* RING_HELPER: it has none */
	unsigned nr_entries; /* of the queue */
	pthread_t thread;

	/* own thread's */
	struct io_uring uring;
	bool joined; /* it has been asked how it should run: */
	struct give_way_member *manners;
	struct ring_entry *serving;
	unsigned nr_away;     /* requests that are answered later */
	unsigned nr_requests; /* since it last waited */
	unsigned nr_alone;    /* looks in a row that found a processor without a busy ring */
	bool watching;	      /* the volume, for completions */
	struct log_limit refusals;

	/* anybody's */
	int wake_fd __attribute__((aligned(64)));
	_Atomic bool stop;
	_Atomic bool busy;     /* does not wait */
	_Atomic bool asleep;   /* where only wake_fd wakes it for its inbox */
	_Atomic unsigned load; /* entries in the inbox */
	_Atomic unsigned nr_large; /* large requests of its queue, under way */
	_Atomic unsigned nr_helped; /* requests of its queue that helpers have served */
	_Atomic unsigned nr_singles; /* that came in a row while there was no other */
	pthread_mutex_t lock;
	struct ring_entry *inbox, **inbox_end; /* protected by lock */

	/* of its queue, wherever they are */
	struct ring_entry entries[] __attribute__((aligned(64)));
};

#define RING_HELPER (~0u)

/* ---- ring_thread.c ---- */

/** ring_new() - a ring without a thread. Return: 0; -ENOMEM; -EMFILE, -ENFILE. */
int ring_new(struct rings *rings, struct fs *fs, unsigned queue, unsigned nr_entries,
	     struct ring **ret_ring);
void ring_free(struct ring *ring);
/** ring_main() - of its thread; the argument is the ring */
void *ring_main(void *arg);

/* ---- ring.c: own thread ---- */

/** ring_enter() - the calling thread is this ring's from now on */
void ring_enter(struct ring *ring);

/** ring_give_to_kernel() - with the next ring_submit(): it comes back with a request */
void ring_give_to_kernel(struct ring *ring, struct ring_entry *entry);
/** ring_ask_to_be_woken() - with the next ring_submit(): a completion when there is mail */
void ring_ask_to_be_woken(struct ring *ring);
/** ring_submit() - what has been prepared, if anything; takes what the kernel has */
void ring_submit(struct ring *ring);

/** ring_kernel_has_work() - the kernel waits for the thread to come, to deliver what it has */
static inline bool ring_kernel_has_work(const struct ring *ring)
{
	return IO_URING_READ_ONCE(*ring->uring.sq.kflags) & IORING_SQ_TASKRUN;
}

/** ring_take_completions() - serve the requests that have come; or hand them to other rings */
void ring_take_completions(struct ring *ring);
/** ring_take_mail() - serve and answer what other threads have handed over */
void ring_take_mail(struct ring *ring);
bool ring_has_mail(const struct ring *ring);

/** ring_send() - the answer to what the calling thread serves. Return: 0; -EMSGSIZE. */
int ring_send(struct ring_entry *entry, const struct iovec *iov, int count);

/* ---- ring.c: any thread ---- */

/** ring_wake() - have it look at its mail and at stop */
void ring_wake(struct ring *ring);
/** ring_post() - hand an entry over to another ring; @io: can be answered; NULL: to be served */
void ring_post(struct ring *ring, struct ring_entry *entry, struct fs_io *io);

/* ---- rings.c, for threads of rings ---- */

/** rings_ready() - the calling ring's thread can serve, or never will. Return: whether it is to. */
bool rings_ready(struct rings *rings, int err);

/**
 * rings_place() - which ring is to serve a request
 * @ring: where it has come to, and whose thread calls
 */
struct ring *rings_place(struct ring *ring, struct ring_entry *entry, bool is_large);
/** rings_forget() - it is answered */
void rings_forget(struct ring_entry *entry);

#endif
