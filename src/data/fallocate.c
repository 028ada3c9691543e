/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ALLOCATE, PUNCH, ZERO and HOLE: what a range of a file holds on flash, without data of the
 * caller's. All but ALLOCATE zero the partial blocks at their ends on flash first and then change
 * the written map.
 */
#include <errno.h>

#include "data/file.h"
#include "data/growth.h"
#include "data/kinds.h"
#include "data/partial_blocks.h"
#include "data/unmap.h"

int data_fallocate_check(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (op->bytes == 0)
		return -EINVAL;
	if (__builtin_add_overflow(op->offset, op->bytes, &priv->end) ||
	    priv->end > DATA_MAX_FILE_BYTES)
		return -EFBIG;
	priv->cursor = op->offset;
	priv->range.start = block_floor(op->offset);
	priv->range.end = block_ceil(priv->end);
	return 1;
}

static bool grows(const struct data_op *op)
{
	return op->kind != DATA_OP_PUNCH && !op->keep_size;
}

/** Unmaps the blocks that lie wholly in the range; the partial ones have been zeroed. */
static int unmap_whole_locked(struct data_op *op, bool keep_place)
{
	struct data_op_priv *priv = op_priv(op);

	return unmap_blocks_locked(op->file, block_ceil(op->offset), block_floor(priv->cursor),
				   keep_place);
}

/**
 * Zeroes the partial blocks, then @after. From here on the cursor holds the end of the range: a
 * last block that has nothing behind it but the end of file counts as whole. Drops the lock.
 */
static enum step_result zero_partial_locked(struct data_op *op, struct data_worklist *wl,
					    data_step_fn *after)
{
	struct data_op_priv *priv = op_priv(op);

	priv->cursor = priv->end;
	if (priv->end >= file_size_locked(op->file))
		priv->cursor = block_ceil(priv->end) << BLOCK_SHIFT;
	partial_blocks_set(op, op->offset, priv->cursor);
	return partial_blocks_zero_locked(op, wl, after);
}

/** Drops the lock. */
static enum step_result end_grown_locked(struct data_op *op, struct data_worklist *wl)
{
	if (grows(op))
		file_grow_size_locked(op->file, op_priv(op)->end);
	return data_op_end_locked(op, wl, 0);
}

static enum step_result punched_locked(struct data_op *op, struct data_worklist *wl)
{
	int err = unmap_whole_locked(op, false);

	if (err)
		return data_op_end_locked(op, wl, err);
	unmap_chunks_locked(op, block_ceil(op->offset), block_floor(op_priv(op)->cursor));
	return end_grown_locked(op, wl);
}

enum step_result data_punch_granted(struct data_op *op, struct data_worklist *wl)
{
	if (grows(op) && eof_must_zero_locked(op->file, op_priv(op)->end))
		return eof_zero_locked(op, wl);
	return zero_partial_locked(op, wl, punched_locked);
}

/** Drops the lock. */
static enum step_result reserve_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_file *file = op->file;
	int err =
		mapping_reserve(&file->map, block_floor(op->offset), block_ceil(op_priv(op)->end));

	file_note_allocated_locked(file);
	if (err)
		return unmap_unused_and_end_locked(op, wl, err);
	return end_grown_locked(op, wl);
}

static enum step_result zeroed_locked(struct data_op *op, struct data_worklist *wl)
{
	int err = unmap_whole_locked(op, true);

	if (err)
		return unmap_unused_and_end_locked(op, wl, err);
	return reserve_locked(op, wl);
}

/** Every block of the range has a place. Drops the lock. */
static enum step_result taken_locked(struct data_op *op, struct data_worklist *wl)
{
	if (op->kind == DATA_OP_ZERO)
		return zero_partial_locked(op, wl, zeroed_locked);
	return reserve_locked(op, wl);
}

static enum step_result step_grown(struct data_op *op, struct data_worklist *wl)
{
	int err = op_priv(op)->error;

	if (err)
		return unmap_unused_and_end(op, wl, err);
	file_lock(op->file);
	return taken_locked(op, wl);
}

enum step_result data_reserve_granted(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;
	int err;

	if (grows(op) && eof_must_zero_locked(file, priv->end))
		return eof_zero_locked(op, wl);
	err = growth_take_locked(op, block_floor(op->offset), block_ceil(priv->end));
	if (!err)
		return taken_locked(op, wl);
	if (err != -ENOSPC)
		return data_op_end_locked(op, wl, err);
	priv->step = step_grown;
	file_unlock(file);
	return growth_start(op);
}
