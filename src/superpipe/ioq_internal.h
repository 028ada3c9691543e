/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioq_internal - what the files of the command engine share among themselves.
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

/* A counter with one writer at a time and readers without a lock. */
static inline void ioq_count_locked(uint64_t *counter, uint64_t nr)
{
	__atomic_store_n(counter, *counter + nr, __ATOMIC_RELAXED);
}

static inline void ioq_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Something waits to be issued, and nothing is out whose completion would see to it. */
static inline bool ioq_is_stalled_locked(const struct ioq *q)
{
	return q->nr_busy == 0 && (q->retries.head || q->fifo_head);
}

static inline bool ioq_has_pollers(const struct ioq *q)
{
	return __atomic_load_n(&q->nr_pollers, __ATOMIC_SEQ_CST) != 0;
}

/** ioq_wake_reaper_if_needed() - wake the reaper if something is in flight that nobody looks out
 * for. */
void ioq_wake_reaper_if_needed(struct ioq *q);

/* ioq_reap.c: ends of commands and ios, in two steps because callbacks want no lock. */

/** A list of ios that are over, linked by queue_next. */
struct ioq_io_list {
	struct superpipe_io *head, *tail;
};

/** ioq_io_set_error() - note that the io failed at this LBA of it; the lowest one wins. */
void ioq_io_set_error(struct superpipe_io *io, uint32_t io_lba, int error);

/** ioq_io_cmds_ended() - @nr_cmds of the io have ended; if they were the last, it joins @ended. */
void ioq_io_cmds_ended(struct superpipe_io *io, uint32_t nr_cmds, struct ioq_io_list *ended);

/** ioq_run_callbacks() - set results and call done() of every io in @ended; no locks. */
void ioq_run_callbacks(struct ioq *q, struct ioq_io_list *ended);

/** ioq_fail_fifo_locked() - end every io of the FIFO with -EIO as far as it was not issued. */
void ioq_fail_fifo_locked(struct ioq *q, struct ioq_io_list *ended);

/** ioq_free_cmd_locked() - back to the free list. */
void ioq_free_cmd_locked(struct ioq *q, struct ioq_cmd *cmd);

#endif
