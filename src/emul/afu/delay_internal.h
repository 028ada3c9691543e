/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that delay commands only. */
#ifndef CXLFS_EMUL_AFU_DELAY_INTERNAL_H
#define CXLFS_EMUL_AFU_DELAY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "emul/afu/delay.h"
#include "emul/afu/delay_queue.h"
#include "emul/afu/latency.h"

/* With this many commands waiting, execute the first later, in one batch with others. */
#define BATCH_MIN_WAITING 8
#define BATCH_DELAY_NS    20000

struct emul_delay {
	/* constant */
	struct emul_afu *afu;

	_Atomic int nr_pollers;
	_Atomic uint64_t first_ns; /* result of delay_first_ns(); written under lock */

	pthread_mutex_t lock;
	/* protected by lock */
	struct delay_queue queue;
	struct latency latency;
	uint32_t nr_inserted;      /* the spinning thread reads it without the lock */
	uint64_t asleep_until;     /* 0: awake */
	uint64_t last_executed_ns; /* when a command was last executed */
	bool running, stop;
	pthread_t thread;
	pthread_cond_t wake, unused;
};

/* When to execute the first command; UINT64_MAX: the queue is empty. */
static inline uint64_t delay_first_ns(const struct emul_delay *delay)
{
	if (!delay->queue.nr)
		return UINT64_MAX;
	return delay->queue.heap[0].due_ns +
	       (delay->queue.nr >= BATCH_MIN_WAITING ? BATCH_DELAY_NS : 0);
}

/*
 * emul_delay_add_pollers() stores nr_pollers and then loads first_ns; an insertion stores first_ns
 * and then loads nr_pollers. So at least one of them sees the other and wakes the thread.
 */
static inline void delay_update_first(struct emul_delay *delay)
{
	atomic_store(&delay->first_ns, delay_first_ns(delay));
}

/* When the thread must execute the first command; UINT64_MAX while other threads poll. */
static inline uint64_t delay_thread_due_ns(struct emul_delay *delay)
{
	return atomic_load(&delay->nr_pollers) > 0 ? UINT64_MAX : delay_first_ns(delay);
}

/** delay_main() - run the thread that executes due commands while no other thread polls
 *  @arg: a struct emul_delay; until its stop is set */
void *delay_main(void *arg);

#endif
