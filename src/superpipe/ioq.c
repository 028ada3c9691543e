/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/ioq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "superpipe/cdb.h"
#include "superpipe/ioq_internal.h"
#include "superpipe/vlun.h"

void ioq_list_append(struct ioq_list *list, struct ioq_cmd *cmd)
{
	cmd->next = NULL;
	if (list->tail)
		list->tail->next = cmd;
	else
		list->head = cmd;
	list->tail = cmd;
}

struct ioq_cmd *ioq_list_pop(struct ioq_list *list)
{
	struct ioq_cmd *cmd = list->head;

	if (!cmd)
		return NULL;
	list->head = cmd->next;
	if (!list->head)
		list->tail = NULL;
	return cmd;
}

/* ---- allocation ---- */

static uint32_t round_up_depth(unsigned depth)
{
	uint32_t nr_slots = 1;

	while (nr_slots < depth)
		nr_slots *= 2;
	return nr_slots;
}

/*
 * One mapping for slots and rings. Children must not inherit it: after a fork the next store would
 * copy the page, and the device would keep using the old one.
 */
static int map_queues(struct ioq *q)
{
	size_t slots_bytes = q->nr_slots * sizeof(struct ioq_slot);
	size_t rrq_bytes = q->nr_slots * sizeof(uint64_t);
	size_t sq_bytes = (q->nr_slots + 1) * sizeof(struct sisl_ioarcb);
	size_t rrq_offset, sq_offset;
	char *base;

	rrq_offset = slots_bytes;
	sq_offset = (rrq_offset + rrq_bytes + 4095) & ~(size_t)4095;
	q->mapping_bytes = sq_offset + sq_bytes;
	base = mmap(NULL, q->mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(base, q->mapping_bytes, MADV_DONTFORK);
	q->slots = (struct ioq_slot *)base;
	q->rrq.entries = (uint64_t *)(base + rrq_offset);
	q->rrq.nr_entries = q->nr_slots;
	q->sq.slots = (struct sisl_ioarcb *)(base + sq_offset);
	q->sq.nr_slots = q->nr_slots + 1;
	return 0;
}

static int alloc_cmds(struct ioq *q)
{
	q->cmds = aligned_alloc(64, q->nr_slots * sizeof(*q->cmds));
	q->requeued = calloc(q->nr_slots, sizeof(*q->requeued));
	if (!q->cmds || !q->requeued)
		return -ENOMEM;
	memset(q->cmds, 0, q->nr_slots * sizeof(*q->cmds));
	for (uint32_t i = q->nr_slots; i-- > 0;) {
		q->cmds[i].next = q->free_cmds;
		q->free_cmds = &q->cmds[i];
	}
	return 0;
}

int ioq_init(struct ioq *q, const struct devport_ops *ops, unsigned depth)
{
	int rc;

	memset(q, 0, sizeof(*q));
	if (depth > IOQ_MAX_DEPTH)
		return -EINVAL;
	ticks_start();
	q->ops = ops;
	q->nr_slots = round_up_depth(depth ? depth : IOQ_DEFAULT_DEPTH);
	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0)
		return -errno;
	(void)pthread_mutex_init(&q->submit_lock, NULL);
	(void)pthread_mutex_init(&q->reap_lock, NULL);
	(void)pthread_cond_init(&q->no_runners, NULL);
	rc = map_queues(q);
	if (!rc)
		rc = alloc_cmds(q);
	if (rc)
		ioq_fini(q);
	return rc;
}

void ioq_drop_after_fork(struct ioq *q)
{
	if (!q->ops)
		return;
	free(q->requeued);
	free(q->cmds);
	(void)close(q->wake_fd);
	memset(q, 0, sizeof(*q));
}

void ioq_fini(struct ioq *q)
{
	if (!q->ops)
		return;
	if (q->slots)
		(void)munmap(q->slots, q->mapping_bytes);
	(void)pthread_cond_destroy(&q->no_runners);
	(void)pthread_mutex_destroy(&q->reap_lock);
	(void)pthread_mutex_destroy(&q->submit_lock);
	ioq_drop_after_fork(q);
}

