/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery runs on the reaper thread. While it runs, commands and ioctls of other threads wait.
 *
 *   state    | entered when                           | does                    | goes to
 *   ---------|----------------------------------------|-------------------------|------------------
 *   RUNNING  | start; resumed                         | -                       | HALT
 *   HALT     | registers read all ones or fd2 reports | no new command, no      | ASK; RESET
 *            | a closed context (LOST), ioctl failed  | thread inside run()     |
 *            | or afu_rc 21 (CHECK), command overdue  |                         |
 *            | or AFU error (HUNG)                    |                         |
 *   RESET    | HUNG, and the registers answer         | context reset; commands | RUNNING; ASK if
 *            |                                        | in the RRQ complete,    | all ones; FAIL if
 *            |                                        | others issued again     | it does not end
 *   ASK      | LOST, CHECK                            | RECOVER_AFU             | RENEW; RESUME;
 *            |                                        |                         | ASK later; FAIL
 *   RENEW    | the driver gave a new context          | unmap and close old,    | RESUME; ASK if
 *            |                                        | map new, queues, every  | lost again
 *            |                                        | command issued again    |
 *   RESUME   | the context is valid                   | issue waiting commands  | RUNNING
 *   FAIL     | ENODEV repeatedly; nothing helps       | detach, unmap, close    | -
 *            |                                        | fd2; all ios end -EIO   |
 *
 * ENODEV is retried a few times, because the driver also returns it when no process element is
 * free; another recovery may free one. FAIL detaches the context before it completes the first io,
 * because until then the device may write into the buffer.
 */
#include "superpipe/recover.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "superpipe/session.h"

#define MAX_TRIES        40 /* of ASK for one recovery, pauses growing: about half a minute */
#define MAX_ENODEV       3
#define MAX_FRUITLESS    30
#define MAX_RESETS       8
#define MAX_PAUSE_MS     1000
#define DEFAULT_PAUSE_MS 20

int recover_init(struct session *session)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc)
		return -rc;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&session->recovery.lock, NULL);
	(void)pthread_cond_init(&session->recovery.finished, &attr);
	(void)pthread_condattr_destroy(&attr);
	session->recovery.pause_ms = session->options.recover_pause_ms
					     ? session->options.recover_pause_ms
					     : DEFAULT_PAUSE_MS;
	return 0;
}

void recover_fini(struct session *session)
{
	(void)pthread_cond_destroy(&session->recovery.finished);
	(void)pthread_mutex_destroy(&session->recovery.lock);
}

/* ---- waiting ---- */

static bool is_stopping(const struct session *session)
{
	return __atomic_load_n(&session->stop, __ATOMIC_ACQUIRE) != 0;
}

int recover_pause(struct session *session, unsigned milliseconds)
{
	const struct timespec limit = clock_timespec(clock_now_ns() + milliseconds * 1000000ull);
	int rc = 0;

	pthread_mutex_lock(&session->recovery.lock);
	while (!session_failed(session) && !is_stopping(session) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&session->recovery.finished, &session->recovery.lock,
					    &limit);
	pthread_mutex_unlock(&session->recovery.lock);
	return session_failed(session) ? -EIO : 0;
}

static void await_handled(struct session *session, enum ioq_fault fault)
{
	uint64_t mine;

	pthread_mutex_lock(&session->recovery.lock);
	mine = ++session->recovery.nr_requested;
	ioq_report_fault(&session->ioq, fault);
	while (session->recovery.nr_finished < mine && !session_failed(session))
		pthread_cond_wait(&session->recovery.finished, &session->recovery.lock);
	pthread_mutex_unlock(&session->recovery.lock);
}

int recover_check(struct session *session, uint64_t generation)
{
	if (!session_failed(session) && context_generation(&session->context) == generation)
		await_handled(session, IOQ_FAULT_CHECK);
	if (session_failed(session))
		return -EIO;
	return context_generation(&session->context) == generation ? -EINVAL : 0;
}

int recover_await(struct session *session)
{
	await_handled(session, IOQ_FAULT_LOST);
	return session_failed(session) ? -EIO : 0;
}

