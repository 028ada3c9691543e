/* SPDX-License-Identifier: Apache-2.0 */
#include "data/unmap.h"

#include "data/alloc/background.h"

int unmap_blocks_locked(struct data_file *file, uint64_t start, uint64_t end, bool keep_place)
{
	int err;

	if (start >= end)
		return 0;
	err = mapping_prepare_clear(&file->map, start, end);
	if (err)
		return err;
	if (keep_place)
		mapping_unwrite(&file->map, start, end);
	else
		mapping_clear(&file->map, start, end);
	file_note_allocated_locked(file);
	return 0;
}

/** A write in another part of the chunk relies on its slot, although no block is written yet. */
static void unmap_if_empty(struct data_op *op, uint64_t chunk)
{
	struct data_file *file = op->file;
	uint64_t start = chunk * file->map.chunk_blocks, end = start + file->map.chunk_blocks;

	if (mapping_is_empty(&file->map, chunk) &&
	    !range_lock_writing(&file->ranges, start, end, &op_priv(op)->range))
		mapping_remove(&file->map, chunk, chunk);
}

void unmap_chunks_locked(struct data_op *op, uint64_t start, uint64_t end)
{
	struct mapping *map = &op->file->map;
	uint64_t first = mapping_chunk_of(map, start), last = mapping_chunk_of(map, end);

	if (start >= end)
		return;
	if (end != RANGE_LOCK_END && end % map->chunk_blocks)
		unmap_if_empty(op, last);
	if (start % map->chunk_blocks) {
		unmap_if_empty(op, first);
		first++;
	}
	if (first < last)
		mapping_remove(map, first, last - 1);
	background_count_locked(&op->file->space);
}

static void unmap_unused_locked(struct data_op *op)
{
	struct mapping *map = &op->file->map;
	const struct range_lock_entry *range = &op_priv(op)->range;
	uint64_t chunk = mapping_chunk_of(map, range->start);
	uint64_t last = mapping_chunk_of(map, range->end - 1);

	mapping_drop_taken(map, range->start, range->end);
	for (; (chunk = mapping_next_empty(map, chunk, last)) <= last; chunk++)
		unmap_if_empty(op, chunk);
	background_count_locked(&op->file->space);
}

enum step_result unmap_unused_and_end_locked(struct data_op *op, struct data_worklist *wl,
					     ssize_t result)
{
	if (!op->file->space.is_plun)
		unmap_unused_locked(op);
	return data_op_end_locked(op, wl, result);
}

enum step_result unmap_unused_and_end(struct data_op *op, struct data_worklist *wl, ssize_t result)
{
	file_lock(op->file);
	return unmap_unused_and_end_locked(op, wl, result);
}
