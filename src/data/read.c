/* SPDX-License-Identifier: Apache-2.0 */
/*
 * READ.
 *
 * Whole blocks go from the device straight into the caller's memory when that is 16-byte aligned.
 * The last block may do so although only a part of it lies before the end of file, if the caller's
 * buffer has room for all of it: what follows the end is zeros. Everything else, partial blocks
 * and unaligned memory, goes through a bounce buffer. Unwritten blocks are zeros without I/O.
 */
#include <errno.h>
#include <string.h>

#include "data/file.h"
#include "data/io.h"
#include "data/kinds.h"

int data_read_check(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (op->bytes == 0 || op->offset >= DATA_MAX_FILE_BYTES)
		return 0;
	priv->cursor = op->offset;
	priv->end = op->offset + min_u64(op->bytes, DATA_MAX_FILE_BYTES - op->offset);
	priv->range.start = block_floor(op->offset);
	priv->range.end = block_ceil(priv->end);
	return 1;
}

/** How many blocks of @run, at @pos, the device can put where the caller wants them. */
static uint64_t direct_blocks(const struct data_op *op, uint64_t pos, uint64_t nr_blocks)
{
	uint64_t room = op->bytes - (pos - op->offset);

	if ((pos & BLOCK_MASK) || !op_buf_direct(op, pos))
		return 0;
	return min_u64(nr_blocks, block_floor(room));
}

/** How many blocks at @pos to read into a bounce buffer with @room blocks left. */
static uint64_t staged_blocks(uint64_t pos, uint64_t nr_blocks, uint64_t room)
{
	/* After a partial first block the rest may be direct. */
	return (pos & BLOCK_MASK) ? min_u64(room, 1) : min_u64(nr_blocks, room);
}

/**
 * Fills a round from the cursor on.
 * Return: false when it needs a bounce buffer for its first io and has none.
 */
static bool plan_locked(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t pos = priv->cursor, nr_staged = 0;

	io_round_start(op);
	while (pos < priv->end) {
		uint64_t block = block_floor(pos), nr;
		struct mapping_run run;
		uint8_t *buf;

		mapping_lookup(&op->file->map, block, block_ceil(priv->end) - block, &run);
		nr = run.nr_blocks;
		if (run.vlun) {
			if (!io_round_has_room(op))
				break;
			buf = op_buf_at(op, pos);
			nr = direct_blocks(op, pos, run.nr_blocks);
			if (nr == 0 && !data_op_try_bounce(op)) {
				if (priv->nr_ios == 0)
					return false;
				break;
			}
			if (nr == 0) {
				nr = staged_blocks(pos, run.nr_blocks, BOUNCE_BLOCKS - nr_staged);
				buf = priv->bounce->buf + nr_staged * DATA_BLOCK_BYTES;
				nr_staged += nr;
			}
			if (nr == 0)
				break;
			io_round_add(op, &run, nr, block << BLOCK_SHIFT, buf, false);
		}
		pos = min_u64((block + nr) << BLOCK_SHIFT, priv->end);
	}
	priv->round_end = pos;
	return true;
}

static void zero(const struct data_op *op, uint64_t from, uint64_t to)
{
	if (from < to)
		memset(op_buf_at(op, from), 0, to - from);
}

/** Zeroes what no io of the round covers: it was never written. */
static void zero_holes(const struct data_op *op, const struct data_op_priv *priv)
{
	uint64_t pos = priv->cursor;

	for (unsigned i = 0; i < priv->nr_ios; i++) {
		const struct data_io *io = &priv->ios[i];

		zero(op, pos, io->pos);
		pos = io->pos + ((uint64_t)io->io.nr_lbas << BLOCK_SHIFT);
	}
	zero(op, pos, priv->round_end);
}

static void copy_staged(const struct data_op *op, const struct data_op_priv *priv)
{
	for (unsigned i = 0; i < priv->nr_ios; i++) {
		const struct data_io *io = &priv->ios[i];
		uint64_t from = max_u64(io->pos, priv->cursor);
		uint64_t to = min_u64(io_good_end(io), priv->end);

		if (io_is_bounced(op, io) && from < to)
			memcpy(op_buf_at(op, from), (uint8_t *)io->io.buf + (from - io->pos),
			       to - from);
	}
}

static enum step_result step_round(struct data_op *op, struct data_worklist *wl)
{
	file_lock(op->file);
	return op_priv(op)->granted(op, wl);
}

static enum step_result step_reap(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	uint64_t good_end;
	int err;

	copy_staged(op, priv);
	err = io_round_good_end(op, &good_end);
	if (err)
		return data_op_end(op, wl,
				   good_end > op->offset ? (ssize_t)(good_end - op->offset) : err);
	priv->cursor = priv->round_end;
	if (priv->cursor == priv->end)
		return data_op_end(op, wl, (ssize_t)(priv->end - op->offset));
	return step_round(op, wl);
}

/** Drops the lock. Entered again for each round. */
static enum step_result round_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_file *file = op->file;

	priv->step = step_round; /* where a wait for a bounce buffer goes on */
	while (!plan_locked(op)) {
		if (!data_op_get_bounce(op)) {
			file_unlock(file);
			return STEP_WAIT;
		}
	}
	if (priv->nr_ios == 0) {
		/* That they are all holes was decided under the lock; zeroing needs none. */
		(void)data_op_end_locked(op, wl, (ssize_t)(priv->end - op->offset));
		zero_holes(op, priv);
		return STEP_DONE;
	}
	file_unlock(file);
	zero_holes(op, priv);
	return io_round_submit(op, step_reap);
}

enum step_result data_read_granted(struct data_op *op, struct data_worklist *wl)
{
	struct data_op_priv *priv = op_priv(op);

	priv->granted = round_locked;
	priv->end = min_u64(priv->end, file_size_locked(op->file));
	if (priv->end <= priv->cursor)
		return data_op_end_locked(op, wl, 0);
	return round_locked(op, wl);
}
