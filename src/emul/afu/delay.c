/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delayed commands and interrupts.
 *
 * With a latency model, a fetched command waits here. It is executed when it is due, so it uses the
 * tables of the moment at which a card would complete it.
 *
 * Threads that poll execute due commands in run(). If none polls, one thread for all engines of a
 * process does that. A wakeup can take as long as a command, so under load this thread spins
 * shortly before a command is due and shortly after the last one.
 */
#include "emul/afu/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "emul/afu/delay_queue.h"
#include "emul/afu/latency.h"

#define SPIN_NS 60000 /* before a command, and after one */
/* With this many commands waiting, execute the first later, in one batch with others. */
#define BATCH_MIN_WAITING 8
#define BATCH_DELAY_NS    20000

struct emul_delay {
	/* constant */
	struct emul_afu *afu;

	_Atomic int nr_pollers;
	_Atomic uint64_t first_ns; /* result of first_ns(); written under lock */

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

/* ---- queue ---- */

/* When to execute the first command; UINT64_MAX: the queue is empty. */
static uint64_t first_ns(const struct emul_delay *delay)
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
static void update_first(struct emul_delay *delay)
{
	atomic_store(&delay->first_ns, first_ns(delay));
}

static struct delay_item *insert(struct emul_delay *delay, uint64_t due_ns)
{
	struct delay_item *item = delay_queue_push(&delay->queue, due_ns);

