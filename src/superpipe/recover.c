/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reaper thread recovers. Meanwhile commands and ioctls of other threads wait.
 *
 *   state    | entered when                           | does                    | goes to
 *   ---------|----------------------------------------|-------------------------|------------------
 *   RUNNING  | start; resumed                         | -                       | HALT
 *   HALT     | all ones read (LOST), fd2 says closed  | no new command, nobody  | ASK; RESET
 *            | (LOST), ioctl refused or afu_rc 21     | inside run()            |
 *            | (CHECK), command overdue or AFU error  |                         |
 *            | (HUNG)                                 |                         |
 *   RESET    | HUNG, and the registers answer         | context reset; what the | RUNNING; ASK if
 *            |                                        | RRQ holds is settled,   | all ones; FAIL if
 *            |                                        | the rest issued again   | it does not end
 *   ASK      | LOST, CHECK                            | RECOVER_AFU             | RENEW; RESUME;
 *            |                                        |                         | ASK later; FAIL
 *   RENEW    | the driver gave a new context          | unmap and close old,    | RESUME; ASK if
 *            |                                        | map new, queues, every  | lost again
 *            |                                        | command issued again    |
 *   RESUME   | the context is good                    | go on where we were     | RUNNING
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
#include <time.h>

#include "base/log.h"
#include "base/minmax.h"
#include "superpipe/superpipe_internal.h"

#define MAX_TRIES        40 /* of ASK for one recovery, pauses growing: about half a minute */
#define MAX_ENODEV       3
#define MAX_FRUITLESS    30
#define MAX_RESETS       8
#define MAX_PAUSE_MS     1000
#define DEFAULT_PAUSE_MS 20

int recover_init(struct superpipe *sp)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc)
		return -rc;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&sp->recovery.lock, NULL);
	(void)pthread_cond_init(&sp->recovery.finished, &attr);
	(void)pthread_condattr_destroy(&attr);
	sp->recovery.pause_ms =
		sp->options.recover_pause_ms ? sp->options.recover_pause_ms : DEFAULT_PAUSE_MS;
	return 0;
}

void recover_fini(struct superpipe *sp)
{
	(void)pthread_cond_destroy(&sp->recovery.finished);
	(void)pthread_mutex_destroy(&sp->recovery.lock);
}

/* ---- waiting ---- */

static bool is_stopping(const struct superpipe *sp)
{
	return __atomic_load_n(&sp->stop, __ATOMIC_ACQUIRE) != 0;
}

static struct timespec monotonic_in_ms(unsigned milliseconds)
{
	struct timespec limit;

	(void)clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += milliseconds / 1000;
	limit.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (limit.tv_nsec >= 1000000000) {
		limit.tv_sec++;
		limit.tv_nsec -= 1000000000;
	}
	return limit;
}

int recover_pause(struct superpipe *sp, unsigned milliseconds)
{
	struct timespec limit = monotonic_in_ms(milliseconds);
	int rc = 0;

	pthread_mutex_lock(&sp->recovery.lock);
	while (!superpipe_failed(sp) && !is_stopping(sp) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&sp->recovery.finished, &sp->recovery.lock, &limit);
	pthread_mutex_unlock(&sp->recovery.lock);
	return superpipe_failed(sp) ? -EIO : 0;
}

static void await_handled(struct superpipe *sp, enum ioq_fault fault)
{
	uint64_t mine;

	pthread_mutex_lock(&sp->recovery.lock);
	mine = ++sp->recovery.nr_requested;
	ioq_report_fault(&sp->ioq, fault);
	while (sp->recovery.nr_finished < mine && !superpipe_failed(sp))
		pthread_cond_wait(&sp->recovery.finished, &sp->recovery.lock);
	pthread_mutex_unlock(&sp->recovery.lock);
}

int recover_check(struct superpipe *sp, uint64_t generation)
{
	if (!superpipe_failed(sp) && context_generation(&sp->context) == generation)
		await_handled(sp, IOQ_FAULT_CHECK);
	if (superpipe_failed(sp))
		return -EIO;
	return context_generation(&sp->context) == generation ? -EINVAL : 0;
}