/* ---- waking the reaper thread ---- */

void ioq_wake_reaper(struct ioq *q)
{
	const uint64_t one = 1;
	ssize_t written = write(q->wake_fd, &one, sizeof(one));

	(void)written; /* fails only if the counter is full: then the reaper wakes anyway */
}

void ioq_report_fault(struct ioq *q, enum ioq_fault fault)
{
	uint32_t before = __atomic_fetch_or(&q->faults, fault, __ATOMIC_SEQ_CST);

	if (!(before & fault))
		ioq_wake_reaper(q);
}

/* ---- making commands ---- */

static inline void fill_ioarcb(const struct ioq *q, const struct ioq_cmd *cmd,
			       struct sisl_ioarcb *ioarcb)
{
	const struct superpipe_io *io = cmd->io;
	const struct superpipe_vlun *vlun = io->vlun;
	uint64_t io_lba = cmd->io_lba;

	*ioarcb = vlun->pattern[io->write];
	ioarcb->ctx_id = q->ctx_id;
	ioarcb->data_ea = (uint64_t)(uintptr_t)io->buf + io_lba * SUPERPIPE_LBA_BYTES;
	cdb_set_lba(ioarcb->cdb, (io->lba + io_lba) * vlun->dev_blocks_per_lba);
	if (__builtin_expect(cmd->nr_lbas != vlun->max_cmd_lbas, 0)) {
		ioarcb->data_len = cmd->nr_lbas * SUPERPIPE_LBA_BYTES;
		cdb_set_blocks(ioarcb->cdb, cmd->nr_lbas * vlun->dev_blocks_per_lba);
	}
}

/*
 * In SQ mode a free slot is the credit. In IOARRIN mode the AFU has a register with the number of
 * commands it accepts. We read it only when the last value is used up, because the read costs more
 * than the rest of a submission.
 */
static bool have_credit_locked(struct ioq *q)
{
	if (q->sq_mode || q->nr_credits)
		return true;
	q->nr_credits = q->ops->read64(q->mmio, SISL_CMD_ROOM);
	if (q->nr_credits == SISL_ALL_ONES) {
		q->nr_credits = 0;
		ioq_report_fault(q, IOQ_FAULT_LOST);
	}
	return q->nr_credits != 0;
}

/*
 * The caller updates the counters, for many commands at once. It must not access @cmd afterwards: a
 * thread may collect it at once. It may access the io, except queue_next, while it has submit_lock.
 */
static inline void issue_locked(struct ioq *q, struct ioq_cmd *cmd, uint64_t sequence, uint64_t now)
{
	struct ioq_slot *slot = ioq_slot_of(q, cmd);
	bool sq_mode = q->sq_mode;
	struct sisl_ioarcb *ioarcb = sq_mode ? ring_sq_take(&q->sq) : &slot->ioarcb;

	fill_ioarcb(q, cmd, ioarcb);
	if (sq_mode)
		ioarcb->ioasa_ea = (uint64_t)(uintptr_t)&slot->ioasa;
	memset(&slot->ioasa, 0, offsetof(struct sisl_ioasa, host_use));
	cmd->sequence = sequence;
	cmd->issued_ticks = now;
	/* Pairs with the acquire in take_entry() and in recovery's take_issued_locked(). A thread
	 * that takes the RRQ entry sees this store, because the doorbell comes after it. */
	__atomic_store_n(&cmd->state, IOQ_CMD_ISSUED, __ATOMIC_RELEASE);
	if (!sq_mode) {
		q->nr_credits--;
		q->ops->write64(q->mmio, SISL_IOARRIN, (uint64_t)(uintptr_t)ioarcb);
	}
}

