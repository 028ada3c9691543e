/* SPDX-License-Identifier: Apache-2.0 */
#include "data/op.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "data/file.h"
#include "data/fixed.h"

struct op_class {
	int (*check)(struct data_op *op);
	data_step_fn *granted;
	bool exclusive;
};

static const struct op_class op_classes[] = {
	[DATA_OP_READ] = { data_read_check, data_read_granted, false },
	[DATA_OP_WRITE] = { data_write_check, data_write_granted, true },
	[DATA_OP_TRUNCATE] = { data_truncate_check, data_truncate_granted, true },
	[DATA_OP_ALLOCATE] = { data_extent_check, data_reserve_granted, true },
	[DATA_OP_PUNCH] = { data_extent_check, data_punch_granted, true },
	[DATA_OP_ZERO] = { data_extent_check, data_reserve_granted, true },
	[DATA_OP_HOLE] = { data_extent_check, data_punch_granted, true },
};

static struct data_op *op_of_range(struct range_lock_entry *entry)
{
	char *priv = (char *)entry - offsetof(struct data_op_priv, range);

	return (struct data_op *)(priv - offsetof(struct data_op, priv));
}

void data_worklist_push(struct data_worklist *wl, struct data_op *op)
{
	op_priv(op)->next = NULL;
	*wl->tail = op;
	wl->tail = &op_priv(op)->next;
}

static struct data_op *worklist_pop(struct data_worklist *wl)
{
	struct data_op *op = wl->head;

	if (op) {
		wl->head = op_priv(op)->next;
		if (!wl->head)
			wl->tail = &wl->head;
	}
	return op;
}

/** The range is held; entered without the lock. */
static enum data_verdict step_granted(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	return op_priv(op)->granted(op, wl);
}

/** Drops the lock. */
static enum data_verdict acquire_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	priv->step = step_granted;
	if (range_lock_acquire(&file->ranges, &priv->range))
		return priv->granted(op, wl);
	file_unlock(file);
	return DATA_WAIT;
}

static enum data_verdict step_enter(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	op->file->refs++;
	return acquire_locked(op, wl);
}

static void release_locked(struct data_op *op, struct data_worklist *wl)
{
	struct range_lock_entry *entry, *next;

	entry = range_lock_release(&op->file->ranges, &op_priv(op)->range);
	for (; entry; entry = next) {
		next = entry->next_granted;
		data_worklist_push(wl, op_of_range(entry));
	}
}

enum data_verdict data_op_relock_locked(struct data_op *op, struct data_worklist *wl,
					uint64_t start, uint64_t end)
{
	struct data_op_priv *priv = op_priv(op);

	release_locked(op, wl);
	priv->range.start = start;
	priv->range.end = end;
	return acquire_locked(op, wl);
}

enum data_verdict data_op_end_locked(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	priv->result = result;
	release_locked(op, wl);
	priv->last_ref = file_put_locked(file);
	file_unlock(file);
	return DATA_DONE;
}

enum data_verdict data_op_end(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	file_lock(op->file);
	return data_op_end_locked(op, wl, result);
}

void data_op_drop_scratch(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_op *resumed;

	if (!priv->scratch)
		return;
	resumed = scratch_put(priv->scratch);
	priv->scratch = NULL;
	if (resumed)
		data_worklist_push(wl, resumed);
}

static void complete(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);

	data_op_drop_scratch(op, wl);
	if (priv->last_ref)
		file_release(op->file);
	op->done(op, priv->result);
}

void data_op_run(struct data_op *op)
{
	struct data_worklist wl = { .head = NULL, .tail = &wl.head };

	data_worklist_push(&wl, op);
	while ((op = worklist_pop(&wl))) {
		enum data_verdict verdict;

		do
			verdict = op_priv(op)->step(op, &wl);
		while (verdict == DATA_AGAIN);
		if (verdict == DATA_DONE)
			complete(op, &wl);
	}
}

void data_submit(struct data_op *op)
{
	const struct op_class *class = &op_classes[op->kind];
	struct data_op_priv *priv = op_priv(op);
	int go;

	priv->scratch = NULL;
	priv->error = 0;
	priv->last_ref = false;
	priv->range.exclusive = class->exclusive;
	priv->granted = class->granted;
	priv->step = step_enter;
	go = op->file->fixed ? fixed_check(op) : 1;
	if (go > 0)
		go = class->check(op);
	if (go <= 0)
		op->done(op, go);
	else
		data_op_run(op);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done; /* protected by lock */
	ssize_t result;
};

static void wake_waiter(struct data_op *op, ssize_t result)
{
	struct waiter *waiter = op_priv(op)->waiter;

	(void)pthread_mutex_lock(&waiter->lock);
	waiter->result = result;
	waiter->done = true;
	(void)pthread_cond_signal(&waiter->wake);
	(void)pthread_mutex_unlock(&waiter->lock);
}

ssize_t data_run(struct data_op *op)
{
	struct waiter waiter = { .lock = PTHREAD_MUTEX_INITIALIZER,
				 .wake = PTHREAD_COND_INITIALIZER };

	op->done = wake_waiter;
	op_priv(op)->waiter = &waiter;
	data_submit(op);
	(void)pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		(void)pthread_cond_wait(&waiter.wake, &waiter.lock);
	(void)pthread_mutex_unlock(&waiter.lock);
	(void)pthread_cond_destroy(&waiter.wake);
	(void)pthread_mutex_destroy(&waiter.lock);
	return waiter.result;
}
