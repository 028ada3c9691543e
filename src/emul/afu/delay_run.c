/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executes delayed commands when they are due.
 *
 * Threads that poll execute them in run(). If none polls, one thread for all engines of a process
 * does that. A wakeup can take as long as a command, so under load this thread spins shortly before
 * a command is due and shortly after the last one.
 */
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "emul/afu/delay_internal.h"

#define SPIN_NS 60000 /* before a command, and after one */

static void remove_first(struct emul_delay *delay)
{
	delay_queue_pop(&delay->queue);
	delay_update_first(delay);
}

/* ---- waiting ---- */

static void sleep_locked(struct emul_delay *delay)
{
	struct timespec until;

	delay->asleep_until = delay_thread_due_ns(delay);
	if (delay->asleep_until == UINT64_MAX) {
		pthread_cond_wait(&delay->wake, &delay->lock);
	} else {
		until = clock_timespec(delay->asleep_until - SPIN_NS);
		pthread_cond_clockwait(&delay->wake, &delay->lock, CLOCK_MONOTONIC, &until);
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
	uint64_t due = delay_thread_due_ns(delay);
	uint64_t now = clock_now_ns();

	if (due <= now + SPIN_NS)
		spin_locked(delay, due);
	else if (now < delay->last_executed_ns + SPIN_NS && !atomic_load(&delay->nr_pollers))
		spin_locked(delay, delay->last_executed_ns + SPIN_NS);
	else
		sleep_locked(delay);
}

/* ---- executing ---- */

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

void *delay_main(void *arg)
{
	struct emul_delay *delay = arg;
	struct emul_batch batch;

	/* The default slack of 50 us would be longer than a command. */
	prctl(PR_SET_TIMERSLACK, 1);
	pthread_mutex_lock(&delay->lock);
	while (!delay->stop) {
		if (delay_thread_due_ns(delay) <= clock_now_ns())
			(void)run_due_locked(delay, &batch, NULL);
		else
			wait_locked(delay);
	}
	pthread_mutex_unlock(&delay->lock);
	return NULL;
}

unsigned emul_delay_run_due(struct emul_delay *delay, const struct emul_engine *engine,
			    struct emul_batch *batch)
{
	unsigned nr = 0;

	if (!atomic_load_explicit(&delay->nr_pollers, memory_order_relaxed) ||
	    atomic_load_explicit(&delay->first_ns, memory_order_relaxed) > clock_now_ns())
		return 0;
	pthread_mutex_lock(&delay->lock);
	while (delay_first_ns(delay) <= clock_now_ns())
		nr += run_due_locked(delay, batch, engine);
	pthread_mutex_unlock(&delay->lock);
	return nr;
}
