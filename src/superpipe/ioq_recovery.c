/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine during recovery. Everything here runs on the reaper thread.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"

#define RESET_TIMEOUT_MS 5000

static void set_state(struct ioq *q, enum ioq_state state)
{
	pthread_mutex_lock(&q->reap_lock);
	__atomic_store_n(&q->state, state, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&q->reap_lock);
}

void ioq_halt(struct ioq *q)
{
	pthread_mutex_lock(&q->submit_lock);
	if (ioq_state(q) == IOQ_RUNNING)
		set_state(q, IOQ_HALTED);
	/* Pairs with run_device(). */
	while (__atomic_load_n(&q->nr_runners, __ATOMIC_SEQ_CST))
		pthread_cond_wait(&q->no_runners, &q->submit_lock);
	pthread_mutex_unlock(&q->submit_lock);
}

/* Writes endian_ctrl although it should reset to little endian: no document promises that. */
static void program_registers(struct ioq *q)
{
	const struct devport_ops *ops = q->ops;

	ops->write64(q->mmio, SISL_ENDIAN_CTRL,
		     __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? SISL_ENDIAN_BIG : SISL_ENDIAN_LITTLE);
	ops->write64(q->mmio, SISL_RRQ_START, ring_rrq_start(&q->rrq));
	ops->write64(q->mmio, SISL_RRQ_END, ring_rrq_last(&q->rrq));
	if (q->sq_mode) {
		ops->write64(q->mmio, SISL_SQ_START, ring_sq_start(&q->sq));
		ops->write64(q->mmio, SISL_SQ_END, ring_sq_last(&q->sq));
	}
	ops->write64(q->mmio, SISL_CTX_CTRL, SISL_LISN_SYNC_ERROR);
	ops->write64(q->mmio, SISL_INTR_MASK, ~SISL_ISTATUS_MASK);
}

int ioq_start(struct ioq *q, struct devport_mmio *mmio, uint64_t context_id, bool sq_mode)
{
	bool alive;

	pthread_mutex_lock(&q->submit_lock);
	q->mmio = mmio;
	q->ctx_id = (uint16_t)(context_id & SISL_CTX_ID_MASK);
	q->sq_mode = sq_mode;
	q->nr_credits = 0;
	q->sq.position = 0;
	pthread_mutex_lock(&q->reap_lock);
	ring_rrq_clear(&q->rrq);
	pthread_mutex_unlock(&q->reap_lock);
	program_registers(q);
	alive = q->ops->read64(mmio, SISL_INTR_STATUS) != SISL_ALL_ONES;
	pthread_mutex_unlock(&q->submit_lock);
	return alive ? 0 : -EIO;
}

/* Commands with IOASA_RECOVER can be retried once RECOVER_AFU has succeeded. */
static void release_recovered_locked(struct ioq *q)
{
	struct ioq_list rest = { NULL, NULL };
	struct ioq_cmd *cmd;

	while ((cmd = ioq_list_pop(&q->deferred)) != NULL) {
		if (cmd->disposition.action == IOASA_RECOVER)
			ioq_requeue_locked(q, cmd);
		else
			ioq_list_append(&rest, cmd);
	}
	q->deferred = rest;
}

void ioq_resume(struct ioq *q)
{
	pthread_mutex_lock(&q->submit_lock);
	set_state(q, IOQ_RUNNING);
	release_recovered_locked(q);
	ioq_issue_locked(q);
	pthread_mutex_unlock(&q->submit_lock);
}

/* ---- commands to issue again ---- */

static int compare_sequence(const void *a, const void *b)
{
	const struct ioq_cmd *const *left = a, *const *right = b;

	return ((*left)->sequence > (*right)->sequence) - ((*left)->sequence < (*right)->sequence);
}

