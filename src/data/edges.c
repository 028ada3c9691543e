/* SPDX-License-Identifier: Apache-2.0 */
#include "data/edges.h"

#include <string.h>

#include "data/forget.h"
#include "data/io.h"

static void add_edge(struct data_op_priv *priv, uint64_t block, uint64_t from, uint64_t to)
{
	priv->edges[priv->nr_edges++] = (struct data_edge){
		.block = block, .from = (uint16_t)from, .to = (uint16_t)to
	};
}

void edges_set(struct data_op *op, uint64_t start, uint64_t end)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t first = block_floor(start), last = block_floor(end - 1);
	uint64_t from = start & BLOCK_MASK, to = ((end - 1) & BLOCK_MASK) + 1;

	priv->nr_edges = 0;
	if (first == last) {
		if (to - from < DATA_BLOCK_BYTES)
			add_edge(priv, first, from, to);
		return;
	}
	if (from > 0)
		add_edge(priv, first, from, DATA_BLOCK_BYTES);
	if (to < DATA_BLOCK_BYTES)
		add_edge(priv, last, 0, to);
}

/** Unwritten blocks are zeros already. */
static void keep_written(const struct mapping *map, struct data_op_priv *priv)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < priv->nr_edges; i++) {
		if (mapping_written(map, priv->edges[i].block))
			priv->edges[kept++] = priv->edges[i];
	}
	priv->nr_edges = (uint8_t)kept;
}

static enum data_verdict step_written(struct data_op *op, struct data_worklist *wl)
{
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	if (err)
		return forget_failed(op, wl, err);
	data_op_drop_scratch(op, wl);
	file_lock(op->file);
	return op_priv(op)->after(op, wl);
}

static enum data_verdict step_read(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	if (err)
		return forget_failed(op, wl, err);
	for (unsigned i = 0; i < priv->nr_edges; i++) {
		const struct data_edge *edge = &priv->edges[i];
		struct superpipe_io *io = &priv->ios[i].io;

		memset((uint8_t *)io->buf + edge->from, 0, edge->to - edge->from);
		io->write = true;
	}
	return io_round_submit(op, step_written);
}

static enum data_verdict step_again(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	return edges_zero_locked(op, wl, op_priv(op)->after);
}

enum data_verdict edges_zero_locked(struct data_op *op, struct data_worklist *wl,
				    data_step_fn *after)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	keep_written(&file->map, priv);
	if (priv->nr_edges == 0)
		return after(op, wl);
	priv->after = after;
	priv->step = step_again;
	if (!priv->scratch && !scratch_get(scratch_shard_of(&file->vol->scratches, file), op)) {
		file_unlock(file);
		return DATA_WAIT;
	}
	io_round_start(op);
	priv->round_end = 0; /* io_round_good_end() is asked for errors only */
	for (unsigned i = 0; i < priv->nr_edges; i++) {
		uint64_t block = priv->edges[i].block;
		struct mapping_run run;

		mapping_run(&file->map, block, 1, &run);
		io_round_add(op, &run, 1, block << BLOCK_SHIFT,
			     priv->scratch->buf + i * DATA_BLOCK_BYTES, false);
	}
	file_unlock(file);
	return io_round_submit(op, step_read);
}

bool edges_tail_dirty_locked(struct data_file *file, uint64_t end)
{
	uint64_t size = file_size_locked(file);

	if (!(size & BLOCK_MASK) || !mapping_written(&file->map, block_floor(size)))
		file->tail_dirty = false;
	return file->tail_dirty && end > size;
}

static enum data_verdict tail_cleaned(struct data_op *op, struct data_worklist *wl)
{
	op->file->tail_dirty = false;
	return op_priv(op)->granted(op, wl);
}

enum data_verdict edges_clean_tail_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t size = file_size_locked(op->file), block = block_floor(size);

	if (priv->range.start > block)
		return data_op_relock_locked(op, wl, block, priv->range.end);
	priv->nr_edges = 0;
	add_edge(priv, block, size & BLOCK_MASK, DATA_BLOCK_BYTES);
	return edges_zero_locked(op, wl, tail_cleaned);
}

void edges_note_failed_write_locked(struct data_file *file, uint64_t start, uint64_t end)
{
	uint64_t block = block_floor(file_size_locked(file));

	if (block >= block_floor(start) && block < block_ceil(end))
		file->tail_dirty = true;
}
