/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sp - the parts of a struct superpipe, for the files of this layer.
 *
 * Lock order: recovery.lock, context.lock, vlun_table.lock, ioq.submit_lock, ioq.reap_lock; in
 * fact none of the first three is ever taken with another one held.
 */
#ifndef CXLFS_SUPERPIPE_SUPERPIPE_INTERNAL_H
#define CXLFS_SUPERPIPE_SUPERPIPE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "superpipe/context.h"
#include "superpipe/ioq.h"
#include "superpipe/superpipe.h"

/* Every open handle; knows how many there can be once the driver has said so. */
struct vlun_table {
	pthread_mutex_t lock;
	struct superpipe_vlun *head; /* protected by lock, as all that follows */
	unsigned nr_open;
	unsigned max_handles;
};

/* Who waits for a recovery, and what the thread that recovers remembers. See recover.c. */
struct recovery {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	uint64_t nr_requested; /* protected by lock */
	uint64_t nr_finished;  /* protected by lock: the number of the last request answered */
	unsigned pause_ms;     /* set before threads start */

	/* The reaper thread's own. */
	unsigned nr_fruitless; /* recoveries that changed nothing, without a completion between */
	unsigned nr_resets;    /* context resets, likewise */
	uint64_t completed_before;
};

struct superpipe {
	struct superpipe_options options;
	struct context context;
	struct ioq ioq;
	struct vlun_table vluns;
	struct recovery recovery;
	pthread_t reaper;
	bool attached;   /* reaper runs; set by attach and close only */
	uint32_t stop;   /* atomic */
	uint32_t failed; /* atomic: the adapter, or the context, is gone for good */

	/* Atomic. */
	uint64_t nr_recoveries, nr_timeouts, nr_interrupts;
};

#endif
