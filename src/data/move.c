/* SPDX-License-Identifier: Apache-2.0 */
#include "data/move.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "data/io.h"
#include "data/kinds.h"

/** What a DATA_OP_MOVE is given in its buf. */
struct move {
	enum move_goal goal;
	struct extent *copy; /* in another segment; not in the file's map yet */
};

static struct move *move_of(struct data_op *op)
{
	return op->buf;
}

static struct segments *segments_of(struct data_op *op)
{
	return &op->file->space.alloc->segments.pool;
}

int data_move_check(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	priv->cursor = block_floor(op->offset);
	priv->range.start = priv->cursor;
	priv->range.end = block_ceil(op->offset + op->bytes);
	priv->end = priv->range.end;
	return 1;
}

/* ---- the new place ---- */

/** Return: 1: there is a slot, and what moves lies together in it; 0: there is none; -ENOMEM. */
static int prepare_slot(struct data_op *op, bool written)
{
	struct data_op_priv *priv = op_priv(op);
	struct mapping *map = &op->file->map;
	struct mapping_run run;
	int err;

	if (!mapping_lookup_slot(map, priv->cursor, priv->end - priv->cursor, &run))
		return 0;
	priv->end = priv->cursor + run.nr_blocks;
	err = written ? mapping_prepare_slot(map, priv->cursor, priv->end) : 0;
	return err ? err : 1;
}

/** Return: 1: @move has an extent elsewhere; -ENOSPC; -ENOMEM. */
static int take_copy(struct data_op *op, const struct extent *extent)
{
	struct data_op_priv *priv = op_priv(op);
	struct segments *pool = segments_of(op);
	uint32_t nr = (uint32_t)(priv->end - priv->cursor);
	struct extent *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = (struct extent){ .block = priv->cursor,
				 .owner = extent->owner,
				 .state = extent->state };
	if (!segments_claim(pool, nr, nr)) {
		free(copy);
		return -ENOSPC;
	}
	if (!segments_take_elsewhere(pool, copy, nr)) {
		segments_unclaim(pool, nr);
		free(copy);
		return -ENOSPC;
	}
	segments_unclaim(pool, nr - copy->nr_blocks);
	priv->end = priv->cursor + copy->nr_blocks;
	move_of(op)->copy = copy;
	return 1;
}

static int prepare_place(struct data_op *op, const struct extent *extent)
{
	struct segments *pool = segments_of(op);

	if (move_of(op)->goal == MOVE_TO_SLOT)
		return prepare_slot(op, extent->state == EXTENT_WRITTEN);
	return segments_is_victim(pool, extent->segment) ? take_copy(op, extent) : 0;
}

/** Drops the lock. */
static enum step_result end_locked(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	struct extent *copy = move_of(op)->copy;

	if (copy) {
		segments_give(segments_of(op), copy, clock_now_ns());
		free(copy);
	}
	return data_op_end_locked(op, wl, result);
}

static enum step_result end(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	file_lock(op->file);
	return end_locked(op, wl, result);
}

/** The blocks are in their new place as well: from now on they count there. Drops the lock. */
static enum step_result switch_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct move *move = move_of(op);
	struct mapping *map = &op->file->map;
	int err;

	if (move->copy)
		err = mapping_replace_extent(map, move->copy);
	else
		err = mapping_move_to_slot(map, priv->cursor, priv->end);
	if (err)
		return end_locked(op, wl, err);
	move->copy = NULL;
	return end_locked(op, wl, (ssize_t)(priv->end - priv->cursor));
}

/* ---- copying ---- */

static enum step_result step_written(struct data_op *op, struct data_worklist *wl)
{
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	file_lock(op->file);
	return err ? end_locked(op, wl, err) : switch_locked(op, wl);
}

static void lookup_new_place(struct data_op *op, struct mapping_run *ret_run)
{
	struct data_op_priv *priv = op_priv(op);
	const struct extent *copy = move_of(op)->copy;

	if (!copy) {
		(void)mapping_lookup_slot(&op->file->map, priv->cursor, priv->end - priv->cursor,
					  ret_run);
		return;
	}
	ret_run->vlun = copy->segment->vlun;
	ret_run->lba = copy->start;
}

/** One io of all blocks, from or to the bounce buffer. */
static void plan(struct data_op *op, const struct mapping_run *run, bool write)
{
	struct data_op_priv *priv = op_priv(op);

	io_round_start(op);
	io_round_add(op, run, priv->end - priv->cursor, priv->cursor << BLOCK_SHIFT,
		     priv->bounce->buf, write);
	priv->round_end = priv->end << BLOCK_SHIFT;
}

static enum step_result step_read(struct data_op *op, struct data_worklist *wl)
{
	struct mapping_run run;
	uint64_t good_end;
	int err = io_round_good_end(op, &good_end);

	if (err)
		return end(op, wl, err);
	file_lock(op->file);
	lookup_new_place(op, &run);
	file_unlock(op->file);
	plan(op, &run, true);
	return io_round_submit(op, step_written);
}

static enum step_result step_copy(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct mapping_run run;

	(void)wl;
	if (!data_op_get_bounce(op))
		return STEP_WAIT;
	file_lock(op->file);
	mapping_lookup(&op->file->map, priv->cursor, priv->end - priv->cursor, &run);
	file_unlock(op->file);
	plan(op, &run, false);
	return io_round_submit(op, step_read);
}

enum step_result data_move_granted(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	const struct extent *extent = extent_map_at(&op->file->space.extents, priv->cursor);
	bool written;
	int go;

	if (op->file->space.freed || !extent || extent->block > priv->cursor)
		return data_op_end_locked(op, wl, 0);
	priv->end = min_u64(priv->end, extent_end(extent));
	written = extent->state == EXTENT_WRITTEN;
	go = prepare_place(op, extent);
	if (go <= 0)
		return data_op_end_locked(op, wl, go);
	if (!written)
		return switch_locked(op, wl);
	priv->step = step_copy;
	file_unlock(op->file);
	return STEP_AGAIN;
}

ssize_t move_run(struct data_file *file, enum move_goal goal, uint64_t block)
{
	struct move move = { .goal = goal };
	struct data_op op = { .file = file,
			      .kind = DATA_OP_MOVE,
			      .offset = block << BLOCK_SHIFT,
			      .bytes = BOUNCE_BYTES,
			      .buf = &move };

	return data_run(&op);
}