void recover_cancel(struct session *session)
{
	pthread_mutex_lock(&session->recovery.lock);
	__atomic_store_n(&session->stop, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&session->recovery.finished);
	pthread_mutex_unlock(&session->recovery.lock);
}

/* ---- FAIL ---- */

static void announce(struct session *session, uint64_t nr_answered)
{
	pthread_mutex_lock(&session->recovery.lock);
	session->recovery.nr_finished = nr_answered;
	pthread_cond_broadcast(&session->recovery.finished);
	pthread_mutex_unlock(&session->recovery.lock);
}

static void fail(struct session *session, const char *why)
{
	log_debug(LOGC_SUPERPIPE, "%s: giving up: %s", session->context.names[0], why);
	context_detach(&session->context);
	__atomic_store_n(&session->failed, 1, __ATOMIC_RELEASE);
	ioq_fail(&session->ioq);
	session_notify(session, SUPERPIPE_FAILED, why);
}

/* ---- ASK, RENEW, RESUME ---- */

enum answer {
	ANSWER_RESUME, /* RUNNING again */
	ANSWER_AGAIN,  /* ask again after a pause */
	ANSWER_FAIL,
};

static enum answer renew(struct session *session)
{
	struct context *ctx = &session->context;

	ioq_requeue_issued(&session->ioq);
	if (ioq_start(&session->ioq, ctx->mmio, ctx->id, ctx->sq_mode))
		return ANSWER_AGAIN; /* lost again */
	__atomic_fetch_add(&session->nr_recoveries, 1, __ATOMIC_RELAXED);
	session->recovery.nr_fruitless = 0;
	ioq_resume(&session->ioq);
	session_notify(session, SUPERPIPE_RECOVERED, "the adapter was reset");
	return ANSWER_RESUME;
}

/*
 * The driver reports a valid context. If the registers still read all ones, it has not noticed the
 * reset yet. If we keep losing the context although the driver reports it valid, we give up.
 */
static enum answer resume_unchanged(struct session *session, bool lost)
{
	uint64_t status = session->ioq.ops->read64(session->context.mmio, SISL_INTR_STATUS);

	if (status == SISL_ALL_ONES)
		return ANSWER_AGAIN;
	if (lost) {
		if (++session->recovery.nr_fruitless > MAX_FRUITLESS)
			return ANSWER_FAIL;
		(void)recover_pause(session,
				    session->recovery.pause_ms * session->recovery.nr_fruitless);
	}
	ioq_resume(&session->ioq);
	return ANSWER_RESUME;
}

static enum answer ask_once(struct session *session, bool lost, bool *renewed_before,
			    unsigned *nr_enodev)
{
	bool renewed = false;
	int rc = context_recover(&session->context, &renewed);

	if (rc == -ENODEV && ++*nr_enodev >= MAX_ENODEV)
		return ANSWER_FAIL;
	if (rc) {
		log_debug(LOGC_SUPERPIPE, "%s: recover: %s", session->context.names[0],
			  strerror(-rc));
		/* No mapping: the context was replaced, but mapping it failed. */
		*renewed_before |= session->context.mmio == NULL;
		return ANSWER_AGAIN;
	}
	*nr_enodev = 0;
	*renewed_before |= renewed;
	return *renewed_before ? renew(session) : resume_unchanged(session, lost);
}

static void ask(struct session *session, bool lost)
{
	unsigned pause_ms = session->recovery.pause_ms, nr_enodev = 0;
	bool renewed = false;

	for (unsigned i = 0; i < MAX_TRIES; i++) {
		enum answer answer = ask_once(session, lost, &renewed, &nr_enodev);

		if (answer == ANSWER_RESUME)
			return;
		if (answer == ANSWER_FAIL)
			break;
		(void)recover_pause(session, pause_ms);
		pause_ms = min_u(pause_ms * 2, MAX_PAUSE_MS);
	}
	fail(session, nr_enodev ? "the adapter has failed" : "recovery does not succeed");
}

/* ---- RESET ---- */

/* A command that completed since the last recovery shows that it worked. */
static void note_progress(struct session *session)
{
	struct recovery *recovery = &session->recovery;
	uint64_t nr_completed;

	pthread_mutex_lock(&session->ioq.submit_lock);
	nr_completed = session->ioq.nr_completed;
	pthread_mutex_unlock(&session->ioq.submit_lock);
	if (nr_completed != recovery->completed_before) {
		recovery->nr_resets = 0;
		recovery->nr_fruitless = 0;
	}
	recovery->completed_before = nr_completed;
}