int recover_await(struct superpipe *sp)
{
	await_handled(sp, IOQ_FAULT_LOST);
	return superpipe_failed(sp) ? -EIO : 0;
}

void recover_cancel(struct superpipe *sp)
{
	pthread_mutex_lock(&sp->recovery.lock);
	__atomic_store_n(&sp->stop, 1, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&sp->recovery.finished);
	pthread_mutex_unlock(&sp->recovery.lock);
}

/* ---- FAIL ---- */

static void announce(struct superpipe *sp, uint64_t nr_answered)
{
	pthread_mutex_lock(&sp->recovery.lock);
	sp->recovery.nr_finished = nr_answered;
	pthread_cond_broadcast(&sp->recovery.finished);
	pthread_mutex_unlock(&sp->recovery.lock);
}

static void notify(struct superpipe *sp, enum superpipe_event event, const char *why)
{
	if (sp->options.notify)
		sp->options.notify(sp->options.notify_arg, event, 0, why);
}

static void fail(struct superpipe *sp, const char *why)
{
	log_debug(LOGC_SUPERPIPE, "%s: giving up: %s", sp->context.names[0], why);
	context_detach(&sp->context);
	__atomic_store_n(&sp->failed, 1, __ATOMIC_RELEASE);
	ioq_fail(&sp->ioq);
	notify(sp, SUPERPIPE_FAILED, why);
}

/* ---- ASK, RENEW, RESUME ---- */

enum answer {
	ANSWER_RESUME, /* RUNNING again */
	ANSWER_AGAIN,  /* ask again after a pause */
	ANSWER_FAIL,
};

static enum answer renew(struct superpipe *sp)
{
	struct context *ctx = &sp->context;

	ioq_requeue_issued(&sp->ioq);
	if (ioq_start(&sp->ioq, ctx->mmio, ctx->id, ctx->sq_mode))
		return ANSWER_AGAIN; /* lost again */
	__atomic_fetch_add(&sp->nr_recoveries, 1, __ATOMIC_RELAXED);
	sp->recovery.nr_fruitless = 0;
	ioq_resume(&sp->ioq);
	notify(sp, SUPERPIPE_RECOVERED, "the adapter was reset");
	return ANSWER_RESUME;
}

/*
 * The driver reports a valid context. If the registers still read all ones, it has not noticed the
 * reset yet. If we keep losing the context although the driver reports it valid, we give up.
 */
static enum answer resume_unchanged(struct superpipe *sp, bool lost)
{
	uint64_t status = sp->ioq.ops->read64(sp->context.mmio, SISL_INTR_STATUS);

	if (status == SISL_ALL_ONES)
		return ANSWER_AGAIN;
	if (lost) {
		if (++sp->recovery.nr_fruitless > MAX_FRUITLESS)
			return ANSWER_FAIL;
		(void)recover_pause(sp, sp->recovery.pause_ms * sp->recovery.nr_fruitless);
	}
	ioq_resume(&sp->ioq);
	return ANSWER_RESUME;
}

static enum answer ask_once(struct superpipe *sp, bool lost, bool *renewed_before,
			    unsigned *nr_enodev)
{
	bool renewed = false;
	int rc = context_recover(&sp->context, &renewed);

	if (rc == -ENODEV && ++*nr_enodev >= MAX_ENODEV)
		return ANSWER_FAIL;
	if (rc) {
		log_debug(LOGC_SUPERPIPE, "%s: recover: %s", sp->context.names[0], strerror(-rc));
		/* No mapping: the context was replaced, but mapping it failed. */
		*renewed_before |= sp->context.mmio == NULL;
		return ANSWER_AGAIN;
	}
	*nr_enodev = 0;
	*renewed_before |= renewed;
	return *renewed_before ? renew(sp) : resume_unchanged(sp, lost);
}

