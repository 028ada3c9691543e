/* SPDX-License-Identifier: Apache-2.0 */
#include "data/forget.h"

#include "data/space.h"

int forget_blocks_locked(struct data_file *file, uint64_t start, uint64_t end)
{
	int err;

	if (start >= end)
		return 0;
	err = mapping_prepare_clear(&file->map, start, end);
	if (err)
		return err;
	mapping_clear(&file->map, start, end);
	file_note_written_locked(file);
	return 0;
}

/** A write in another part of the chunk relies on its slot, although no block is written yet. */
static void forget_if_empty(struct data_op *op, uint64_t chunk)
{
	struct data_file *file = op->file;
	uint64_t start = chunk * file->map.chunk_blocks, end = start + file->map.chunk_blocks;

	if (mapping_is_empty(&file->map, chunk) &&
	    !range_lock_writing(&file->ranges, start, end, &op_priv(op)->range))
		mapping_remove(&file->map, chunk, chunk);
}

void forget_chunks_locked(struct data_op *op, uint64_t start, uint64_t end)
{
	struct mapping *map = &op->file->map;
	uint64_t first = mapping_chunk_of(map, start), last = mapping_chunk_of(map, end);

	if (start >= end)
		return;
	if (end != RANGE_LOCK_END && end % map->chunk_blocks)
		forget_if_empty(op, last);
	if (start % map->chunk_blocks) {
		forget_if_empty(op, first);
		first++;
	}
	if (first < last)
		mapping_remove(map, first, last - 1);
	space_account_locked(op->file);
}
