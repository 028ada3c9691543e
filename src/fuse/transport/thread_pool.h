/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_pool - which of a number of threads are active.
 *
 * One always is, or is about to be. The others wait until an active one calls for help.
 */
#ifndef CXLFS_FUSE_TRANSPORT_THREAD_POOL_H
#define CXLFS_FUSE_TRANSPORT_THREAD_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct thread_pool {
	_Atomic bool ended;
	pthread_mutex_t lock; /* held to change what follows, and to set ended */
	pthread_cond_t called;
	_Atomic unsigned nr_active, nr_calls;
};

void thread_pool_init(struct thread_pool *pool);
void thread_pool_fini(struct thread_pool *pool);

/** thread_pool_wait() - wait until needed. Return: true: be active; false: the pool has ended. */
bool thread_pool_wait(struct thread_pool *pool);

/** thread_pool_call() - make one more thread active, if fewer than @max_active are */
void thread_pool_call(struct thread_pool *pool, unsigned max_active);

/** thread_pool_leave() - stop being active. Return: false: nobody else is, so stay. */
bool thread_pool_leave(struct thread_pool *pool);

/** thread_pool_end() - let all threads go */
void thread_pool_end(struct thread_pool *pool);

/** thread_pool_has_ended() - for active threads */
static inline bool thread_pool_has_ended(const struct thread_pool *pool)
{
	return atomic_load_explicit(&pool->ended, memory_order_relaxed);
}

#endif
