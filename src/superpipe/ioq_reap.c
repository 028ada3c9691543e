/* SPDX-License-Identifier: Apache-2.0 */
/* Takes entries from the RRQ, decodes their status areas, and completes or retries the commands. */
#include <errno.h>

#include "base/log.h"
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"
#include "superpipe/vlun.h"

#define BATCH 64

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
	/* Pairs with itself: the last thread sees the data and the failures of all others. */
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
			ioq_count(&q->nr_errors, 1);
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
	/* Pairs with the release in issue_locked(). */
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
			ioq_count(&q->nr_bad_entries, 1);
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

/* ---- decoding and completing ---- */

static enum superpipe_retry cause_of(enum ioasa_action action)
{
	switch (action) {
	case IOASA_DELAY:
		return SUPERPIPE_RETRY_BUSY;
	case IOASA_VERIFY:
		return SUPERPIPE_RETRY_ATTENTION;
	case IOASA_RECOVER:
		return SUPERPIPE_RETRY_CONTEXT;
	default:
		return SUPERPIPE_RETRY_TRANSIENT;
	}
}

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
		ioq_count(&q->nr_retries[cause_of(disposition.action)], 1);
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
		ioq_requeue_locked(q, cmd);
		return false;
	}
	ioq_defer_locked(q, cmd);
	return true;
}

/* The commands of a batch that succeeded: usually all. */
struct good_cmds {
	struct ioq_cmd *first, *last; /* linked, for the free list */
	struct superpipe_io *io;      /* of the command added last */
	uint32_t nr_of_io;            /* commands of @io not yet passed to ioq_io_cmds_ended() */
	struct superpipe_ports ports; /* over which they went */
};

static void count_ended(struct good_cmds *good, struct ioq_io_list *ended)
{
	if (good->nr_of_io)
		ioq_io_cmds_ended(good->io, good->nr_of_io, ended);
	good->nr_of_io = 0;
}

static inline void count_port(struct superpipe_ports *ports, unsigned port)
{
	port %= SUPERPIPE_MAX_PORTS;
	ports->nr_commands[port]++;
	ports->last = port;
}

static void add_ports_locked(struct ioq *q, const struct superpipe_ports *ports)
{
	bool any = false;

	for (unsigned i = 0; i < SUPERPIPE_MAX_PORTS; i++) {
		any |= q->ports.nr_commands[i] > 0;
		q->ports.nr_commands[i] += ports->nr_commands[i];
	}
	q->ports.nr_changes += any && ports->last != q->ports.last;
	q->ports.last = ports->last;
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

static inline void add_latency_locked(struct ioq *q, const struct ioq_cmd *cmd, uint64_t now,
				      unsigned nr_cmds)
{
	histogram_add(&q->latency[cmd->write], ticks_to_ns(now - cmd->issued_ticks), nr_cmds);
}

/* Commands that were issued together, as those of a long io are, count as one step. */
static void count_latencies_locked(struct ioq *q, const struct good_cmds *good)
{
	const struct ioq_cmd *cmd = good->first, *next;
	uint64_t now = ticks_now();
	unsigned nr_cmds = 1;

	for (; cmd != good->last; cmd = next) {
		next = cmd->next;
		if (next->issued_ticks == cmd->issued_ticks && next->write == cmd->write) {
			nr_cmds++;
			continue;
		}
		add_latency_locked(q, cmd, now, nr_cmds);
		nr_cmds = 1;
	}
	add_latency_locked(q, cmd, now, nr_cmds);
}

static inline void free_good_locked(struct ioq *q, const struct good_cmds *good, unsigned nr_cmds)
{
	if (!nr_cmds)
		return;
	count_latencies_locked(q, good);
	add_ports_locked(q, &good->ports);
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
		const struct sisl_ioasa *ioasa = &ioq_slot_of(q, cmds[i])->ioasa;

		if (__builtin_expect(ioasa_is_good(ioasa), 1)) {
			count_port(&good->ports, ioasa->port);
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

unsigned ioq_reap_batch(struct ioq *q, bool even_halted)
{
	struct ioq_cmd *cmds[BATCH];
	unsigned nr_cmds = collect(q, cmds, even_halted);

	if (nr_cmds)
		end_batch(q, cmds, nr_cmds);
	return nr_cmds;
}

void ioq_reap_halted(struct ioq *q)
{
	while (ioq_reap_batch(q, true))
		;
}
