/* SPDX-License-Identifier: Apache-2.0 */
/* What ring.c and uring.c share; nobody else includes it. */
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
	struct uring *uring; /* this and the next four: set before the thread starts */
	struct transport *transport;
	unsigned queue; /* the number of its processor */
	unsigned nr_entries;
	pthread_t thread;

	/* Its own thread's: */
	struct io_uring io; /* idle_sched's monitor reads the shared memory */
	struct poller poller;
	struct idle_sched_thread idle;
	unsigned nr_kept; /* requests that are answered later */
	struct log_limit refusals;

	/* Any thread's: */
	int wake_fd __attribute__((aligned(64)));
	_Atomic bool stop;
	_Atomic bool asleep;   /* needs wake_fd to look at its inbox */
	_Atomic bool has_mail; /* the inbox is not empty */
	pthread_mutex_t lock;  /* protects the inbox: requests to resume */
	struct slot *inbox, **inbox_end;

	struct ring_entry entries[] __attribute__((aligned(64)));
};

/** ring_new() - a ring without a thread, with slots of @region. Return: 0; -ENOMEM; -EMFILE. */
int ring_new(struct uring *uring, struct transport *transport, unsigned queue,
	     struct ring **ret_ring);
void ring_free(struct ring *ring);
/** ring_set_up() - bind the calling thread to the ring's processor and make its io_uring. Return:
 * 0; -errno of io_uring. */
int ring_set_up(struct ring *ring);
/** ring_main() - of the ring's thread; @arg: the ring */
void *ring_main(void *arg);
/** ring_stop() - have the thread end. Any thread. */
void ring_stop(struct ring *ring);
/** ring_send() - answer a request, with the next submission; on the ring's thread. Return: 0;
 * -EMSGSIZE. */
int ring_send(struct ring_entry *entry, const struct iovec *iov, int count);

/** uring_ready() - a ring can serve, or cannot because of @err. Waits for the decision to serve.
 *  Return: true: serve. */
bool uring_ready(struct uring *uring, int err);

#endif
