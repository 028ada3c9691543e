/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_pool - which of a number of threads are active.
 *
 * At least one is active, or about to be, unless the pool is paused. The others wait until an
 * active thread calls thread_pool_call().
 */
#ifndef CXLFS_FUSE_TRANSPORT_THREAD_POOL_H
#define CXLFS_FUSE_TRANSPORT_THREAD_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum thread_pool_state { THREAD_POOL_PAUSED, THREAD_POOL_RUNS, THREAD_POOL_ENDED };

struct thread_pool {
	_Atomic enum thread_pool_state state;
	pthread_mutex_t lock; /* held to change any of this */
	pthread_cond_t called;
	pthread_cond_t rested; /* no thread is active, or the pool has ended */
	_Atomic unsigned nr_active, nr_calls;
};

/** thread_pool_init() - make a pool that is paused */
void thread_pool_init(struct thread_pool *pool);
void thread_pool_fini(struct thread_pool *pool);

/** thread_pool_wait() - wait to become active. Return: false if the pool has ended. */
bool thread_pool_wait(struct thread_pool *pool);

/** thread_pool_call() - make one more thread active, if fewer than @max_active are */
void thread_pool_call(struct thread_pool *pool, unsigned max_active);

/** thread_pool_leave() - stop being active. Return: false if no other thread is active: go on. */
bool thread_pool_leave(struct thread_pool *pool);

/** thread_pool_rest() - stop being active, because thread_pool_goes_on() has returned false */
void thread_pool_rest(struct thread_pool *pool);

/**
 * thread_pool_set() - pause the pool, let it run, or end it for good
 * Active threads learn it from thread_pool_goes_on(); the caller wakes those that sleep elsewhere.
 */
void thread_pool_set(struct thread_pool *pool, enum thread_pool_state state);

/**
 * thread_pool_await_rest() - wait until no thread is active
 * @deadline_ns: by clock_now_ns()
 * Return: true if none is active or the pool has ended; false if the deadline has passed.
 */
bool thread_pool_await_rest(struct thread_pool *pool, uint64_t deadline_ns);

/** thread_pool_goes_on() - return false if the pool is paused or has ended; for active threads */
static inline bool thread_pool_goes_on(const struct thread_pool *pool)
{
	return atomic_load_explicit(&pool->state, memory_order_relaxed) == THREAD_POOL_RUNS;
}

#endif
