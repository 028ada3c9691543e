/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/reaper.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/thread.h"
#include "superpipe/events.h"
#include "superpipe/ioq_internal.h"
#include "superpipe/recover.h"
#include "superpipe/session.h"
#include "superpipe/vlun.h"

/*
 * While commands are in flight, the reaper does a round every tick even without an event, because
 * interrupts can be lost, and a reset of the adapter may show only in registers that read all ones.
 */
#define TICK_MS         20
#define STALLED_MS      1 /* no credit and nothing in flight: try again soon */
#define POLLER_CHECK_MS 1 /* a polling thread may lose the processor */

struct reaper_round {
	uint64_t nr_completed; /* as of the last tick */
	uint64_t next_watchdog_ms;
	uint32_t nr_polls; /* as of the last wait */
};

static int earlier(int left_ms, int right_ms)
{
	if (left_ms < 0)
		return right_ms;
	if (right_ms < 0)
		return left_ms;
	return left_ms < right_ms ? left_ms : right_ms;
}

static int wait_ms_locked(const struct ioq *q)
{
	if (ioq_state(q) == IOQ_FAILED || (!q->nr_busy && !q->retries.head && !q->fifo_head))
		return -1;
	return ioq_is_stalled_locked(q) ? STALLED_MS : TICK_MS;
}

/* True if another thread has polled since our last wait. If not, we handle completions. */
static bool is_polled(const struct ioq *q, struct reaper_round *round)
{
	uint32_t nr_polls = __atomic_load_n(&q->nr_polls, __ATOMIC_RELAXED);
	bool polled = nr_polls != round->nr_polls;

	round->nr_polls = nr_polls;
	return polled && ioq_has_pollers(q);
}

/*
 * Returns how long to wait. While another thread polls (@ret_polled) we ignore interrupts, and wait
 * only briefly, because that thread may lose the processor. reaper_asleep makes the next command,
 * or the last polling thread when it stops, wake us.
 */
static int wait_ms(struct ioq *q, struct reaper_round *round, int deferred_ms, bool *ret_polled)
{
	int limit_ms;

	pthread_mutex_lock(&q->submit_lock);
	/* Before nr_pollers is read: see ioq_start_polling(). */
	__atomic_store_n(&q->reaper_asleep, 1, __ATOMIC_SEQ_CST);
	limit_ms = wait_ms_locked(q);
	*ret_polled = is_polled(q, round);
	if (ioq_has_pollers(q))
		limit_ms = earlier(limit_ms, *ret_polled ? TICK_MS : POLLER_CHECK_MS);
	else if (limit_ms >= 0)
		__atomic_store_n(&q->reaper_asleep, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&q->submit_lock);
	return earlier(limit_ms, deferred_ms);
}

static void clear_wakeup(struct ioq *q)
{
	uint64_t count;
	ssize_t bytes = read(q->wake_fd, &count, sizeof(count));

	(void)bytes; /* EAGAIN: there was no wakeup */
}

static void read_events(struct session *session)
{
	unsigned nr_interrupts;
	unsigned seen = events_read(session->ioq.ops, session->ioq.mmio, &nr_interrupts);

	__atomic_fetch_add(&session->nr_interrupts, nr_interrupts, __ATOMIC_RELAXED);
	if (seen & EVENTS_CLOSED)
		ioq_report_fault(&session->ioq, IOQ_FAULT_LOST);
	if (seen & EVENTS_AFU_ERROR)
		ioq_report_fault(&session->ioq, IOQ_FAULT_HUNG);
}

/*
 * Only checks that another thread still polls. If we took its completions, it would conclude that
 * it need not poll.
 */
static void wait_while_polled(struct ioq *q, struct reaper_round *round, struct pollfd *wake,
			      int limit_ms)
{
	do {
		int step_ms = earlier(limit_ms, POLLER_CHECK_MS);

		if (poll(wake, 1, step_ms))
			return;
		limit_ms -= step_ms;
	} while (limit_ms > 0 && is_polled(q, round));
}

static void wait_for_event(struct session *session, struct reaper_round *round, int deferred_ms)
{
	struct ioq *q = &session->ioq;
	struct pollfd fds[2] = { { .fd = q->wake_fd, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };
	bool polled;
	int limit_ms = wait_ms(q, round, deferred_ms, &polled);

	if (q->mmio && !polled)
		fds[1].fd = q->ops->event_fd(q->mmio);
	if (polled)
		wait_while_polled(q, round, &fds[0], limit_ms);
	else
		(void)poll(fds, 2, limit_ms);
	__atomic_store_n(&q->reaper_asleep, 0, __ATOMIC_SEQ_CST);
	if (fds[0].revents)
		clear_wakeup(q);
	if (fds[1].revents & POLLIN)
		read_events(session);
	else if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		ioq_report_fault(q, IOQ_FAULT_LOST);
}

/* Reads a register if commands are in flight and none has completed since the last call. */
static void check_context_lost(struct session *session, struct reaper_round *round)
{
	struct ioq *q = &session->ioq;
	uint64_t nr_completed;
	bool busy;

	pthread_mutex_lock(&q->submit_lock);
	nr_completed = q->nr_completed;
	busy = q->nr_busy != 0 && ioq_state(q) == IOQ_RUNNING;
	pthread_mutex_unlock(&q->submit_lock);
	if (busy && nr_completed == round->nr_completed &&
	    q->ops->read64(q->mmio, SISL_INTR_STATUS) == SISL_ALL_ONES)
		ioq_report_fault(q, IOQ_FAULT_LOST);
	round->nr_completed = nr_completed;
}

static void check_health(struct session *session, struct reaper_round *round)
{
	uint64_t now_ms = ioq_now_ms();

	check_context_lost(session, round);
	if (now_ms < round->next_watchdog_ms)
		return;
	round->next_watchdog_ms = now_ms + session->ioq.watchdog_ms / 8;
	if (ioq_is_overdue(&session->ioq))
		ioq_report_fault(&session->ioq, IOQ_FAULT_HUNG);
}

static void issue_stalled(struct ioq *q)
{
	pthread_mutex_lock(&q->submit_lock);
	if (ioq_is_stalled_locked(q))
		ioq_issue_locked(q);
	pthread_mutex_unlock(&q->submit_lock);
}

static void *reaper_main(void *arg)
{
	struct session *session = arg;
	struct reaper_round round = { 0 };
	int deferred_ms = -1;

	while (!__atomic_load_n(&session->stop, __ATOMIC_ACQUIRE)) {
		wait_for_event(session, &round, deferred_ms);
		ioq_drain(&session->ioq);
		check_health(session, &round);
		recover_handle(session);
		deferred_ms = ioq_run_deferred(&session->ioq, vlun_verify);
		issue_stalled(&session->ioq);
		ioq_drain(&session->ioq);
	}
	return NULL;
}

int reaper_start(struct session *session)
{
	return thread_start(&session->reaper, reaper_main, session, "cxlfs-reaper");
}

void reaper_stop(struct session *session)
{
	recover_cancel(session);
	ioq_wake_reaper(&session->ioq);
	(void)pthread_join(session->reaper, NULL);
}
