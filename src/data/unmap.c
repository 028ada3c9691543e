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

static void remove_unit(struct mapping *map, const struct stripe_group *unit)
{
	mapping_remove(map, unit->first, stripe_last_chunk(unit));
}

/** A write in another part of the unit relies on its slots, although no block is written yet. */
static void unmap_if_empty(struct data_op *op, uint64_t block)
{
	struct data_file *file = op->file;
	struct stripe_group unit = mapping_unit_of(&file->map, block);
	uint64_t start = unit.first * mapping_chunk_blocks(&file->map);
	uint64_t end = mapping_unit_end(&file->map, &unit);

	if (mapping_is_empty(&file->map, &unit) &&
	    !range_lock_writing(&file->ranges, start, end, &op_priv(op)->range))
		remove_unit(&file->map, &unit);
}

/** Return: the first block of a unit: that of @block, or the next if @block is not its first. */
static uint64_t next_unit(const struct mapping *map, uint64_t block)
{
	struct stripe_group unit = mapping_unit_of(map, block);

	return unit.first * mapping_chunk_blocks(map) == block ? block
							       : mapping_unit_end(map, &unit);
}

void unmap_chunks_locked(struct data_op *op, uint64_t start, uint64_t end)
{
	struct mapping *map = &op->file->map;
	uint64_t first, last;

	if (start >= end)
		return;
	unmap_if_empty(op, start);
	first = mapping_chunk_of(map, next_unit(map, start));
	last = mapping_chunk_of(map, end);
	if (end != RANGE_LOCK_END) {
		if (next_unit(map, end) != end)
			unmap_if_empty(op, end);
		last = mapping_unit_of(map, end).first;
	}
	if (first < last)
		mapping_remove(map, first, last - 1);
	background_count_locked(&op->file->space);
}

static void unmap_unused_locked(struct data_op *op)
{
	struct mapping *map = &op->file->map;
	const struct range_lock_entry *range = &op_priv(op)->range;
	struct stripe_group unit = mapping_unit_of(map, range->end - 1);
	uint64_t chunk = mapping_unit_of(map, range->start).first;
	uint64_t last = stripe_last_chunk(&unit);

	mapping_drop_taken(map, range->start, range->end);
	for (; (chunk = mapping_next_empty(map, chunk, last)) <= last; chunk++)
		unmap_if_empty(op, chunk * mapping_chunk_blocks(map));
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
