/* SPDX-License-Identifier: Apache-2.0 */
#include "data/op.h"

#include "base/container_of.h"
#include "data/file.h"
#include "data/freezer.h"

static struct data_op *op_of_range(struct range_lock_entry *entry)
{
	return op_of_priv(container_of(entry, struct data_op_priv, range));
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
static enum step_result step_granted(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	return op_priv(op)->granted(op, wl);
}

/** Drops the lock. */
static enum step_result acquire_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	priv->step = step_granted;
	if (range_lock_acquire(&file->ranges, &priv->range))
		return priv->granted(op, wl);
	file_unlock(file);
	return STEP_WAIT;
}

static enum step_result step_enter(struct data_op *op, struct data_worklist *wl)
{
	struct data_file *file = op->file;

	file_lock(file);
	if (op_priv(op)->range.exclusive && freezer_park_locked(op)) {
		file_unlock(file);
		return STEP_WAIT;
	}
	file->space.refs++;
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

enum step_result data_op_relock_locked(struct data_op *op, struct data_worklist *wl, uint64_t start,
				       uint64_t end)
{
	struct data_op_priv *priv = op_priv(op);

	release_locked(op, wl);
	priv->range.start = start;
	priv->range.end = end;
	return acquire_locked(op, wl);
}

enum step_result data_op_end_locked(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	priv->result = result;
	release_locked(op, wl);
	priv->last_ref = file_space_put_locked(&file->space);
	file_unlock(file);
	return STEP_DONE;
}

enum step_result data_op_end(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	file_lock(op->file);
	return data_op_end_locked(op, wl, result);
}

static struct bounce_shard *shard_of(const struct data_op *op)
{
	return bounce_shard_of(&file_volume(op->file)->bounce, op->file);
}

bool data_op_try_bounce(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (!priv->bounce)
		priv->bounce = bounce_buffer_try(shard_of(op));
	return priv->bounce != NULL;
}

bool data_op_get_bounce(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (priv->bounce)
		return true;
	if (!bounce_buffer_get(shard_of(op), &priv->bounce_waiter))
		return false; /* another thread may own @op by now */
	priv->bounce = priv->bounce_waiter.buffer;
	return true;
}

void data_op_drop_bounce(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct bounce_waiter *waiter;
	struct data_op_priv *next;

	if (!priv->bounce)
		return;
	waiter = bounce_buffer_put(priv->bounce);
	priv->bounce = NULL;
	if (!waiter)
		return;
	next = container_of(waiter, struct data_op_priv, bounce_waiter);
	next->bounce = waiter->buffer;
	data_worklist_push(wl, op_of_priv(next));
}

static void complete(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);

	data_op_drop_bounce(op, wl);
	if (priv->last_ref)
		file_space_release(&op->file->space);
	op->done(op, priv->result);
}

void data_op_start(struct data_op *op, data_step_fn *granted, bool exclusive)
{
	struct data_op_priv *priv = op_priv(op);

	priv->bounce = NULL;
	priv->error = 0;
	priv->last_ref = false;
	priv->range.exclusive = exclusive;
	priv->granted = granted;
	priv->step = step_enter;
	data_op_run(op);
}

void data_op_run(struct data_op *op)
{
	struct data_worklist wl = { .head = NULL, .tail = &wl.head };

	data_worklist_push(&wl, op);
	while ((op = worklist_pop(&wl))) {
		enum step_result result;

		do
			result = op_priv(op)->step(op, &wl);
		while (result == STEP_AGAIN);
		if (result == STEP_DONE)
			complete(op, &wl);
	}
}