/* Takes every ISSUED command into q->requeued, oldest first. Returns their number. */
static uint32_t take_issued_locked(struct ioq *q)
{
	uint32_t nr_taken = 0;

	for (uint32_t i = 0; i < q->nr_slots; i++) {
		uint32_t expected = IOQ_CMD_ISSUED;

		/* Pairs with issue_locked(); a thread that still reaps may take it first. */
		if (__atomic_compare_exchange_n(&q->cmds[i].state, &expected, IOQ_CMD_WAITING,
						false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			q->requeued[nr_taken++] = &q->cmds[i];
	}
	qsort(q->requeued, nr_taken, sizeof(q->requeued[0]), compare_sequence);
	q->nr_busy -= nr_taken;
	return nr_taken;
}

/* Puts q->requeued before the retries that already wait. */
static void prepend_retries_locked(struct ioq *q, uint32_t nr_cmds)
{
	struct ioq_list first = { NULL, NULL };
	struct ioq_cmd *cmd;

	for (uint32_t i = 0; i < nr_cmds; i++)
		ioq_list_append(&first, q->requeued[i]);
	while ((cmd = ioq_list_pop(&q->retries)) != NULL)
		ioq_list_append(&first, cmd);
	q->retries = first;
}

void ioq_requeue_issued(struct ioq *q)
{
	uint32_t nr_taken;

	pthread_mutex_lock(&q->submit_lock);
	nr_taken = take_issued_locked(q);
	ioq_count(&q->nr_retries[SUPERPIPE_RETRY_RESET], nr_taken);
	prepend_retries_locked(q, nr_taken);
	/* Failures of a lost context do not count as retries. */
	for (struct ioq_cmd *cmd = q->deferred.head; cmd; cmd = cmd->next) {
		if (cmd->disposition.action == IOASA_RECOVER)
			cmd->nr_retries = 0;
	}
	pthread_mutex_unlock(&q->submit_lock);
}

static bool is_cmd_overdue(const struct ioq *q, const struct ioq_cmd *cmd, uint64_t now)
{
	return ticks_to_ns(now - cmd->issued_ticks) >= q->watchdog_ms * 1000000ull;
}

void ioq_requeue_overdue(struct ioq *q)
{
	struct ioq_io_list ended = { NULL, NULL };
	uint32_t nr_taken, nr_kept = 0;
	uint64_t now;

	pthread_mutex_lock(&q->submit_lock);
	now = ticks_now();
	nr_taken = take_issued_locked(q);
	for (uint32_t i = 0; i < nr_taken; i++) {
		struct ioq_cmd *cmd = q->requeued[i];

		bool overdue = is_cmd_overdue(q, cmd, now);

		if (overdue && cmd->nr_retries++ >= IOQ_MAX_RETRIES) {
			ioq_fail_cmd_locked(q, cmd, -ETIMEDOUT, &ended);
			continue;
		}
		ioq_count(&q->nr_retries[overdue ? SUPERPIPE_RETRY_TIMEOUT : SUPERPIPE_RETRY_RESET],
			  1);
		q->requeued[nr_kept++] = cmd;
	}
	prepend_retries_locked(q, nr_kept);
	pthread_mutex_unlock(&q->submit_lock);
	ioq_run_callbacks(q, &ended);
}

bool ioq_is_overdue(struct ioq *q)
{
	bool overdue = false;
	uint64_t now;

	pthread_mutex_lock(&q->submit_lock);
	now = ticks_now();
	for (uint32_t i = 0; q->nr_busy && i < q->nr_slots && !overdue; i++) {
		const struct ioq_cmd *cmd = &q->cmds[i];

		overdue = __atomic_load_n(&cmd->state, __ATOMIC_RELAXED) == IOQ_CMD_ISSUED &&
			  is_cmd_overdue(q, cmd, now);
	}
	pthread_mutex_unlock(&q->submit_lock);
	return overdue;
}

/* ---- context reset ---- */

/* Polls, ever less often, until bit 0 of the reset register is clear; there is no interrupt. */
static int await_reset(struct ioq *q, unsigned reset_register)
{
	uint64_t limit_ms = ioq_now_ms() + RESET_TIMEOUT_MS;
	struct timespec pause = { .tv_nsec = 1000 };

	for (;;) {
		uint64_t value = q->ops->read64(q->mmio, reset_register);

		if (value == SISL_ALL_ONES ||
		    q->ops->read64(q->mmio, SISL_INTR_STATUS) == SISL_ALL_ONES)
			return -EIO;
		if (!(value & SISL_CTX_RESET))
			return 0;
		if (ioq_now_ms() >= limit_ms)
			return -ETIMEDOUT;
		(void)q->ops->run(q->mmio);
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < 10 * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
}

/*
 * It is not documented where the AFU fetches after a reset: at its old head, or at the start of the
 * ring. So read sq_head, and set our tail to it: then the ring is empty.
 */
static void realign_sq(struct ioq *q)
{
	q->ops->write64(q->mmio, SISL_SQ_START, ring_sq_start(&q->sq));
	q->ops->write64(q->mmio, SISL_SQ_END, ring_sq_last(&q->sq));
	ring_sq_seek(&q->sq, q->ops->read64(q->mmio, SISL_SQ_HEAD));
	q->ops->write64(q->mmio, SISL_SQ_TAIL, ring_sq_tail(&q->sq));
}

int ioq_reset_context(struct ioq *q)
{
	unsigned reset_register = q->sq_mode ? SISL_SQ_CTX_RESET : SISL_IOARRIN;
	int rc;

	q->ops->write64(q->mmio, reset_register, SISL_CTX_RESET);
	rc = await_reset(q, reset_register);
	if (rc)
		return rc;
	pthread_mutex_lock(&q->submit_lock);
	q->nr_credits = 0;
	if (q->sq_mode)
		realign_sq(q);
	pthread_mutex_unlock(&q->submit_lock);
	return 0;
}

/* ---- failure ---- */

static void fail_list_locked(struct ioq *q, struct ioq_list *list, struct ioq_io_list *ended)
{
	struct ioq_cmd *cmd;

	while ((cmd = ioq_list_pop(list)) != NULL)
		ioq_fail_cmd_locked(q, cmd, -EIO, ended);
}

void ioq_fail(struct ioq *q)
{
	struct ioq_io_list ended = { NULL, NULL };

	pthread_mutex_lock(&q->submit_lock);
	set_state(q, IOQ_FAILED);
	q->mmio = NULL;
	prepend_retries_locked(q, take_issued_locked(q));
	fail_list_locked(q, &q->retries, &ended);
	fail_list_locked(q, &q->deferred, &ended);
	ioq_fail_fifo_locked(q, &ended);
	pthread_mutex_unlock(&q->submit_lock);
	ioq_run_callbacks(q, &ended);
}
