/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/vlun_pool.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/container_of.h"
#include "base/log.h"
#include "base/minmax.h"

#define FIRST_TARGET 2
/* At most one in this many free chunks of a LUN, and free handles, is in the pool. */
#define SHARE 16

void vlun_pool_init(struct vlun_pool *pool, struct lun_table *luns, struct worker *worker)
{
	*pool = (struct vlun_pool){ .luns = luns, .worker = worker };
	(void)pthread_mutex_init(&pool->lock, NULL);
}

void vlun_pool_fini(struct vlun_pool *pool)
{
	while (pool->nr > 0)
		lun_table_close(pool->luns, pool->vluns[--pool->nr].vlun, 1);
	(void)pthread_mutex_destroy(&pool->lock);
}

unsigned vlun_pool_nr(struct vlun_pool *pool)
{
	unsigned nr;

	(void)pthread_mutex_lock(&pool->lock);
	nr = pool->nr;
	(void)pthread_mutex_unlock(&pool->lock);
	return nr;
}

/** A file lies on one LUN, so none should begin on one that is much fuller than another. */
static bool has_enough_free(struct vlun_pool *pool, unsigned lun)
{
	unsigned best = lun_table_most_free(pool->luns, 0);

	uint64_t nr_free = lun_table_free_chunks(pool->luns, lun);

	return nr_free > 0 && nr_free >= lun_table_free_chunks(pool->luns, best) / 2;
}

static void take_locked(struct vlun_pool *pool, unsigned i, struct pool_vlun *ret_vlun)
{
	*ret_vlun = pool->vluns[i];
	pool->vluns[i] = pool->vluns[--pool->nr];
}

bool vlun_pool_take(struct vlun_pool *pool, struct pool_vlun *ret_vlun)
{
	bool any = false;

	(void)pthread_mutex_lock(&pool->lock);
	for (unsigned i = pool->nr; i-- > 0 && !any;) {
		any = has_enough_free(pool, pool->vluns[i].lun);
		if (any)
			take_locked(pool, i, ret_vlun);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return any;
}

/* ---- worker: giving them back ---- */

static bool take_on(struct vlun_pool *pool, unsigned lun, struct pool_vlun *ret_vlun)
{
	bool any = false;

	(void)pthread_mutex_lock(&pool->lock);
	for (unsigned i = 0; i < pool->nr && !any; i++) {
		any = pool->vluns[i].lun == lun;
		if (any)
			take_locked(pool, i, ret_vlun);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return any;
}

bool vlun_pool_close_on(struct vlun_pool *pool, unsigned lun)
{
	struct pool_vlun vlun;
	bool any = false;

	while (take_on(pool, lun, &vlun)) {
		log_debug(LOGC_DATA, "LUN %u: close a vLUN of the pool", lun);
		lun_table_close(pool->luns, vlun.vlun, 1);
		any = true;
	}
	return any;
}

bool vlun_pool_close_all(struct vlun_pool *pool)
{
	bool any = false;

	for (unsigned lun = 0; lun < pool->luns->nr_luns; lun++)
		any |= vlun_pool_close_on(pool, lun);
	return any;
}

/* ---- worker: making them ---- */

static unsigned nr_on_locked(const struct vlun_pool *pool, unsigned lun)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < pool->nr; i++)
		nr += pool->vluns[i].lun == lun;
	return nr;
}

/** Return: whether one more on @lun is still a small share. */
static bool may_make(struct vlun_pool *pool, unsigned lun)
{
	uint64_t nr_free_handles = lun_table_free_handles(pool->luns);
	bool may;

	(void)pthread_mutex_lock(&pool->lock);
	may = pool->nr < pool->target && pool->nr < nr_free_handles / SHARE &&
	      pool->nr < lun_table_nr_free(pool->luns) / SHARE &&
	      nr_on_locked(pool, lun) < lun_table_free_chunks(pool->luns, lun) / SHARE;
	(void)pthread_mutex_unlock(&pool->lock);
	return may;
}

static bool make(struct vlun_pool *pool, struct pool_vlun *ret_vlun)
{
	uint32_t nr = 0;

	ret_vlun->lun = lun_table_most_free(pool->luns, 0);
	if (!may_make(pool, ret_vlun->lun) ||
	    superpipe_vlun_open(pool->luns->sp, ret_vlun->lun, &ret_vlun->vlun))
		return false;
	if (!lun_table_resize(pool->luns, ret_vlun->vlun, 0, 1, &nr) && nr == 1)
		return true;
	lun_table_close(pool->luns, ret_vlun->vlun, nr);
	return false;
}

static void close_on_fuller_luns(struct vlun_pool *pool)
{
	for (unsigned lun = 0; lun < pool->luns->nr_luns; lun++) {
		if (!has_enough_free(pool, lun))
			(void)vlun_pool_close_on(pool, lun);
	}
}

/* Makes one and queues itself again, so that other jobs come in between. */
static void fill_run(struct worker_job *job)
{
	struct vlun_pool *pool = container_of(job, struct vlun_pool, job);
	struct pool_vlun vlun;
	bool made;

	close_on_fuller_luns(pool);
	made = make(pool, &vlun);
	if (made)
		log_debug(LOGC_DATA, "LUN %u: open a vLUN for the pool", vlun.lun);
	(void)pthread_mutex_lock(&pool->lock);
	if (made)
		pool->vluns[pool->nr++] = vlun;
	pool->filling = made && pool->nr < pool->target;
	if (pool->filling)
		worker_queue(pool->worker, job);
	(void)pthread_mutex_unlock(&pool->lock);
}

void vlun_pool_stop(struct vlun_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->target = 0;
	(void)pthread_mutex_unlock(&pool->lock);
}

void vlun_pool_note_new(struct vlun_pool *pool, bool found, uint64_t idle_ns)
{
	uint64_t now = clock_now_ns();

	(void)pthread_mutex_lock(&pool->lock);
	if (!found && pool->last_new_ns && now < pool->last_new_ns + idle_ns)
		pool->target = pool->target ? min_u(pool->target * 2, VLUN_POOL_MAX) : FIRST_TARGET;
	pool->last_new_ns = now;
	if (!pool->filling && pool->target && (!found || pool->nr <= pool->target / 2)) {
		pool->filling = true;
		pool->job.run = fill_run;
		worker_queue(pool->worker, &pool->job);
	}
	(void)pthread_mutex_unlock(&pool->lock);
}

/* ---- worker: when no file comes ---- */

/** Return: when it will have been idle for long enough; 0: it has. */
static uint64_t idle_at(struct vlun_pool *pool, uint64_t idle_ns)
{
	uint64_t at;

	(void)pthread_mutex_lock(&pool->lock);
	at = pool->nr > 0 || pool->target > 0 ? pool->last_new_ns + idle_ns : UINT64_MAX;
	if (at <= clock_now_ns()) {
		pool->target = 0;
		at = 0;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return at;
}

uint64_t vlun_pool_close_idle(struct vlun_pool *pool, uint64_t idle_ns)
{
	uint64_t at = idle_at(pool, idle_ns);

	if (at)
		return at;
	(void)vlun_pool_close_all(pool);
	return UINT64_MAX;
}
