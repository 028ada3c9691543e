/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op - an operation as a state machine.
 *
 * An operation is a chain of steps. A step is entered without locks and says how to go on. When an
 * operation waits, the event that ends the wait calls data_op_run(): the completion of its last
 * io, the release of a range, the worker, or the return of a bounce buffer. Only one thread runs an
 * operation at a time.
 *
 * The life of every operation:
 *
 *     data_submit -> check -> take the range -> granted -> steps of its kind -> end -> done
 *
 * A change of a frozen file waits before it takes the range, see freeze.h.
 *
 * "granted" and the functions after it are entered with the file's lock and return without it;
 * they are marked "Drops the lock". So an operation without contention takes the lock once to start
 * and once to end.
 */
#ifndef CXLFS_DATA_OP_H
#define CXLFS_DATA_OP_H

#include <stdatomic.h>

#include "base/container_of.h"
#include "base/minmax.h"
#include "data/alloc/worker.h"
#include "data/block.h"
#include "data/bounce_buffer.h"
#include "data/data.h"
#include "data/range_lock.h"

enum step_result {
	STEP_AGAIN, /* run the next step, which has been set */
	STEP_WAIT,  /* another thread runs the next step; the op must not be touched any more */
	STEP_DONE,  /* data_op_end_locked() has been called */
};

/** Operations that can go on because of the one that runs; they run after it. */
struct data_worklist {
	struct data_op *head, **tail;
};

typedef enum step_result data_step_fn(struct data_op *op, struct data_worklist *wl);

/** A block of which an operation covers only [from, to). */
struct partial_block {
	uint64_t block;
	uint16_t from, to;
	bool merge; /* the rest of it must be read from flash; else it is zeros */
};

struct data_op_priv {
	struct range_lock_entry range;
	data_step_fn *step;    /* next */
	data_step_fn *granted; /* first step with the range held; drops the lock */
	data_step_fn *after;   /* what follows data_partial_blocks_zero_locked(); drops the lock */
	struct data_op *next;  /* in a worklist */
	struct worker_job job; /* growth; see data/growth_worker.c */
	struct bounce_waiter bounce_waiter;
	struct bounce_buffer *bounce;
	void *waiter;        /* of data_run() */
	struct data_io *ios; /* of the current round: embedded or in the bounce buffer */
	uint64_t cursor, round_end, end; /* file offsets: to do next; ends of round and all */
	ssize_t result;
	struct partial_block partial[2];
	_Atomic uint32_t nr_pending; /* ios in flight, and one for the submitter */
	int error;                   /* of the growth */
	uint8_t nr_ios, nr_partial;
	bool last_ref;
	struct data_io embedded[2];
};

_Static_assert(sizeof(struct data_op_priv) <= sizeof(((struct data_op *)0)->priv),
	       "struct data_op.priv is too small");
_Static_assert(_Alignof(struct data_op_priv) <= _Alignof(uint64_t), "data_op.priv alignment");

static inline struct data_op *op_of_priv(struct data_op_priv *priv)
{
	return container_of(priv, struct data_op, priv);
}

static inline struct data_op_priv *op_priv(struct data_op *op)
{
	return (struct data_op_priv *)(void *)op->priv;
}

void data_worklist_push(struct data_worklist *wl, struct data_op *op);

/**
 * data_op_start() - take the range of a checked operation and run it
 * @granted: the first step with the range held; drops the lock
 * @exclusive: the range is locked against readers too
 */
void data_op_start(struct data_op *op, data_step_fn *granted, bool exclusive);

/** data_op_run() - run @op and what becomes ready by it, until all wait or are done */
void data_op_run(struct data_op *op);

/** data_op_relock_locked() - exchange the held range for another; then ->granted again.
 *  Drops the lock. */
enum step_result data_op_relock_locked(struct data_op *op, struct data_worklist *wl, uint64_t start,
				       uint64_t end);

/** data_op_end_locked() - release range and file. Drops the lock. Return: STEP_DONE. */
enum step_result data_op_end_locked(struct data_op *op, struct data_worklist *wl, ssize_t result);

/** data_op_end() - the same, but takes the lock */
enum step_result data_op_end(struct data_op *op, struct data_worklist *wl, ssize_t result);

/** data_op_try_bounce() - take a bounce buffer if one is free; true if @op has one */
bool data_op_try_bounce(struct data_op *op);

/**
 * data_op_get_bounce() - get a bounce buffer, or wait for one
 * Return: true: it has one. false: any thread runs ->step once @op has one, perhaps before this
 * returns: @op must not be touched any more.
 */
bool data_op_get_bounce(struct data_op *op);

/** data_op_drop_bounce() - return the bounce buffer, if there is one */
void data_op_drop_bounce(struct data_op *op, struct data_worklist *wl);

#endif