/*
 * Clears what intr_status shows. Most bits never clear; MAX_RESETS then ends the loop of resets.
 */
static void reset(struct session *session)
{
	struct ioq *q = &session->ioq;
	uint64_t status = q->ops->read64(q->mmio, SISL_INTR_STATUS);
	int rc;

	if (status == SISL_ALL_ONES) {
		ask(session, true);
		return;
	}
	if (status)
		q->ops->write64(q->mmio, SISL_INTR_CLEAR, status);
	if (!(status & SISL_ISTATUS_PERMANENT) && !ioq_is_overdue(q)) {
		ioq_resume(q);
		return;
	}
	if (++session->recovery.nr_resets > MAX_RESETS) {
		fail(session, "context resets do not help");
		return;
	}
	__atomic_fetch_add(&session->nr_timeouts, 1, __ATOMIC_RELAXED);
	rc = ioq_reset_context(q);
	log_debug(LOGC_SUPERPIPE, "%s: context reset, intr_status %#llx: %s",
		  session->context.names[0], (unsigned long long)status,
		  rc ? strerror(-rc) : "done");
	if (rc == -EIO) {
		ask(session, true);
	} else if (rc) {
		fail(session, "a context reset does not end");
	} else {
		ioq_reap_halted(q);
		ioq_requeue_overdue(q);
		ioq_resume(q);
		session_notify(session, SUPERPIPE_TIMED_OUT, "commands were not answered");
	}
}

/*
 * A request sets its fault bit under the lock, so the bits and the number taken here match. The bit
 * of a later request stays for the next call.
 */
static uint32_t take_faults(struct session *session, uint64_t *ret_nr_requested)
{
	uint32_t faults;

	pthread_mutex_lock(&session->recovery.lock);
	*ret_nr_requested = session->recovery.nr_requested;
	faults = __atomic_exchange_n(&session->ioq.faults, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&session->recovery.lock);
	return faults;
}

static uint64_t nr_events(const struct session *session)
{
	return __atomic_load_n(&session->nr_recoveries, __ATOMIC_RELAXED) +
	       __atomic_load_n(&session->nr_timeouts, __ATOMIC_RELAXED);
}

static void note_times(struct session *session, uint64_t start_ns)
{
	struct superpipe_recovery *times = &session->recovery.times;

	pthread_mutex_lock(&session->recovery.lock);
	times->last_ns = clock_now_ns();
	times->last_length_ns = times->last_ns - start_ns;
	times->total_ns += times->last_length_ns;
	pthread_mutex_unlock(&session->recovery.lock);
}

void recover_get_times(struct session *session, struct superpipe_recovery *ret_times)
{
	pthread_mutex_lock(&session->recovery.lock);
	*ret_times = session->recovery.times;
	pthread_mutex_unlock(&session->recovery.lock);
}

void recover_set_times(struct session *session, const struct superpipe_recovery *times)
{
	pthread_mutex_lock(&session->recovery.lock);
	session->recovery.times = *times;
	pthread_mutex_unlock(&session->recovery.lock);
}

void recover_handle(struct session *session)
{
	uint64_t nr_requested, start_ns, nr_before = nr_events(session);
	uint32_t faults = take_faults(session, &nr_requested);

	if (!faults)
		return;
	start_ns = clock_now_ns();
	if (!session_failed(session)) {
		ioq_halt(&session->ioq);
		note_progress(session);
		if (faults & (IOQ_FAULT_LOST | IOQ_FAULT_CHECK))
			ask(session, faults & IOQ_FAULT_LOST);
		else
			reset(session);
		/* RECOVER_AFU does not show whether commands hang. */
		if (faults != IOQ_FAULT_HUNG && faults & IOQ_FAULT_HUNG)
			ioq_report_fault(&session->ioq, IOQ_FAULT_HUNG);
	}
	if (nr_events(session) != nr_before)
		note_times(session, start_ns);
	announce(session, nr_requested);
}
