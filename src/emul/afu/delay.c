/* SPDX-License-Identifier: Apache-2.0 */
/* Takes commands and interrupts that come later; delay_run.c executes them. */
#include "emul/afu/delay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "emul/afu/delay_internal.h"
#include "emul/afu/translate.h"

/* ---- life ---- */

int emul_delay_new(struct emul_afu *afu, struct emul_delay **ret_delay)
{
	struct emul_delay *delay = calloc(1, sizeof(*delay));

	if (!delay)
		return -ENOMEM;
	delay->afu = afu;
	latency_init(&delay->latency, emul_geometry(afu->ad));
	atomic_init(&delay->first_ns, UINT64_MAX);
	pthread_mutex_init(&delay->lock, NULL);
	pthread_cond_init(&delay->wake, NULL);
	pthread_cond_init(&delay->unused, NULL);
	*ret_delay = delay;
	return 0;
}

void emul_delay_free(struct emul_delay *delay)
{
	if (!delay)
		return;
	if (atomic_load(&delay->afu->dead)) {
		/* The thread exists only in the parent; it may hold the lock forever. */
		delay_queue_fini(&delay->queue);
		free(delay);
		return;
	}
	pthread_mutex_lock(&delay->lock);
	delay->stop = true;
	pthread_cond_signal(&delay->wake);
	pthread_mutex_unlock(&delay->lock);
	if (delay->running)
		pthread_join(delay->thread, NULL);
	pthread_cond_destroy(&delay->wake);
	pthread_cond_destroy(&delay->unused);
	pthread_mutex_destroy(&delay->lock);
	delay_queue_fini(&delay->queue);
	free(delay);
}

bool emul_delay_has_model(const struct emul_delay *delay)
{
	return latency_is_set(&delay->latency);
}

/* ---- the queue and the thread ---- */

static struct delay_item *insert(struct emul_delay *delay, uint64_t due_ns)
{
	struct delay_item *item = delay_queue_push(&delay->queue, due_ns);

	if (!item)
		return NULL;
	__atomic_store_n(&delay->nr_inserted, delay->nr_inserted + 1, __ATOMIC_RELAXED);
	delay_update_first(delay);
	return item;
}

static bool start_locked(struct emul_delay *delay)
{
	if (!delay->running)
		delay->running = thread_start(&delay->thread, delay_main, delay, "emul-delay") == 0;
	return delay->running;
}

static void wake_locked(struct emul_delay *delay)
{
	if (delay->asleep_until > delay_thread_due_ns(delay))
		pthread_cond_signal(&delay->wake);
}

/* ---- commands and interrupts ---- */

static bool schedule_locked(struct emul_delay *delay, struct emul_batch *batch, unsigned i,
			    uint64_t due)
{
	struct delay_item *item = insert(delay, due);

	if (!item)
		return false;
	item->engine = batch->engine;
	item->nr_resets = batch->nr_resets;
	item->lisn = 0;
	item->ioarcb = batch->ioarcb[i];
	item->cmd = batch->cmd[i];
	item->cmd.outcome = EMUL_OUTCOME_COMPLETE;
	return true;
}

static bool schedule_by_model_locked(struct emul_delay *delay, struct emul_batch *batch, unsigned i,
				     uint64_t now)
{
	uint64_t due = latency_due_ns(&delay->latency, &batch->ioarcb[i], &batch->cmd[i], now);

	return schedule_locked(delay, batch, i, due);
}

void emul_delay_batch(struct emul_delay *delay, struct emul_batch *batch)
{
	struct emul_xlate_cache cache;
	uint64_t now = clock_now_ns();
	unsigned nr = 0;

	/* The model needs LUN and direction. A command that fails here fails again when due. */
	emul_xlate_begin(batch->engine, &cache);
	for (unsigned i = 0; i < batch->nr; i++) {
		struct emul_status status;

		batch->cmd[i].lun = batch->cmd[i].write = 0;
		(void)emul_xlate(batch, i, &cache, &status);
		batch->cmd[i].bytes = 0;
	}
	pthread_mutex_lock(&delay->lock);
	if (start_locked(delay)) {
		while (nr < batch->nr && schedule_by_model_locked(delay, batch, nr, now))
			nr++;
		wake_locked(delay);
	}
	pthread_mutex_unlock(&delay->lock);
	/* If memory or the thread is missing, execute the rest at once. */
	batch->nr -= nr;
	memmove(batch->ioarcb, batch->ioarcb + nr, batch->nr * sizeof(batch->ioarcb[0]));
	memmove(batch->cmd, batch->cmd + nr, batch->nr * sizeof(batch->cmd[0]));
	(void)emul_batch_execute(batch);
}

void emul_delay_add_pollers(struct emul_delay *delay, int nr)
{
	if (atomic_fetch_add(&delay->nr_pollers, nr) + nr > 0 ||
	    atomic_load(&delay->first_ns) == UINT64_MAX)
		return;
	/* No thread polls any more, and commands wait. */
	pthread_mutex_lock(&delay->lock);
	wake_locked(delay);
	pthread_mutex_unlock(&delay->lock);
}

bool emul_delay_command(struct emul_delay *delay, struct emul_batch *batch, unsigned i, uint32_t ms)
{
	bool good;

	pthread_mutex_lock(&delay->lock);
	good = start_locked(delay) &&
	       schedule_locked(delay, batch, i, clock_now_ns() + ms * 1000000ull);
	if (good)
		wake_locked(delay);
	pthread_mutex_unlock(&delay->lock);
	return good;
}

bool emul_delay_interrupt(struct emul_delay *delay, struct emul_engine *engine, unsigned lisn,
			  uint32_t ms)
{
	struct delay_item *item = NULL;

	pthread_mutex_lock(&delay->lock);
	if (start_locked(delay))
		item = insert(delay, clock_now_ns() + ms * 1000000ull);
	if (item) {
		item->engine = engine;
		item->nr_resets = 0;
		item->lisn = (uint8_t)lisn;
		wake_locked(delay);
	}
	pthread_mutex_unlock(&delay->lock);
	return item;
}

void emul_delay_cancel(struct emul_delay *delay, struct emul_engine *engine, uint32_t older_than)
{
	bool all = older_than == UINT32_MAX;

	pthread_mutex_lock(&delay->lock);
	delay_queue_drop(&delay->queue, engine, older_than);
	delay_update_first(delay);
	while (all && engine->nr_delayed)
		pthread_cond_wait(&delay->unused, &delay->lock);
	pthread_mutex_unlock(&delay->lock);
}