	if (!item)
		return NULL;
	__atomic_store_n(&delay->nr_inserted, delay->nr_inserted + 1, __ATOMIC_RELAXED);
	update_first(delay);
	return item;
}

static void remove_first(struct emul_delay *delay)
{
	delay_queue_pop(&delay->queue);
	update_first(delay);
}

/* ---- thread ---- */

/* When the thread must execute the first command; UINT64_MAX while other threads poll. */
static uint64_t thread_due_ns(struct emul_delay *delay)
{
	return atomic_load(&delay->nr_pollers) > 0 ? UINT64_MAX : first_ns(delay);
}

static void sleep_locked(struct emul_delay *delay)
{
	struct timespec ts;
	uint64_t until;

	delay->asleep_until = thread_due_ns(delay);
	if (delay->asleep_until == UINT64_MAX) {
		pthread_cond_wait(&delay->wake, &delay->lock);
	} else {
		until = delay->asleep_until - SPIN_NS;
		ts = (struct timespec){ (time_t)(until / 1000000000), (long)(until % 1000000000) };
		pthread_cond_clockwait(&delay->wake, &delay->lock, CLOCK_MONOTONIC, &ts);
	}
	delay->asleep_until = 0;
}

/* Spins until @until_ns, or until an insertion, which may be due earlier. */
static void spin_locked(struct emul_delay *delay, uint64_t until_ns)
{
	uint32_t seen = delay->nr_inserted;

	pthread_mutex_unlock(&delay->lock);
	while (clock_now_ns() < until_ns &&
	       __atomic_load_n(&delay->nr_inserted, __ATOMIC_RELAXED) == seen)
		; /* no pause needed: reading the clock takes long enough */
	pthread_mutex_lock(&delay->lock);
}

/* Waits until something may be due or may have changed. */
static void wait_locked(struct emul_delay *delay)
{
	uint64_t due = thread_due_ns(delay);
	uint64_t now = clock_now_ns();

	if (due <= now + SPIN_NS)
		spin_locked(delay, due);
	else if (now < delay->last_executed_ns + SPIN_NS && !atomic_load(&delay->nr_pollers))
		spin_locked(delay, delay->last_executed_ns + SPIN_NS);
	else
		sleep_locked(delay);
}

static void take_into_batch(struct emul_delay *delay, struct emul_batch *batch,
			    uint32_t *ret_nr_resets)
{
	struct emul_engine *engine = delay->queue.heap[0].item->engine;
	uint32_t nr_resets = delay->queue.heap[0].item->nr_resets;
	uint64_t now = clock_now_ns();

	batch->engine = engine;
	batch->nr = 0;
	while (delay->queue.nr && batch->nr < EMUL_BATCH && delay->queue.heap[0].due_ns <= now) {
		struct delay_item *item = delay->queue.heap[0].item;

		if (item->engine != engine || item->nr_resets != nr_resets || item->lisn)
			break;
		batch->ioarcb[batch->nr] = item->ioarcb;
		batch->cmd[batch->nr++] = item->cmd;
		remove_first(delay);
	}
	*ret_nr_resets = nr_resets;
}

/* Executes due commands, unless the context was reset. Return: number completed. */
static unsigned execute_due(struct emul_batch *batch, uint32_t nr_resets)
{
	bool begun;

	pthread_mutex_lock(&batch->engine->lock);
	begun = emul_batch_begin_locked(batch);
	if (begun && batch->nr_resets != nr_resets) {
		emul_batch_end_locked(batch);
		begun = false;
	}
	pthread_mutex_unlock(&batch->engine->lock);
	return begun ? emul_batch_execute(batch) : 0;
}

/*
 * Executes the first item and the commands that are due with it. Drops the lock meanwhile.
 * @own: engine whose completions the caller polls for; all others interrupt.
 * Return: number of commands completed.
 */
static unsigned run_due_locked(struct emul_delay *delay, struct emul_batch *batch,
			       const struct emul_engine *own)
{
	struct delay_item *first = delay->queue.heap[0].item;
	unsigned nr;
	uint32_t nr_resets;

	if (first->lisn) {
		emul_events_raise(&first->engine->events, first->lisn);
		remove_first(delay);
		return 0;
	}
	take_into_batch(delay, batch, &nr_resets);
	delay->last_executed_ns = clock_now_ns();
	batch->engine->nr_delayed++;
	batch->delayed = batch->engine != own;
	pthread_mutex_unlock(&delay->lock);
	nr = execute_due(batch, nr_resets);
	pthread_mutex_lock(&delay->lock);
	if (--batch->engine->nr_delayed == 0)
		pthread_cond_broadcast(&delay->unused);
	return nr;
}

static void *delay_thread(void *arg)
{
	struct emul_delay *delay = arg;
	struct emul_batch batch;

	/* The default slack of 50 us would be longer than a command. */
	prctl(PR_SET_TIMERSLACK, 1);
	pthread_mutex_lock(&delay->lock);
	while (!delay->stop) {
		if (thread_due_ns(delay) <= clock_now_ns())
			(void)run_due_locked(delay, &batch, NULL);
		else
			wait_locked(delay);
	}
	pthread_mutex_unlock(&delay->lock);
	return NULL;
}

static bool start_locked(struct emul_delay *delay)
{
	if (!delay->running)
		delay->running =
			thread_start(&delay->thread, delay_thread, delay, "emul-delay") == 0;
	return delay->running;
}

static void wake_locked(struct emul_delay *delay)
{
	if (delay->asleep_until > thread_due_ns(delay))
		pthread_cond_signal(&delay->wake);
}

/* ---- public ---- */

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

unsigned emul_delay_run_due(struct emul_delay *delay, const struct emul_engine *engine,
			    struct emul_batch *batch)
{
	unsigned nr = 0;

	if (!atomic_load_explicit(&delay->nr_pollers, memory_order_relaxed) ||
	    atomic_load_explicit(&delay->first_ns, memory_order_relaxed) > clock_now_ns())
		return 0;
	pthread_mutex_lock(&delay->lock);
	while (first_ns(delay) <= clock_now_ns())
		nr += run_due_locked(delay, batch, engine);
	pthread_mutex_unlock(&delay->lock);
	return nr;
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
	update_first(delay);
	while (all && engine->nr_delayed)
		pthread_cond_wait(&delay->unused, &delay->lock);
	pthread_mutex_unlock(&delay->lock);
}
