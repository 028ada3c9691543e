/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/thread_pool.h"

#include "base/clock.h"

void thread_pool_init(struct thread_pool *pool)
{
	*pool = (struct thread_pool){ .state = THREAD_POOL_PAUSED };
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->called, NULL);
	pthread_cond_init(&pool->rested, NULL);
}

void thread_pool_fini(struct thread_pool *pool)
{
	pthread_cond_destroy(&pool->rested);
	pthread_cond_destroy(&pool->called);
	pthread_mutex_destroy(&pool->lock);
}

bool thread_pool_wait(struct thread_pool *pool)
{
	bool go;

	pthread_mutex_lock(&pool->lock);
	while (pool->state == THREAD_POOL_PAUSED ||
	       (pool->state == THREAD_POOL_RUNS && pool->nr_active && !pool->nr_calls))
		pthread_cond_wait(&pool->called, &pool->lock);
	if (pool->nr_calls)
		pool->nr_calls--;
	go = pool->state == THREAD_POOL_RUNS;
	pool->nr_active += go;
	pthread_mutex_unlock(&pool->lock);
	return go;
}

static bool has_room(struct thread_pool *pool, unsigned max_active)
{
	return pool->nr_active + pool->nr_calls < max_active;
}

void thread_pool_call(struct thread_pool *pool, unsigned max_active)
{
	if (!has_room(pool, max_active))
		return;
	pthread_mutex_lock(&pool->lock);
	if (has_room(pool, max_active)) {
		pool->nr_calls++;
		pthread_cond_signal(&pool->called);
	}
	pthread_mutex_unlock(&pool->lock);
}

bool thread_pool_leave(struct thread_pool *pool)
{
	bool may;

	if (pool->nr_active < 2)
		return false;
	pthread_mutex_lock(&pool->lock);
	may = pool->nr_active > 1;
	pool->nr_active -= may;
	pthread_mutex_unlock(&pool->lock);
	return may;
}

void thread_pool_rest(struct thread_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->nr_active--;
	if (!pool->nr_active)
		pthread_cond_broadcast(&pool->rested);
	pthread_mutex_unlock(&pool->lock);
}

bool thread_pool_await_rest(struct thread_pool *pool, uint64_t deadline_ns)
{
	const struct timespec deadline = clock_timespec(deadline_ns);
	bool rests;
	int err = 0;

	pthread_mutex_lock(&pool->lock);
	while (pool->nr_active && pool->state != THREAD_POOL_ENDED && !err)
		err = pthread_cond_clockwait(&pool->rested, &pool->lock, CLOCK_MONOTONIC,
					     &deadline);
	rests = !pool->nr_active || pool->state == THREAD_POOL_ENDED;
	pthread_mutex_unlock(&pool->lock);
	return rests;
}

void thread_pool_set(struct thread_pool *pool, enum thread_pool_state state)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->state != THREAD_POOL_ENDED)
		pool->state = state;
	pthread_cond_broadcast(&pool->called);
	pthread_cond_broadcast(&pool->rested);
	pthread_mutex_unlock(&pool->lock);
}
