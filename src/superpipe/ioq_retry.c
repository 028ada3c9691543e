/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that are issued again: at once, or by the reaper thread when they are due. */
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"

void ioq_defer_locked(struct ioq *q, struct ioq_cmd *cmd)
{
	cmd->due_ms = ioq_now_ms();
	if (cmd->disposition.action == IOASA_DELAY)
		cmd->due_ms += (uint64_t)q->retry_delay_ms << 2 * (cmd->nr_delays - 1);
	__atomic_store_n(&cmd->state, IOQ_CMD_DEFERRED, __ATOMIC_RELAXED);
	ioq_list_append(&q->deferred, cmd);
}

void ioq_requeue_locked(struct ioq *q, struct ioq_cmd *cmd)
{
	__atomic_store_n(&cmd->state, IOQ_CMD_WAITING, __ATOMIC_RELAXED);
	ioq_list_append(&q->retries, cmd);
}

static bool is_due(const struct ioq_cmd *cmd, uint64_t now_ms)
{
	return cmd->disposition.action != IOASA_RECOVER && cmd->due_ms <= now_ms;
}

/* Removes and returns the commands that are due; recovery releases those with IOASA_RECOVER. */
static struct ioq_list take_due_locked(struct ioq *q, uint64_t now_ms, int *ret_next_ms)
{
	struct ioq_list due = { NULL, NULL }, rest = { NULL, NULL };
	struct ioq_cmd *cmd;

	*ret_next_ms = -1;
	while ((cmd = ioq_list_pop(&q->deferred)) != NULL) {
		if (is_due(cmd, now_ms)) {
			ioq_list_append(&due, cmd);
			continue;
		}
		ioq_list_append(&rest, cmd);
		if (cmd->disposition.action == IOASA_RECOVER)
			continue;
		if (*ret_next_ms < 0 || cmd->due_ms - now_ms < (uint64_t)*ret_next_ms)
			*ret_next_ms = (int)(cmd->due_ms - now_ms);
	}
	q->deferred = rest;
	return due;
}

int ioq_run_deferred(struct ioq *q,
		     int (*verify)(struct superpipe_vlun *vlun, const uint8_t *sense))
{
	struct ioq_list due, again = { NULL, NULL }, given_up = { NULL, NULL };
	struct ioq_io_list ended = { NULL, NULL };
	struct ioq_cmd *cmd;
	int next_ms;

	pthread_mutex_lock(&q->submit_lock);
	due = take_due_locked(q, ioq_now_ms(), &next_ms);
	pthread_mutex_unlock(&q->submit_lock);
	if (!due.head)
		return next_ms;
	while ((cmd = ioq_list_pop(&due)) != NULL) {
		if (cmd->disposition.action == IOASA_VERIFY &&
		    verify(cmd->io->vlun, ioq_slot_of(q, cmd)->ioasa.sense)) {
			ioq_io_set_error(cmd->io, cmd->io_lba, cmd->disposition.error);
			ioq_io_cmds_ended(cmd->io, 1, &ended);
			ioq_list_append(&given_up, cmd);
		} else {
			ioq_list_append(&again, cmd);
		}
	}
	pthread_mutex_lock(&q->submit_lock);
	while ((cmd = ioq_list_pop(&given_up)) != NULL)
		ioq_free_cmd_locked(q, cmd);
	while ((cmd = ioq_list_pop(&again)) != NULL)
		ioq_requeue_locked(q, cmd);
	ioq_issue_locked(q);
	pthread_mutex_unlock(&q->submit_lock);
	ioq_run_callbacks(q, &ended);
	return next_ms;
}