static void ask(struct superpipe *sp, bool lost)
{
	unsigned pause_ms = sp->recovery.pause_ms, nr_enodev = 0;
	bool renewed = false;

	for (unsigned i = 0; i < MAX_TRIES; i++) {
		enum answer answer = ask_once(sp, lost, &renewed, &nr_enodev);

		if (answer == ANSWER_RESUME)
			return;
		if (answer == ANSWER_FAIL)
			break;
		(void)recover_pause(sp, pause_ms);
		pause_ms = min_u(pause_ms * 2, MAX_PAUSE_MS);
	}
	fail(sp, nr_enodev ? "the adapter has failed" : "recovery does not succeed");
}

/* ---- RESET ---- */

/* A command that completed since the last recovery shows that it worked. */
static void note_progress(struct superpipe *sp)
{
	struct recovery *recovery = &sp->recovery;
	uint64_t nr_completed;

	pthread_mutex_lock(&sp->ioq.submit_lock);
	nr_completed = sp->ioq.nr_completed;
	pthread_mutex_unlock(&sp->ioq.submit_lock);
	if (nr_completed != recovery->completed_before) {
		recovery->nr_resets = 0;
		recovery->nr_fruitless = 0;
	}
	recovery->completed_before = nr_completed;
}

/*
 * Clears what intr_status shows. Most bits never clear; MAX_RESETS then ends the loop of resets.
 */
static void reset(struct superpipe *sp)
{
	struct ioq *q = &sp->ioq;
	uint64_t status = q->ops->read64(q->mmio, SISL_INTR_STATUS);
	int rc;

	if (status == SISL_ALL_ONES) {
		ask(sp, true);
		return;
	}
	if (status)
		q->ops->write64(q->mmio, SISL_INTR_CLEAR, status);
	if (!(status & SISL_ISTATUS_PERMANENT) && !ioq_is_overdue(q)) {
		ioq_resume(q);
		return;
	}
	if (++sp->recovery.nr_resets > MAX_RESETS) {
		fail(sp, "context resets do not help");
		return;
	}
	__atomic_fetch_add(&sp->nr_timeouts, 1, __ATOMIC_RELAXED);
	rc = ioq_reset_context(q);
	log_debug(LOGC_SUPERPIPE, "%s: context reset, intr_status %#llx: %s", sp->context.names[0],
		  (unsigned long long)status, rc ? strerror(-rc) : "done");
	if (rc == -EIO) {
		ask(sp, true);
	} else if (rc) {
		fail(sp, "a context reset does not end");
	} else {
		ioq_reap_halted(q);
		ioq_requeue_overdue(q);
		ioq_resume(q);
		notify(sp, SUPERPIPE_TIMED_OUT, "commands were not answered");
	}
}

/*
 * A request sets its fault bit under the lock, so the bits and the number taken here match. The bit
 * of a later request stays for the next call.
 */
static uint32_t take_faults(struct superpipe *sp, uint64_t *ret_nr_requested)
{
	uint32_t faults;

	pthread_mutex_lock(&sp->recovery.lock);
	*ret_nr_requested = sp->recovery.nr_requested;
	faults = __atomic_exchange_n(&sp->ioq.faults, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&sp->recovery.lock);
	return faults;
}

void recover_handle(struct superpipe *sp)
{
	uint64_t nr_requested;
	uint32_t faults = take_faults(sp, &nr_requested);

	if (!faults)
		return;
	if (!superpipe_failed(sp)) {
		ioq_halt(&sp->ioq);
		note_progress(sp);
		if (faults & (IOQ_FAULT_LOST | IOQ_FAULT_CHECK))
			ask(sp, faults & IOQ_FAULT_LOST);
		else
			reset(sp);
		/* RECOVER_AFU does not tell whether commands hang. */
		if (faults != IOQ_FAULT_HUNG && faults & IOQ_FAULT_HUNG)
			ioq_report_fault(&sp->ioq, IOQ_FAULT_HUNG);
	}
	announce(sp, nr_requested);
}
