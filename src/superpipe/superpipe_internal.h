/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superpipe_internal - struct superpipe, for the files of this layer.
 *
 * Lock order: recovery.lock, context.lock, vlun_table.lock, ioq.submit_lock, ioq.reap_lock.
 * None of the first three is taken while another lock is held.
 */
#ifndef CXLFS_SUPERPIPE_SUPERPIPE_INTERNAL_H
#define CXLFS_SUPERPIPE_SUPERPIPE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "superpipe/context.h"
#include "superpipe/ioq.h"
#include "superpipe/superpipe.h"

/* Every open handle. */
struct vlun_table {
	pthread_mutex_t lock;
	struct superpipe_vlun *head; /* protected by lock */
	unsigned nr_open;            /* protected by lock */
	unsigned max_handles;        /* atomic; see superpipe_max_handles() */
};

/* See recover.c. */
struct recovery {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	uint64_t nr_requested; /* protected by lock */
	uint64_t nr_finished;  /* protected by lock: the last request that was handled */
	unsigned pause_ms;     /* before the first retry; set before threads start */

	/* Reaper thread only. */
	unsigned nr_fruitless;     /* recoveries since the last completion that changed nothing */
	unsigned nr_resets;        /* context resets since the last completion */
	uint64_t completed_before; /* ioq.nr_completed at the last recovery */
};

struct superpipe {
	struct superpipe_options options;
	struct context context;
	struct ioq ioq;
	struct vlun_table vluns;
	struct recovery recovery;
	pthread_t reaper;
	bool attached;   /* the reaper thread runs; set by attach and close only */
	uint32_t stop;   /* atomic */
	uint32_t failed; /* atomic: see superpipe_failed() */

	/* Atomic. */
	uint64_t nr_recoveries, nr_timeouts, nr_interrupts;
};

#endif
