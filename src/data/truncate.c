/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TRUNCATE: locks everything from the new end of file on, so that reads and writes there have
 * finished before a chunk is freed.
 */
#include <errno.h>

#include "data/file.h"
#include "data/kinds.h"
#include "data/partial_blocks.h"
#include "data/unmap.h"

int data_truncate_check(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (op->offset > DATA_MAX_FILE_BYTES)
		return -EFBIG;
	priv->range.start = block_floor(op->offset);
	priv->range.end = RANGE_LOCK_END;
	return 1;
}

/** The bytes of the last kept block beyond the new end are zeros. Drops the lock. */
static enum step_result cut_locked(struct data_op *op, struct data_worklist *wl)
{
	struct data_file *file = op->file;
	uint64_t first_gone = block_ceil(op->offset);
	int err = unmap_blocks_locked(file, first_gone, RANGE_LOCK_END, false);

	if (err)
		return data_op_end_locked(op, wl, err);
	unmap_chunks_locked(op, first_gone, RANGE_LOCK_END);
	if (op->offset < file_size_locked(file))
		file_set_eof_needs_zeroing_locked(file, false);
	file_set_size_locked(file, op->offset);
	return data_op_end_locked(op, wl, 0);
}

enum step_result data_truncate_granted(struct data_op *op, struct data_worklist *wl)
{
	struct data_file *file = op->file;
	uint64_t size = file_size_locked(file);

	if (eof_must_zero_locked(file, op->offset))
		return eof_zero_locked(op, wl);
	if (op->offset > size) {
		file_set_size_locked(file, op->offset);
		return data_op_end_locked(op, wl, 0);
	}
	op_priv(op)->nr_partial = 0;
	if (op->offset < size && (op->offset & BLOCK_MASK))
		partial_blocks_set(op, op->offset, block_ceil(op->offset) << BLOCK_SHIFT);
	return partial_blocks_zero_locked(op, wl, cut_locked);
}
