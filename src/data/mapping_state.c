/* SPDX-License-Identifier: Apache-2.0 */
/* Marks blocks as written, reserved or unwritten, and moves them to slots. */
#include "base/clock.h"
#include "base/minmax.h"
#include "data/mapping_internal.h"

/* ---- one chunk ---- */

int data_chunk_prepare_set(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err = written_map_prepare_set(&chunk->written, from, to);

	if (!err && chunk->allocated.leaves)
		err = written_map_prepare_set(&chunk->allocated, from, to);
	return err;
}

void data_chunk_set(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	written_map_set(&chunk->written, from, to);
	if (chunk->allocated.leaves)
		written_map_set(&chunk->allocated, from, to);
}

int data_chunk_prepare_clear(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err = written_map_prepare_clear(&chunk->written, from, to);

	if (!err && chunk->allocated.leaves)
		err = written_map_prepare_clear(&chunk->allocated, from, to);
	return err;
}

void data_chunk_clear(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	written_map_clear(&chunk->written, from, to);
	if (chunk->allocated.leaves)
		written_map_clear(&chunk->allocated, from, to);
}

/* A copy has a leaf wherever a write in flight has prepared one, so that write can still be noted.
 */
int data_chunk_reserve(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err =
		chunk->allocated.leaves ? 0 : written_map_copy(&chunk->allocated, &chunk->written);

	return err ? err : written_map_add(&chunk->allocated, from, to);
}

/* ---- the chunks of a range ---- */

typedef int part_fn(struct mapping *map, struct data_chunk *chunk, uint32_t from, uint32_t to);

/** Calls @fn for the part of [start, end) in each chunk that has a slot, until it fails. */
static int for_each_part(struct mapping *map, uint64_t start, uint64_t end, part_fn *fn)
{
	uint32_t at = mapping_find_position(map, mapping_unit_of(map, start).first);
	int err = 0;

	for (; at < map->nr_chunks && mapping_first_block(map, map->chunks[at]) < end && !err;
	     at++) {
		struct data_chunk *chunk = map->chunks[at];
		uint32_t before = chunk_nr_allocated(chunk);
		uint32_t from = mapping_rank(map, chunk, start), to = mapping_rank(map, chunk, end);

		if (from < to)
			err = fn(map, chunk, from, to);
		map->nr_allocated += chunk_nr_allocated(chunk);
		map->nr_allocated -= before;
	}
	return err;
}

static int prepare_set_part(struct mapping *map, struct data_chunk *chunk, uint32_t from,
			    uint32_t to)
{
	(void)map;
	return data_chunk_prepare_set(chunk, from, to);
}

static int set_part(struct mapping *map, struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	if (written_map_next(&chunk->written, from, to, false) == to)
		return 0;
	data_chunk_set(chunk, from, to);
	MAPPING_CHANGED(map, .kind = DATA_CHANGE_SET, .first = chunk->index, .from = from,
			.to = to);
	return 0;
}

static int prepare_clear_part(struct mapping *map, struct data_chunk *chunk, uint32_t from,
			      uint32_t to)
{
	(void)map;
	return data_chunk_prepare_clear(chunk, from, to);
}

static int clear_part(struct mapping *map, struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	data_chunk_clear(chunk, from, to);
	MAPPING_CHANGED(map, .kind = DATA_CHANGE_CLEAR, .first = chunk->index, .from = from,
			.to = to);
	return 0;
}

static int reserve_part(struct mapping *map, struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err = data_chunk_reserve(chunk, from, to);

	if (!err)
		MAPPING_CHANGED(map, .kind = DATA_CHANGE_RESERVE, .first = chunk->index,
				.from = from, .to = to);
	return err;
}

/** Calls @fn for the parts of [start, end) that are in slots but not in extents, until it fails. */
static int for_each_part_in_slots(struct mapping *map, uint64_t start, uint64_t end, part_fn *fn)
{
	int err = 0;

	while (start < end && !err) {
		const struct extent *extent = extent_map_at(extents_of(map), start);
		uint64_t gap_end = extent ? min_u64(extent->block, end) : end;

		if (start < gap_end)
			err = for_each_part(map, start, gap_end, fn);
		start = extent ? extent_end(extent) : end;
	}
	return err;
}