static inline void count_issued_locked(struct ioq *q, bool write, uint64_t sequence)
{
	uint64_t nr_cmds = sequence - q->sequence;

	q->sequence = sequence;
	q->nr_busy += (uint32_t)nr_cmds;
	ioq_count_locked(&q->nr_commands, nr_cmds);
	ioq_count_locked(write ? &q->nr_writes : &q->nr_reads, nr_cmds);
}

static __attribute__((noinline)) void issue_retries_locked(struct ioq *q, uint64_t now)
{
	while (q->retries.head && have_credit_locked(q)) {
		struct ioq_cmd *cmd = ioq_list_pop(&q->retries);
		bool write = cmd->io->write;

		issue_locked(q, cmd, q->sequence, now);
		count_issued_locked(q, write, q->sequence + 1);
	}
}

/* Issues as much of an io as slots and credits allow. */
static inline void issue_io_locked(struct ioq *q, struct superpipe_io *io, uint64_t now)
{
	struct ioq_cmd *cmd = q->free_cmds, *next;
	uint32_t io_lba = io->nr_issued, nr_lbas = io->nr_lbas, max = io->vlun->max_cmd_lbas;
	uint64_t sequence = q->sequence;

	for (; cmd && io_lba != nr_lbas && have_credit_locked(q); cmd = next) {
		uint32_t left = nr_lbas - io_lba;

		next = cmd->next;
		cmd->io = io;
		cmd->write = io->write;
		cmd->io_lba = io_lba;
		cmd->nr_lbas = left < max ? left : max;
		cmd->nr_retries = 0;
		cmd->nr_delays = 0;
		io_lba += cmd->nr_lbas;
		issue_locked(q, cmd, sequence++, now);
	}
	q->free_cmds = cmd;
	io->nr_issued = io_lba;
	count_issued_locked(q, io->write, sequence);
}

/* Once the last command of an io is issued, the thread that collects it may use queue_next. */
static inline void issue_fifo_locked(struct ioq *q, uint64_t now)
{
	while (q->fifo_head && q->free_cmds) {
		struct superpipe_io *io = q->fifo_head, *next = io->queue_next;

		issue_io_locked(q, io, now);
		if (io->nr_issued != io->nr_lbas)
			return;
		q->fifo_head = next;
		if (!q->fifo_head)
			q->fifo_tail = NULL;
	}
}

static void issue_all_locked(struct ioq *q)
{
	uint64_t before = q->sequence, now = ticks_now();

	if (q->retries.head)
		issue_retries_locked(q, now);
	if (!q->retries.head)
		issue_fifo_locked(q, now);
	if (q->sequence != before && q->sq_mode)
		q->ops->write64(q->mmio, SISL_SQ_TAIL, ring_sq_tail(&q->sq));
	/* No credit, and no completion will call this again: the reaper has to. */
	if (ioq_is_stalled_locked(q))
		ioq_wake_reaper(q);
}

void ioq_issue_locked(struct ioq *q)
{
	if (ioq_state(q) == IOQ_RUNNING && (q->retries.head || q->fifo_head))
		issue_all_locked(q);
}

/* ---- submission ---- */

static void prepare_io(struct superpipe_io *io)
{
	uint32_t max = io->vlun->max_cmd_lbas;

	io->nr_issued = 0;
	io->failure = IOQ_NO_FAILURE;
	__atomic_store_n(&io->nr_pending, io->nr_lbas / max + (io->nr_lbas % max != 0),
			 __ATOMIC_RELAXED);
	io->queue_next = io->next;
}

void ioq_submit(struct ioq *q, struct superpipe_io *first)
{
	struct superpipe_io *last = first;

	if (!first)
		return;
	/* Read all links before the first command can complete. */
	for (struct superpipe_io *io = first; io; io = io->queue_next) {
		prepare_io(io);
		last = io;
	}
	pthread_mutex_lock(&q->submit_lock);
	if (q->fifo_tail)
		q->fifo_tail->queue_next = first;
	else
		q->fifo_head = first;
	q->fifo_tail = last;
	ioq_issue_locked(q);
	pthread_mutex_unlock(&q->submit_lock);
	ioq_drain(q);
}
