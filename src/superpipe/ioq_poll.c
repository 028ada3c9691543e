/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that serve requests poll for completions. While any of them polls, the reaper leaves the
 * completions to it; otherwise the adapter interrupts the reaper.
 */
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"

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
