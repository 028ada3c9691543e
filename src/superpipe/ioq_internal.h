/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioq_internal - declarations shared by the files of the command engine.
 */
#ifndef CXLFS_SUPERPIPE_IOQ_INTERNAL_H
#define CXLFS_SUPERPIPE_IOQ_INTERNAL_H

#include "superpipe/ioq.h"

#define IOQ_NO_FAILURE UINT64_MAX

static inline struct ioq_slot *ioq_slot_of(const struct ioq *q, const struct ioq_cmd *cmd)
{
	return &q->slots[cmd - q->cmds];
}

static inline enum ioq_state ioq_state(const struct ioq *q)
{
	return (enum ioq_state)__atomic_load_n(&q->state, __ATOMIC_SEQ_CST);
}

/* For counters that are written under submit_lock and read without a lock. */
static inline void ioq_count_locked(uint64_t *counter, uint64_t nr)
{
	__atomic_store_n(counter, *counter + nr, __ATOMIC_RELAXED);
}

static inline void ioq_count(uint64_t *counter, uint64_t nr)
{
	__atomic_fetch_add(counter, nr, __ATOMIC_RELAXED);
}

/* Commands wait to be issued, and none is in flight whose completion would issue them. */
static inline bool ioq_is_stalled_locked(const struct ioq *q)
{
	return q->nr_busy == 0 && (q->retries.head || q->fifo_head);
}

static inline bool ioq_has_pollers(const struct ioq *q)
{
	return __atomic_load_n(&q->nr_pollers, __ATOMIC_SEQ_CST) != 0;
}

/** ioq_wake_reaper_if_needed() - wake the reaper if commands are in flight and no thread polls. */
void ioq_wake_reaper_if_needed(struct ioq *q);

/* ioq_reap.c: commands complete under the lock; the callbacks of their ios run later, without. */

/** A list of completed ios, linked by queue_next. */
struct ioq_io_list {
	struct superpipe_io *head, *tail;
};

/** ioq_io_set_error() - record that the io failed at @io_lba; the lowest LBA wins. */
void ioq_io_set_error(struct superpipe_io *io, uint32_t io_lba, int error);

/** ioq_io_cmds_ended() - @nr_cmds of the io completed; after the last the io joins @ended. */
void ioq_io_cmds_ended(struct superpipe_io *io, uint32_t nr_cmds, struct ioq_io_list *ended);

/** ioq_run_callbacks() - set the result of every io in @ended and call its done(); no locks. */
void ioq_run_callbacks(struct ioq *q, struct ioq_io_list *ended);

/** ioq_fail_fifo_locked() - fail with -EIO what the ios of the FIFO have not issued. */
void ioq_fail_fifo_locked(struct ioq *q, struct ioq_io_list *ended);

void ioq_free_cmd_locked(struct ioq *q, struct ioq_cmd *cmd);

/** ioq_fail_cmd_locked() - fail a command that the device does not have, and free its slot. */
void ioq_fail_cmd_locked(struct ioq *q, struct ioq_cmd *cmd, int error, struct ioq_io_list *ended);

/**
 * ioq_reap_batch() - complete a batch of commands and run the callbacks
 * @even_halted: also while the engine is not RUNNING
 * Context: no locks. Return: number of commands.
 */
unsigned ioq_reap_batch(struct ioq *q, bool even_halted);

/* ioq_retry.c */

/** ioq_requeue_locked() - have a command issued again at once. */
void ioq_requeue_locked(struct ioq *q, struct ioq_cmd *cmd);

/** ioq_defer_locked() - leave a command to ioq_run_deferred(), after a pause with IOASA_DELAY. */
void ioq_defer_locked(struct ioq *q, struct ioq_cmd *cmd);

#endif