/* ---- ranges ---- */

int mapping_prepare_set(struct mapping *map, uint64_t start, uint64_t end)
{
	int err = extent_map_prepare_set(extents_of(map), segments_of(map), start, end);

	return err ? err : for_each_part_in_slots(map, start, end, prepare_set_part);
}

int mapping_prepare_clear(struct mapping *map, uint64_t start, uint64_t end)
{
	int err = extent_map_prepare_remove(extents_of(map), segments_of(map), start, end);

	return err ? err : for_each_part(map, start, end, prepare_clear_part);
}

int mapping_reserve(struct mapping *map, uint64_t start, uint64_t end)
{
	int err = for_each_part_in_slots(map, start, end, reserve_part);

	if (!err)
		map->nr_allocated += extent_map_reserve(extents_of(map), start, end);
	mapping_report_extents(map, start, end);
	return err;
}

static bool extents_are_written(const struct mapping *map, uint64_t start, uint64_t end)
{
	const struct extent *extent = extent_map_at(extents_of(map), start);

	while (extent && extent->block < end && extent->state == EXTENT_WRITTEN)
		extent = extent_map_at(extents_of(map), extent_end(extent));
	return !extent || extent->block >= end;
}

/* Most writes to old blocks change nothing here, and report nothing. */
void mapping_set(struct mapping *map, uint64_t start, uint64_t end)
{
	bool were_written = extents_are_written(map, start, end);

	(void)for_each_part_in_slots(map, start, end, set_part);
	map->nr_allocated += extent_map_set(extents_of(map), segments_of(map), start, end);
	if (!were_written)
		mapping_report_extents(map, start, end);
}

void mapping_clear(struct mapping *map, uint64_t start, uint64_t end)
{
	(void)for_each_part(map, start, end, clear_part);
	mapping_report_no_extents(map, start, end);
	map->nr_allocated -=
		extent_map_remove(extents_of(map), segments_of(map), start, end, clock_now_ns());
}

void mapping_unwrite(struct mapping *map, uint64_t start, uint64_t end)
{
	(void)for_each_part(map, start, end, clear_part);
	extent_map_unwrite(extents_of(map), start, end);
	mapping_report_extents(map, start, end);
}

void mapping_drop_taken(struct mapping *map, uint64_t start, uint64_t end)
{
	extent_map_drop_taken(extents_of(map), segments_of(map), start, end, clock_now_ns());
}

bool mapping_next_outgrown(const struct mapping *map, uint64_t *block)
{
	const struct extent *extent;
	uint64_t at = *block;

	while ((extent = extent_map_at(extents_of(map), at))) {
		struct stripe_group unit;

		at = max_u64(at, extent->block);
		unit = mapping_unit_of(map, at);
		if (mapping_find_chunk(map, unit.first)) {
			*block = at;
			return true;
		}
		at = min_u64(extent_end(extent), mapping_unit_end(map, &unit));
	}
	return false;
}

int mapping_prepare_slot(struct mapping *map, uint64_t start, uint64_t end)
{
	return for_each_part(map, start, end, prepare_set_part);
}

int mapping_move_to_slot(struct mapping *map, uint64_t start, uint64_t end)
{
	bool written = mapping_is_written(map, start);
	int err = extent_map_prepare_remove(extents_of(map), segments_of(map), start, end);

	if (!err)
		err = for_each_part(map, start, end, written ? set_part : reserve_part);
	if (err)
		return err;
	mapping_report_no_extents(map, start, end);
	map->nr_allocated -=
		extent_map_remove(extents_of(map), segments_of(map), start, end, clock_now_ns());
	return 0;
}

int mapping_replace_extent(struct mapping *map, struct extent *copy)
{
	uint64_t start = copy->block, end = extent_end(copy);
	int err = extent_map_prepare_remove(extents_of(map), segments_of(map), start, end);

	if (err)
		return err;
	mapping_report_replacement(map, copy);
	extent_map_replace(extents_of(map), segments_of(map), copy, clock_now_ns());
	mapping_report_extents(map, start, end); /* it may have been joined with its neighbours */
	return 0;
}
