/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that serve /dev/fuse only. */
#ifndef CXLFS_FUSE_TRANSPORT_DEV_FUSE_INTERNAL_H
#define CXLFS_FUSE_TRANSPORT_DEV_FUSE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "fuse/transport/idle_sched.h"
#include "fuse/transport/internal.h"
#include "fuse/transport/thread_pool.h"

struct worker {
	struct dev_fuse *dev_fuse;
	pthread_t thread;

	/* Used by its own thread only: */
	struct slot *slot;
	struct poller poller;
	size_t behind_bytes; /* served since it last found no request, or called a worker */
	struct idle_sched_thread idle;
};

struct dev_fuse {
	struct transport *transport;
	int fd;      /* of the session */
	int wake_fd; /* wakes active workers at a pause and at the end */
	struct thread_pool pool;
	_Atomic unsigned nr_workers; /* that have started */
	struct worker workers[];
};

/** worker_main() - the function of a worker's thread, until its pool ends; @arg: the worker */
void *worker_main(void *arg);

#endif
