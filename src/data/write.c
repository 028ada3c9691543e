/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WRITE.
 *
 * Whole blocks go from the caller's memory to the device when that is 16-byte aligned. A partial
 * block is put together in a bounce buffer: from the block on flash, or from zeros if it was never
 * written or the write covers it up to the end of file. Blocks are noted as written once they are
 * on flash, and only up to the first that failed, so old contents of the flash never show.
 */
#include <errno.h>
#include <string.h>

#include "data/file.h"
#include "data/growth.h"
#include "data/io.h"
#include "data/kinds.h"
#include "data/partial_blocks.h"
#include "data/unmap.h"

/** Return: 1; -EFBIG. */
static int set_bounds(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (op->offset >= DATA_MAX_FILE_BYTES)
		return -EFBIG;
	priv->cursor = op->offset;
	priv->end = op->offset + min_u64(op->bytes, DATA_MAX_FILE_BYTES - op->offset);
	return 1;
}

int data_write_check(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);
	int go = 1;

	if (op->bytes == 0)
		return 0;
	if (op->append) {
		priv->range.start = block_floor(data_file_size(op->file));
		priv->range.end = RANGE_LOCK_END;
		return 1;
	}
	go = set_bounds(op);
	priv->range.start = block_floor(op->offset);
	priv->range.end = go == 1 ? block_ceil(priv->end) : priv->range.start;
	return go;
}

static const struct partial_block *find_partial(const struct data_op_priv *priv, uint64_t block)
{
	for (unsigned i = 0; i < priv->nr_partial; i++) {
		if (priv->partial[i].block == block)
			return &priv->partial[i];
	}
	return NULL;
}

/** Each part has its own block of the bounce buffer; the rest of it is for unaligned memory. */
static uint8_t *partial_buf(const struct data_op_priv *priv, const struct partial_block *part)
{
	return priv->bounce->buf + (size_t)(part - priv->partial) * DATA_BLOCK_BYTES;
}

#define FIRST_STAGED_BLOCK \
	(sizeof(((struct data_op_priv *)0)->partial) / sizeof(struct partial_block))

/** Plans a round of I/O from the cursor on. */
static void plan_locked(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t pos = priv->cursor, nr_staged = FIRST_STAGED_BLOCK;

	io_round_start(op);
	while (pos < priv->end && io_round_has_room(op)) {
		uint64_t block = block_floor(pos);
		const struct partial_block *part = find_partial(priv, block);
		uint64_t nr = part ? 1 : block_floor(priv->end) - block;
		uint8_t *buf = op_buf_at(op, pos);
		struct mapping_run run;

		if (part) {
			buf = partial_buf(priv, part);
		} else if (!op_buf_direct(op, pos)) {
			nr = min_u64(nr, BOUNCE_BLOCKS - nr_staged);
			buf = priv->bounce->buf + nr_staged * DATA_BLOCK_BYTES;
		}
		if (nr == 0)
			break;
		mapping_lookup_place(&op->file->map, block, nr, &run);
		if (!part && buf != op_buf_at(op, pos))
			nr_staged += run.nr_blocks;
		io_round_add(op, &run, run.nr_blocks, block << BLOCK_SHIFT, buf, true);
		pos = min_u64((block + run.nr_blocks) << BLOCK_SHIFT, priv->end);
	}
	priv->round_end = pos;
}

static void fill_partial(const struct data_op *op, const struct data_op_priv *priv,
			 const struct partial_block *part)
{
	uint8_t *block = partial_buf(priv, part);

	if (!part->merge)
		memset(block, 0, DATA_BLOCK_BYTES);
	memcpy(block + part->from, op_buf_at(op, (part->block << BLOCK_SHIFT) + part->from),
	       part->to - part->from);
}

/** Copies to the bounce buffer what the device cannot take from the caller's memory. */
static void stage(const struct data_op *op, const struct data_op_priv *priv)
{
	for (unsigned i = 0; i < priv->nr_ios; i++) {
		const struct data_io *io = &priv->ios[i];
		const struct partial_block *part = find_partial(priv, block_floor(io->pos));

		if (part)
			fill_partial(op, priv, part);
		else if (io_is_bounced(op, io))
			memcpy(io->io.buf, op_buf_at(op, io->pos),
			       (size_t)io->io.nr_lbas * DATA_BLOCK_BYTES);
	}
}

/** Ends a write of which the part up to @good_end is on the flash. Drops the lock. */
static enum step_result finish_locked(struct data_op *op, struct data_worklist *wl,
				      uint64_t good_end, int err)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;
	ssize_t result = err;

	good_end = min_u64(good_end, priv->end);
	/* An extent is in one state, so a part of one must be split off first. */
	if (err && good_end > op->offset &&
	    mapping_prepare_set(&file->map, block_floor(op->offset), block_ceil(good_end)))
		good_end = op->offset;
	if (good_end > op->offset) {
		mapping_set(&file->map, block_floor(op->offset), block_ceil(good_end));
		file_note_allocated_locked(file);
		file_grow_size_locked(file, good_end);
		growth_ahead_locked(file, block_floor(good_end - 1));
		result = (ssize_t)(good_end - op->offset);
	}
	if (!err)
		return data_op_end_locked(op, wl, result);
	eof_note_failed_write_locked(file, op->offset, priv->end);
	return unmap_unused_and_end_locked(op, wl, result);
}

