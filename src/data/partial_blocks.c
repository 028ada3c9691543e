/* SPDX-License-Identifier: Apache-2.0 */
#include "data/partial_blocks.h"

#include <string.h>

#include "data/io.h"
#include "data/unmap.h"

static void add_partial(struct data_op_priv *priv, uint64_t block, uint64_t from, uint64_t to)
{
	priv->partial[priv->nr_partial++] = (struct partial_block){ .block = block,
								    .from = (uint16_t)from,
								    .to = (uint16_t)to };
}

void partial_blocks_set(struct data_op *op, uint64_t start, uint64_t end)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t first = block_floor(start), last = block_floor(end - 1);
	uint64_t from = start & BLOCK_MASK, to = ((end - 1) & BLOCK_MASK) + 1;

	priv->nr_partial = 0;
	if (first == last) {
		if (to - from < DATA_BLOCK_BYTES)
			add_partial(priv, first, from, to);
		return;
	}
	if (from > 0)
		add_partial(priv, first, from, DATA_BLOCK_BYTES);
	if (to < DATA_BLOCK_BYTES)
		add_partial(priv, last, 0, to);
}

/** Unwritten blocks are zeros already. */
static void keep_written(const struct mapping *map, struct data_op_priv *priv)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < priv->nr_partial; i++) {
		if (mapping_is_written(map, priv->partial[i].block))
			priv->partial[kept++] = priv->partial[i];
	}
	priv->nr_partial = (uint8_t)kept;
}

static enum step_result step_written(struct data_op *op, struct data_worklist *wl)
{
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	if (err)
		return unmap_unused_and_end(op, wl, err);
	data_op_drop_bounce(op, wl);
	file_lock(op->file);
	return op_priv(op)->after(op, wl);
}

static enum step_result step_read(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	if (err)
		return unmap_unused_and_end(op, wl, err);
	for (unsigned i = 0; i < priv->nr_partial; i++) {
		const struct partial_block *part = &priv->partial[i];
		struct superpipe_io *io = &priv->ios[i].io;

		memset((uint8_t *)io->buf + part->from, 0, part->to - part->from);
		io->write = true;
	}
	return io_round_submit(op, step_written);
}

static enum step_result step_again(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	return partial_blocks_zero_locked(op, wl, op_priv(op)->after);
}

enum step_result partial_blocks_zero_locked(struct data_op *op, struct data_worklist *wl,
					    data_step_fn *after)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	keep_written(&file->map, priv);
	if (priv->nr_partial == 0)
		return after(op, wl);
	priv->after = after;
	priv->step = step_again;
	if (!data_op_get_bounce(op)) {
		file_unlock(file);
		return STEP_WAIT;
	}
	io_round_start(op);
	priv->round_end = 0; /* io_round_good_end() is asked for errors only */
	for (unsigned i = 0; i < priv->nr_partial; i++) {
		uint64_t block = priv->partial[i].block;
		struct mapping_run run;

		mapping_lookup(&file->map, block, 1, &run);
		io_round_add(op, &run, 1, block << BLOCK_SHIFT,
			     priv->bounce->buf + i * DATA_BLOCK_BYTES, false);
	}
	file_unlock(file);
	return io_round_submit(op, step_read);
}

bool eof_must_zero_locked(struct data_file *file, uint64_t end)
{
	uint64_t size = file_size_locked(file);

	if (!(size & BLOCK_MASK) || !mapping_is_written(&file->map, block_floor(size)))
		file_set_eof_needs_zeroing_locked(file, false);
	return file->eof_needs_zeroing && end > size;
}

static enum step_result eof_zeroed(struct data_op *op, struct data_worklist *wl)
{
	file_set_eof_needs_zeroing_locked(op->file, false);
	return op_priv(op)->granted(op, wl);
}

enum step_result eof_zero_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t size = file_size_locked(op->file), block = block_floor(size);

	if (priv->range.start > block)
		return data_op_relock_locked(op, wl, block, priv->range.end);
	priv->nr_partial = 0;
	add_partial(priv, block, size & BLOCK_MASK, DATA_BLOCK_BYTES);
	return partial_blocks_zero_locked(op, wl, eof_zeroed);
}

void eof_note_failed_write_locked(struct data_file *file, uint64_t start, uint64_t end)
{
	uint64_t block = block_floor(file_size_locked(file));

	if (block >= block_floor(start) && block < block_ceil(end))
		file_set_eof_needs_zeroing_locked(file, true);
}
