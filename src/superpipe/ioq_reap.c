/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion: take entries from the RRQ, decode their status areas, complete or requeue the
 * commands, call back.
 */
#include <errno.h>

#include "base/log.h"
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"
#include "superpipe/vlun.h"

#define BATCH      64
#define MAX_ROUNDS 64 /* of one drain; the reaper thread continues */

/* ---- completing ios ---- */

void ioq_io_set_error(struct superpipe_io *io, uint32_t io_lba, int error)
{
	uint64_t mine = (uint64_t)io_lba << 32 | (uint32_t)-error;
	uint64_t lowest = __atomic_load_n(&io->failure, __ATOMIC_RELAXED);

	while (mine < lowest && !__atomic_compare_exchange_n(&io->failure, &lowest, mine, true,
							     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void ioq_io_cmds_ended(struct superpipe_io *io, uint32_t nr_cmds, struct ioq_io_list *ended)
{
	if (__atomic_sub_fetch(&io->nr_pending, nr_cmds, __ATOMIC_ACQ_REL))
		return;
	io->queue_next = NULL;
	if (ended->tail)
		ended->tail->queue_next = io;
	else
		ended->head = io;
	ended->tail = io;
}

void ioq_run_callbacks(struct ioq *q, struct ioq_io_list *ended)
{
	struct superpipe_io *io = ended->head;

	while (io) {
		struct superpipe_io *next = io->queue_next;

		io->status = 0;
		io->nr_lbas_done = io->nr_lbas;
		if (io->failure != IOQ_NO_FAILURE) {
			io->status = -(int)(uint32_t)io->failure;
			io->nr_lbas_done = (uint32_t)(io->failure >> 32);
			ioq_count(&q->nr_errors);
		}
		io->done(io);
		io = next;
	}
}

void ioq_fail_fifo_locked(struct ioq *q, struct ioq_io_list *ended)
{
	struct superpipe_io *io = q->fifo_head;

	q->fifo_head = NULL;
	q->fifo_tail = NULL;
	while (io) {
		struct superpipe_io *next = io->queue_next;
		uint32_t max = io->vlun->max_cmd_lbas;
		uint32_t left = io->nr_lbas - io->nr_issued;

		ioq_io_set_error(io, io->nr_issued, -EIO);
		ioq_io_cmds_ended(io, left / max + (left % max != 0), ended);
		io = next;
	}
}

void ioq_free_cmd_locked(struct ioq *q, struct ioq_cmd *cmd)
{
	__atomic_store_n(&cmd->state, IOQ_CMD_FREE, __ATOMIC_RELAXED);
	cmd->io = NULL;
	cmd->next = q->free_cmds;
	q->free_cmds = cmd;
}

void ioq_fail_cmd_locked(struct ioq *q, struct ioq_cmd *cmd, int error, struct ioq_io_list *ended)
{
	ioq_io_set_error(cmd->io, cmd->io_lba, error);
	ioq_io_cmds_ended(cmd->io, 1, ended);
	ioq_free_cmd_locked(q, cmd);
}

/* ---- collecting ---- */

/* The command of an RRQ entry; false if there is no such command in the device. */
static inline bool take_entry(const struct ioq *q, uint64_t offset, struct ioq_cmd **ret_cmd)
{
	uint32_t expected = IOQ_CMD_ISSUED;

	if (offset % sizeof(struct ioq_slot) || offset / sizeof(struct ioq_slot) >= q->nr_slots)
		return false;
	*ret_cmd = &q->cmds[offset / sizeof(struct ioq_slot)];
	return __atomic_compare_exchange_n(&(*ret_cmd)->state, &expected, IOQ_CMD_COLLECTED, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline unsigned collect_locked(struct ioq *q, struct ioq_cmd *cmds[BATCH])
{
	uint64_t member = q->sq_mode ? offsetof(struct ioq_slot, ioasa) : 0;
	uint64_t first = (uint64_t)(uintptr_t)q->slots + member, address;
	struct ring_rrq rrq = q->rrq; /* a copy, so that the compiler can keep it in registers */
	unsigned nr_cmds = 0;

	while (nr_cmds < BATCH && ring_rrq_next(&rrq, &address)) {
		if (__builtin_expect(take_entry(q, address - first, &cmds[nr_cmds]), 1))
			nr_cmds++;
		else
			ioq_count(&q->nr_bad_entries);
	}
	q->rrq = rrq;
	return nr_cmds;
}

/* The state changes only under both locks, so reap_lock is enough to read it. */
static unsigned collect(struct ioq *q, struct ioq_cmd *cmds[BATCH], bool even_halted)
{
	unsigned nr_cmds = 0;

	pthread_mutex_lock(&q->reap_lock);
	if ((even_halted || ioq_state(q) == IOQ_RUNNING) && !ring_rrq_is_empty(&q->rrq))
		nr_cmds = collect_locked(q, cmds);
	pthread_mutex_unlock(&q->reap_lock);
	return nr_cmds;
}

/* ---- judging and settling ---- */

/* Decodes the IOASA. A command without retries left fails. */
static struct ioasa_disposition decode(struct ioq *q, struct ioq_cmd *cmd)
{
	struct ioasa_disposition disposition = ioasa_decode(&ioq_slot_of(q, cmd)->ioasa);
	uint8_t *nr_times = &cmd->nr_retries;
	uint8_t max = IOQ_MAX_RETRIES;

	if (disposition.action == IOASA_DONE || disposition.action == IOASA_FAIL)
		return disposition;
	if (disposition.action == IOASA_DELAY) {
		nr_times = &cmd->nr_delays;
		max = IOQ_MAX_DELAYS;
	}
	if (*nr_times == max) {
		disposition.action = IOASA_FAIL;
	} else {
		++*nr_times;
		ioq_count(&q->nr_retries);
	}
	return disposition;
}

static void note_failure(struct ioq *q, struct ioq_cmd *cmd)
{
	const struct sisl_ioasa *ioasa = &ioq_slot_of(q, cmd)->ioasa;
	uint32_t done = ioasa_bytes_done(ioasa, cmd->nr_lbas * SUPERPIPE_LBA_BYTES);
	uint32_t lbas = done / SUPERPIPE_LBA_BYTES;

	if (lbas >= cmd->nr_lbas)
		lbas = 0; /* "all transferred" contradicts the failure */
	log_debug(LOGC_SUPERPIPE,
		  "res_hndl %u lba %#llx: command failed, afu %02x/%02x scsi %02x fc %02x "
		  "flags %02x",
		  cmd->io->vlun->res_hndl, (unsigned long long)(cmd->io->lba + cmd->io_lba),
		  ioasa->afu_rc, ioasa->afu_extra, ioasa->scsi_rc, ioasa->fc_rc, ioasa->flags);
	ioq_io_set_error(cmd->io, cmd->io_lba + lbas, cmd->disposition.error);
}

static bool is_final(const struct ioq_cmd *cmd)
{
	return cmd->disposition.action == IOASA_DONE || cmd->disposition.action == IOASA_FAIL;
}

static void defer_locked(struct ioq *q, struct ioq_cmd *cmd)
{
	cmd->due_ms = ioq_now_ms();
	if (cmd->disposition.action == IOASA_DELAY)
		cmd->due_ms += (uint64_t)q->retry_delay_ms << 2 * (cmd->nr_delays - 1);
	__atomic_store_n(&cmd->state, IOQ_CMD_DEFERRED, __ATOMIC_RELAXED);
	ioq_list_append(&q->deferred, cmd);
}

static void requeue_locked(struct ioq *q, struct ioq_cmd *cmd)
{
	__atomic_store_n(&cmd->state, IOQ_CMD_WAITING, __ATOMIC_RELAXED);
	ioq_list_append(&q->retries, cmd);
}

/* Returns true if the reaper thread has to continue with the command. */
static bool complete_locked(struct ioq *q, struct ioq_cmd *cmd, struct ioq_io_list *ended)
{
	q->nr_busy--;
	q->nr_completed++;
	if (is_final(cmd)) {
		ioq_free_cmd_locked(q, cmd);
		return false;
	}
	if (ioq_state(q) == IOQ_FAILED) {
		ioq_fail_cmd_locked(q, cmd, -EIO, ended);
		return false;
	}
	if (cmd->disposition.action == IOASA_RETRY) {
		requeue_locked(q, cmd);
		return false;
	}
	defer_locked(q, cmd);
	return true;
}

/* The commands of a batch that succeeded: usually all. */
struct good_cmds {
	struct ioq_cmd *first, *last; /* linked, for the free list */
	struct superpipe_io *io;      /* of the command added last */
	uint32_t nr_of_io;            /* commands of @io not yet passed to ioq_io_cmds_ended() */
};

static void count_ended(struct good_cmds *good, struct ioq_io_list *ended)
{
	if (good->nr_of_io)
		ioq_io_cmds_ended(good->io, good->nr_of_io, ended);
	good->nr_of_io = 0;
}

static inline void add_good(struct good_cmds *good, struct ioq_cmd *cmd, struct ioq_io_list *ended)
{
	if (cmd->io != good->io) {
		count_ended(good, ended);
		good->io = cmd->io;
	}
	good->nr_of_io++;
	if (!good->first)
		good->last = cmd;
	__atomic_store_n(&cmd->state, IOQ_CMD_FREE, __ATOMIC_RELAXED);
	cmd->io = NULL;
	cmd->next = good->first;
	good->first = cmd;
}

static inline void free_good_locked(struct ioq *q, const struct good_cmds *good, unsigned nr_cmds)
{
	if (!nr_cmds)
		return;
	q->nr_busy -= nr_cmds;
	q->nr_completed += nr_cmds;
	good->last->next = q->free_cmds;
	q->free_cmds = good->first;
}

/* Returns true if the context has to be checked with RECOVER_AFU. */
static bool decode_failed(struct ioq *q, struct ioq_cmd *cmd, struct ioq_io_list *ended)
{
	cmd->disposition = decode(q, cmd);
	if (cmd->disposition.action == IOASA_FAIL)
		note_failure(q, cmd);
	if (is_final(cmd))
		ioq_io_cmds_ended(cmd->io, 1, ended);
	return cmd->disposition.action == IOASA_RECOVER;
}

/* Moves the commands that failed to the start of the batch. Returns their number. */
static inline unsigned decode_batch(struct ioq *q, struct ioq_cmd *cmds[BATCH], unsigned nr_cmds,
				    struct good_cmds *good, struct ioq_io_list *ended, bool *check)
{
	unsigned nr_failed = 0;

	for (unsigned i = 0; i < nr_cmds; i++) {
		if (__builtin_expect(ioasa_is_good(&ioq_slot_of(q, cmds[i])->ioasa), 1)) {
			add_good(good, cmds[i], ended);
			continue;
		}
		count_ended(good, ended);
		*check |= decode_failed(q, cmds[i], ended);
		cmds[nr_failed++] = cmds[i];
	}
	count_ended(good, ended);
	return nr_failed;
}

/* Out of line: callers usually have no batch, and then need not save registers for this. */
static __attribute__((noinline)) void end_batch(struct ioq *q, struct ioq_cmd *cmds[BATCH],
						unsigned nr_cmds)
{
	struct ioq_io_list ended = { NULL, NULL };
	struct good_cmds good = { 0 };
	bool deferred = false, check = false;
	unsigned nr_failed = decode_batch(q, cmds, nr_cmds, &good, &ended, &check);

	pthread_mutex_lock(&q->submit_lock);
	free_good_locked(q, &good, nr_cmds - nr_failed);
	for (unsigned i = 0; i < nr_failed; i++)
		deferred |= complete_locked(q, cmds[i], &ended);
	ioq_issue_locked(q);
	pthread_mutex_unlock(&q->submit_lock);
	if (check)
		ioq_report_fault(q, IOQ_FAULT_CHECK);
	else if (deferred)
		ioq_wake_reaper(q);
	ioq_run_callbacks(q, &ended);
}

static unsigned reap_batch(struct ioq *q, bool even_halted)
{
	struct ioq_cmd *cmds[BATCH];
	unsigned nr_cmds = collect(q, cmds, even_halted);

	if (nr_cmds)
		end_batch(q, cmds, nr_cmds);
	return nr_cmds;
}

void ioq_reap_halted(struct ioq *q)
{
	while (reap_batch(q, true))
		;
}

/* ---- draining ---- */

/*
 * The queues that this thread is draining, innermost first. If a callback submits, the inner
 * ioq_drain() only sets @again, so the stack does not grow with a chain of ios.
 */
struct drain_frame {
	struct ioq *q;
	bool again;
	struct drain_frame *outer;
};

static _Thread_local struct drain_frame *drain_innermost;

static bool already_draining(struct ioq *q)
{
	for (struct drain_frame *frame = drain_innermost; frame; frame = frame->outer) {
		if (frame->q == q) {
			frame->again = true;
			return true;
		}
	}
	return false;
}

/*
 * While nr_runners is not 0 nobody replaces the mapping. This thread increments nr_runners and then
 * reads the state; ioq_halt() sets the state and then reads nr_runners. At least one of them sees
 * the other.
 */
static unsigned run_device(struct ioq *q)
{
	unsigned nr_completed = 0;

	__atomic_fetch_add(&q->nr_runners, 1, __ATOMIC_SEQ_CST);
	if (ioq_state(q) == IOQ_RUNNING)
		nr_completed = q->ops->run(q->mmio);
	if (__atomic_sub_fetch(&q->nr_runners, 1, __ATOMIC_SEQ_CST) == 0 &&
	    ioq_state(q) != IOQ_RUNNING) {
		pthread_mutex_lock(&q->submit_lock);
		pthread_cond_broadcast(&q->no_runners);
		pthread_mutex_unlock(&q->submit_lock);
	}
	return nr_completed;
}

static unsigned fail_waiting(struct ioq *q)
{
	struct ioq_io_list ended = { NULL, NULL };

	if (ioq_state(q) != IOQ_FAILED)
		return 0;
	pthread_mutex_lock(&q->submit_lock);
	ioq_fail_fifo_locked(q, &ended);
	pthread_mutex_unlock(&q->submit_lock);
	if (!ended.head)
		return 0;
	ioq_run_callbacks(q, &ended);
	return 1;
}

bool ioq_drain(struct ioq *q)
{
	struct drain_frame frame = { .q = q, .outer = drain_innermost };
	unsigned nr_rounds = 0, nr_done;

	if (already_draining(q))
		return false;
	drain_innermost = &frame;
	do {
		frame.again = false;
		nr_done = run_device(q);
		nr_done += reap_batch(q, false);
		nr_done += fail_waiting(q);
	} while ((nr_done || frame.again) && ++nr_rounds < MAX_ROUNDS);
	drain_innermost = frame.outer;
	if (nr_rounds == MAX_ROUNDS)
		ioq_wake_reaper(q);
	else
		ioq_wake_reaper_if_needed(q);
	return nr_rounds != 0;
}

/* ---- deferred commands; reaper thread ---- */

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
		requeue_locked(q, cmd);
	ioq_issue_locked(q);
	pthread_mutex_unlock(&q->submit_lock);
	ioq_run_callbacks(q, &ended);
	return next_ms;
}