static enum step_result round_locked(struct data_op *op, struct data_worklist *wl);

static enum step_result step_written(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	file_lock(op->file);
	priv->cursor = priv->round_end;
	if (!err && priv->cursor < priv->end)
		return round_locked(op, wl);
	return finish_locked(op, wl, good_end, err);
}

/** Drops the lock. */
static enum step_result round_locked(struct data_op *op, struct data_worklist *wl)
{
	(void)wl;
	plan_locked(op);
	file_unlock(op->file);
	stage(op, op_priv(op));
	return io_round_submit(op, step_written);
}

/** The old contents of the partial blocks are in the bounce buffer, or reading them failed. */
static enum step_result step_merge(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	/* What comes before an unreadable last block can be written all the same. */
	if (err && good_end <= op->offset)
		return unmap_unused_and_end(op, wl, err);
	if (err) {
		priv->end = good_end;
		priv->nr_partial--;
	}
	file_lock(op->file);
	return round_locked(op, wl);
}

/** Plans to read the partial blocks that must be merged. Return: false if there is none. */
static bool plan_merge_locked(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	io_round_start(op);
	priv->round_end = 0; /* io_round_good_end() is asked for errors only */
	for (unsigned i = 0; i < priv->nr_partial; i++) {
		struct partial_block *part = &priv->partial[i];
		struct mapping_run run;

		if (!part->merge)
			continue;
		mapping_lookup(&op->file->map, part->block, 1, &run);
		io_round_add(op, &run, 1, part->block << BLOCK_SHIFT, partial_buf(priv, part),
			     false);
	}
	return priv->nr_ios > 0;
}

static bool needs_bounce(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t first_whole = block_ceil(op->offset) << BLOCK_SHIFT;

	return priv->nr_partial > 0 || !op_buf_direct(op, first_whole);
}

/** Every block has a place. Drops the lock. */
static enum step_result prepared_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_file *file = op->file;

	if (needs_bounce(op) && !data_op_get_bounce(op)) {
		file_unlock(file);
		return STEP_WAIT;
	}
	if (!plan_merge_locked(op))
		return round_locked(op, wl);
	file_unlock(file);
	return io_round_submit(op, step_merge);
}

static enum step_result step_prepared(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	return prepared_locked(op, wl);
}

static bool must_merge(const struct data_file *file, const struct partial_block *part)
{
	uint64_t start = part->block << BLOCK_SHIFT;

	return mapping_is_written(&file->map, part->block) &&
	       (part->from > 0 || start + part->to < file_size_locked(file));
}

/** Drops the lock. */
static enum step_result begin_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;
	int err = mapping_prepare_set(&file->map, block_floor(op->offset), block_ceil(priv->end));

	if (err)
		return unmap_unused_and_end_locked(op, wl, err);
	partial_blocks_set(op, op->offset, priv->end);
	for (unsigned i = 0; i < priv->nr_partial; i++)
		priv->partial[i].merge = must_merge(file, &priv->partial[i]);
	priv->step = step_prepared;
	return prepared_locked(op, wl);
}

/** Goes on after the worker, perhaps with a part of the range only. */
static enum step_result step_grown(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct mapping *map = &op->file->map;
	uint64_t start = block_floor(op->offset), missing;

	file_lock(op->file);
	missing = mapping_first_block_missing(map, start, block_ceil(priv->end));
	if (missing == start)
		return unmap_unused_and_end_locked(op, wl, priv->error ? priv->error : -ENOSPC);
	priv->end = min_u64(priv->end, missing << BLOCK_SHIFT);
	return begin_locked(op, wl);
}

/** Return: 1; or 0 when the end of file has moved before the locked range, so that it must be
 *  taken anew; -EFBIG. */
static int place_append_locked(struct data_op *op)
{
	uint64_t size = file_size_locked(op->file);

	if (block_floor(size) < op_priv(op)->range.start)
		return 0;
	op->offset = size;
	return set_bounds(op);
}

enum step_result data_write_granted(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;
	int go = op->append ? place_append_locked(op) : 1;
	int err;

	if (go == 0)
		return data_op_relock_locked(op, wl, block_floor(file_size_locked(file)),
					     RANGE_LOCK_END);
	if (go < 0)
		return data_op_end_locked(op, wl, go);
	if (eof_must_zero_locked(file, priv->end))
		return eof_zero_locked(op, wl);
	err = growth_take_locked(op, block_floor(op->offset), block_ceil(priv->end));
	if (!err)
		return begin_locked(op, wl);
	if (err != -ENOSPC)
		return data_op_end_locked(op, wl, err);
	priv->step = step_grown;
	file_unlock(file);
	return growth_start(op);
}
