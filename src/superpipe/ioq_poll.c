/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Polling for completions. While threads poll, they reap. Otherwise the reaper does: under light
 * load it polls for a while, then it sleeps until the adapter interrupts.
 */
#include <sched.h>

#include "base/clock.h"
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"

/* With more commands in flight, polling would only take processor time from the submitters. */
#define POLL_MAX_BUSY      2
#define POLL_PERIOD_ROUNDS 32

/* ---- the reaper ---- */

/* True if the submitters have waited for each command before the next one for a while. */
static bool is_light_load(struct ioq *q)
{
	bool light;

	pthread_mutex_lock(&q->submit_lock);
	if (++q->nr_rounds == POLL_PERIOD_ROUNDS) {
		q->nr_rounds = 0;
		q->peak_busy[1] = q->peak_busy[0];
		q->peak_busy[0] = q->nr_busy;
	}
	light = q->peak_busy[0] <= POLL_MAX_BUSY && q->peak_busy[1] <= POLL_MAX_BUSY;
	pthread_mutex_unlock(&q->submit_lock);
	return light;
}

/* True if completions will come and nothing else needs the reaper. */
static bool awaits_completions(struct ioq *q)
{
	bool awaits;

	pthread_mutex_lock(&q->submit_lock);
	awaits = q->nr_busy != 0 && q->nr_busy <= POLL_MAX_BUSY && ioq_state(q) == IOQ_RUNNING &&
		 !__atomic_load_n(&q->faults, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&q->submit_lock);
	return awaits && !ioq_has_pollers(q);
}

static bool has_completions(struct ioq *q)
{
	bool has;

	pthread_mutex_lock(&q->reap_lock);
	has = ioq_state(q) == IOQ_RUNNING && !ring_rrq_is_empty(&q->rrq);
	pthread_mutex_unlock(&q->reap_lock);
	return has;
}

bool ioq_busy_poll(struct ioq *q)
{
	uint64_t until_us;

	if (!q->busy_poll_us || !is_light_load(q) || !awaits_completions(q))
		return false;
	until_us = clock_now_us() + q->busy_poll_us;
	do {
		if (has_completions(q))
			return true;
		(void)sched_yield();
	} while (clock_now_us() < until_us && awaits_completions(q));
	return clock_now_us() < until_us;
}

bool ioq_is_busy(struct ioq *q)
{
	bool busy;

	pthread_mutex_lock(&q->submit_lock);
	busy = q->nr_busy != 0;
	pthread_mutex_unlock(&q->submit_lock);
	return busy;
}

/* The reaper may sleep without a time limit, or ignore interrupts, because there was no load when
 * it went to sleep or a thread polled. */
void ioq_wake_reaper_if_needed(struct ioq *q)
{
	if (!__atomic_load_n(&q->reaper_asleep, __ATOMIC_SEQ_CST) || ioq_has_pollers(q))
		return;
	if (ioq_is_busy(q) && __atomic_exchange_n(&q->reaper_asleep, 0, __ATOMIC_SEQ_CST))
		ioq_wake_reaper(q);
}

/* ---- other threads that poll ---- */

/*
 * No wakeup is lost: the last polling thread decrements nr_pollers and then reads reaper_asleep;
 * the reaper sets reaper_asleep and then reads nr_pollers. At least one of them sees the other.
 */
void ioq_start_polling(struct ioq *q)
{
	__atomic_fetch_add(&q->nr_pollers, 1, __ATOMIC_SEQ_CST);
}

void ioq_stop_polling(struct ioq *q)
{
	if (!__atomic_sub_fetch(&q->nr_pollers, 1, __ATOMIC_SEQ_CST))
		ioq_wake_reaper_if_needed(q);
}

bool ioq_poll(struct ioq *q)
{
	__atomic_fetch_add(&q->nr_polls, 1, __ATOMIC_RELAXED);
	return ioq_drain(q);
}
