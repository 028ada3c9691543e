/* SPDX-License-Identifier: Apache-2.0 */
/* Where the blocks of a file are. */
#include <stdlib.h>

#include "base/minmax.h"
#include "data/mapping_internal.h"

void mapping_init(struct mapping *map, struct file_space *space, const struct stripes *stripes)
{
	*map = (struct mapping){ .space = space, .stripes = stripes };
}

void mapping_fini(struct mapping *map)
{
	for (uint32_t i = 0; i < map->nr_chunks; i++)
		data_chunk_free(map->chunks[i]);
	free(map->chunks);
	mapping_init(map, map->space, map->stripes);
}

/* A file without holes is hit at once. */
uint32_t data_chunks_find(struct data_chunk *const chunks[], uint32_t nr, uint64_t index)
{
	uint32_t low = 0, high = nr;

	if (high && index >= chunks[0]->index) {
		uint64_t guess = index - chunks[0]->index;

		if (guess < high && chunks[guess]->index == index)
			return (uint32_t)guess;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (chunks[middle]->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t mapping_find_position(const struct mapping *map, uint64_t index)
{
	return data_chunks_find(map->chunks, map->nr_chunks, index);
}

struct data_chunk *mapping_find_chunk(const struct mapping *map, uint64_t index)
{
	uint32_t at = mapping_find_position(map, index);

	if (at == map->nr_chunks || map->chunks[at]->index != index)
		return NULL;
	return map->chunks[at];
}

/* ---- how the blocks of the file lie in its chunks ------------------------------------------ */

/** A chunk whose blocks lie in order is a group for itself. */
static struct stripe_group group_of(const struct mapping *map, const struct data_chunk *chunk)
{
	if (chunk->striped)
		return stripe_group_of(map->stripes, chunk->index);
	return (struct stripe_group){ .first = chunk->index, .width = 1 };
}

uint64_t mapping_first_block(const struct mapping *map, const struct data_chunk *chunk)
{
	return group_of(map, chunk).first * mapping_chunk_blocks(map);
}

uint32_t mapping_rank(const struct mapping *map, const struct data_chunk *chunk, uint64_t block)
{
	struct stripe_group group = group_of(map, chunk);

	return stripe_rank(map->stripes, &group, (unsigned)(chunk->index - group.first), block);
}

uint64_t mapping_block_of(const struct mapping *map, const struct data_chunk *chunk, uint32_t nr)
{
	struct stripe_group group = group_of(map, chunk);

	return stripe_block_of(map->stripes, &group, (unsigned)(chunk->index - group.first), nr);
}

struct stripe_group mapping_unit_of(const struct mapping *map, uint64_t block)
{
	uint64_t chunk = mapping_chunk_of(map, block);
	struct stripe_group group = stripe_group_of(map->stripes, chunk);
	uint32_t at;

	if (group.width == 1)
		return group;
	at = mapping_find_position(map, group.first);
	if (at == map->nr_chunks || map->chunks[at]->index >= group.first + group.width ||
	    map->chunks[at]->striped)
		return group;
	return (struct stripe_group){ .first = chunk, .width = 1 };
}

uint64_t mapping_unit_end(const struct mapping *map, const struct stripe_group *unit)
{
	return (unit->first + unit->width) * mapping_chunk_blocks(map);
}

/** The chunk of a block. @ret_from: its number there; @ret_nr: blocks that follow in order, itself
 * included. Return: NULL: it has no slot. */
static const struct data_chunk *chunk_at(const struct mapping *map, uint64_t block,
					 uint32_t *ret_from, uint32_t *ret_nr)
{
	struct stripe_group unit = mapping_unit_of(map, block);
	unsigned index = stripe_chunk_of(map->stripes, &unit, block, ret_from, ret_nr);

	return mapping_find_chunk(map, unit.first + index);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void set_run(const struct mapping *map, const struct data_chunk *chunk, uint32_t block,
		    uint64_t nr_blocks, struct mapping_run *ret_run)
{
	ret_run->vlun = file_slots_on(slots_of(map), chunk->lun)->vlun;
	ret_run->lba = (uint64_t)chunk->slot * mapping_chunk_blocks(map) + block;
	ret_run->nr_blocks = nr_blocks;
}

/** The run of blocks before the next chunk that has a slot; @block has none. */
static void hole_run(const struct mapping *map, uint64_t block, uint64_t max_blocks,
		     struct mapping_run *ret_run)
{
	uint32_t at = mapping_find_position(map, mapping_chunk_of(map, block));

	if (at < map->nr_chunks)
		max_blocks = min_u64(max_blocks, mapping_first_block(map, map->chunks[at]) - block);
	ret_run->vlun = NULL;
	ret_run->lba = 0;
	ret_run->nr_blocks = max_blocks;
}

/** Return: whether @block is in an extent. If not, @max_blocks is cut down to where the next
 * begins. */
static bool extent_run(const struct mapping *map, uint64_t block, uint64_t *max_blocks, bool place,
		       struct mapping_run *ret_run)
{
	const struct extent *extent = extent_map_at(extents_of(map), block);
	bool inside = extent && extent->block <= block;

	if (extent && !inside)
		*max_blocks = min_u64(*max_blocks, extent->block - block);
	if (!inside)
		return false;
	ret_run->vlun = place || extent->state == EXTENT_WRITTEN ? extent->segment->vlun : NULL;
	ret_run->lba = extent->start + (block - extent->block);
	ret_run->nr_blocks = min_u64(*max_blocks, extent_end(extent) - block);
	return true;
}

void mapping_lookup(const struct mapping *map, uint64_t block, uint64_t max_blocks,
		    struct mapping_run *ret_run)
{
	const struct data_chunk *chunk;
	uint32_t from, nr, to;
	bool written;

	if (extent_run(map, block, &max_blocks, false, ret_run))
		return;
	chunk = chunk_at(map, block, &from, &nr);
	if (!chunk) {
		hole_run(map, block, max_blocks, ret_run);
		return;
	}
	to = from + (uint32_t)min_u64(max_blocks, nr);
	written = written_map_test(&chunk->written, from);
	to = written_map_next(&chunk->written, from, to, !written);
	set_run(map, chunk, from, to - from, ret_run);
	if (!written)
		ret_run->vlun = NULL;
}

bool mapping_lookup_slot(const struct mapping *map, uint64_t block, uint64_t max_blocks,
			 struct mapping_run *ret_run)
{
	uint32_t from, nr;
	const struct data_chunk *chunk = chunk_at(map, block, &from, &nr);

	if (chunk)
		set_run(map, chunk, from, min_u64(max_blocks, nr), ret_run);
	return chunk != NULL;
}

void mapping_lookup_place(const struct mapping *map, uint64_t block, uint64_t max_blocks,
			  struct mapping_run *ret_run)
{
	if (!extent_run(map, block, &max_blocks, true, ret_run))
		(void)mapping_lookup_slot(map, block, max_blocks, ret_run);
}

bool mapping_is_written(const struct mapping *map, uint64_t block)
{
	const struct extent *extent = extent_map_at(extents_of(map), block);
	const struct data_chunk *chunk;
	uint32_t from, nr;

	if (extent && extent->block <= block)
		return extent->state == EXTENT_WRITTEN;
	chunk = chunk_at(map, block, &from, &nr);
	return chunk && written_map_test(&chunk->written, from);
}

/** Return: @best or, if it comes earlier, the first block of the chunk in this state from @block
 * on.
 */
static uint64_t next_in_chunk(const struct mapping *map, const struct data_chunk *chunk,
			      uint64_t block, bool written, uint64_t best)
{
	uint32_t nr = mapping_chunk_blocks(map);
	uint32_t hit =
		written_map_next(&chunk->written, mapping_rank(map, chunk, block), nr, written);

	return hit < nr ? min_u64(best, mapping_block_of(map, chunk, hit)) : best;
}

static uint64_t next_written_slot(const struct mapping *map, uint64_t block)
{
	struct stripe_group unit = mapping_unit_of(map, block);
	uint64_t best = UINT64_MAX;

	for (uint32_t at = mapping_find_position(map, unit.first); at < map->nr_chunks; at++) {
		const struct data_chunk *chunk = map->chunks[at];

		if (best < mapping_first_block(map, chunk))
			break;
		best = next_in_chunk(map, chunk, block, true, best);
	}
	return best;
}

/** Return: @block if the unit has no slots; the end of the unit if there is none in it. */
static uint64_t next_unwritten_in_unit(const struct mapping *map, const struct stripe_group *unit,
				       uint64_t block)
{
	uint64_t best = mapping_unit_end(map, unit);

	for (unsigned i = 0; i < unit->width; i++) {
		const struct data_chunk *chunk = mapping_find_chunk(map, unit->first + i);

		if (!chunk)
			return block;
		best = next_in_chunk(map, chunk, block, false, best);
	}
	return best;
}

static uint64_t next_unwritten_slot(const struct mapping *map, uint64_t block)
{
	uint64_t end;

	do {
		struct stripe_group unit = mapping_unit_of(map, block);

		end = mapping_unit_end(map, &unit);
		block = next_unwritten_in_unit(map, &unit, block);
	} while (block == end);
	return block;
}

/** Where the written blocks of slots end, extents may go on, and so on. */
static uint64_t next_unwritten(const struct mapping *map, uint64_t block)
{
	uint64_t before;

	do {
		before = block;
		block = next_unwritten_slot(map, block);
		block = extent_map_next(extents_of(map), block, false);
	} while (block != before);
	return block;
}

uint64_t mapping_next(const struct mapping *map, uint64_t block, bool written)
{
	if (!written)
		return next_unwritten(map, block);
	return min_u64(next_written_slot(map, block),
		       extent_map_next(extents_of(map), block, true));
}

/** The first block of @chunk in [from, to) that is reserved but not written, or @to. */
static uint32_t next_reserved_in(const struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	if (!chunk->allocated.leaves)
		return to;
	while ((from = written_map_next(&chunk->allocated, from, to, true)) < to) {
		uint32_t unwritten = written_map_next(&chunk->written, from, to, false);

		if (unwritten == from)
			break;
		from = unwritten;
	}
	return from;
}

/** The first run of @chunk from @block on, to the end of its stripe at most. */
static bool reserved_run(const struct mapping *map, const struct data_chunk *chunk, uint64_t block,
			 uint64_t *ret_start, uint64_t *ret_end)
{
	uint32_t nr = mapping_chunk_blocks(map), end = nr;
	uint32_t start = next_reserved_in(chunk, mapping_rank(map, chunk, block), nr);

	if (start == nr)
		return false;
	if (chunk->striped)
		end = start - start % map->stripes->stripe_blocks + map->stripes->stripe_blocks;
	end = written_map_next(&chunk->allocated, start, end, false);
	end = written_map_next(&chunk->written, start, end, true);
	*ret_start = mapping_block_of(map, chunk, start);
	*ret_end = *ret_start + (end - start);
	return true;
}

static bool next_reserved_slot(const struct mapping *map, uint64_t block, uint64_t *ret_start,
			       uint64_t *ret_end)
{
	struct stripe_group unit = mapping_unit_of(map, block);
	uint32_t at = mapping_find_position(map, unit.first);
	uint64_t start, end;

	*ret_start = UINT64_MAX;
	for (; at < map->nr_chunks && mapping_first_block(map, map->chunks[at]) < *ret_start;
	     at++) {
		if (reserved_run(map, map->chunks[at], block, &start, &end) && start < *ret_start) {
			*ret_start = start;
			*ret_end = end;
		}
	}
	return *ret_start != UINT64_MAX;
}

static bool next_reserved_extent(const struct mapping *map, uint64_t block, uint64_t *ret_start,
				 uint64_t *ret_end)
{
	const struct extent *extent = extent_map_at(extents_of(map), block);

	while (extent && extent->state != EXTENT_RESERVED)
		extent = extent_map_at(extents_of(map), extent_end(extent));
	if (!extent)
		return false;
	*ret_start = max_u64(extent->block, block);
	*ret_end = extent_end(extent);
	return true;
}

bool mapping_next_reserved(const struct mapping *map, uint64_t block, uint64_t *ret_start,
			   uint64_t *ret_end)
{
	uint64_t start = UINT64_MAX, end;
	bool found = next_reserved_slot(map, block, ret_start, ret_end);

	if (!next_reserved_extent(map, block, &start, &end) || (found && *ret_start <= start))
		return found;
	*ret_start = start;
	*ret_end = end;
	return true;
}

uint64_t mapping_nr_missing(const struct mapping *map, uint64_t first, uint64_t last)
{
	return last - first + 1 -
	       (mapping_find_position(map, last + 1) - mapping_find_position(map, first));
}

void mapping_missing_on_luns(const struct mapping *map, uint64_t first, uint64_t last,
			     uint64_t ret_nr[])
{
	unsigned nr_luns = slots_of(map)->nr_luns,
		 start = file_slots_preferred(slots_of(map), first);
	uint64_t nr = last - first + 1;

	for (unsigned i = 0; i < nr_luns; i++)
		ret_nr[(start + i) % nr_luns] = nr / nr_luns + (i < nr % nr_luns);
	for (uint32_t at = mapping_find_position(map, first);
	     at < map->nr_chunks && map->chunks[at]->index <= last; at++)
		ret_nr[file_slots_preferred(slots_of(map), map->chunks[at]->index)]--;
}

/** Return: the end of the places that @block and those behind it have; @block: it has none. */
static uint64_t end_of_place(const struct mapping *map, uint64_t block)
{
	const struct extent *extent = extent_map_at(extents_of(map), block);
	struct stripe_group unit;

	if (extent && extent->block <= block)
		return extent_end(extent);
	unit = mapping_unit_of(map, block);
	return mapping_find_chunk(map, unit.first) ? mapping_unit_end(map, &unit) : block;
}

/** Return: how many blocks of [start, end) have slots. */
static uint64_t nr_in_slots(const struct mapping *map, uint64_t start, uint64_t end)
{
	uint32_t at = mapping_find_position(map, mapping_unit_of(map, start).first);
	uint64_t nr = 0;

	for (; at < map->nr_chunks && mapping_first_block(map, map->chunks[at]) < end; at++)
		nr += mapping_rank(map, map->chunks[at], end) -
		      mapping_rank(map, map->chunks[at], start);
	return nr;
}

uint64_t mapping_nr_homeless(const struct mapping *map, uint64_t start, uint64_t end)
{
	uint64_t nr = 0;

	while (start < end) {
		const struct extent *extent = extent_map_at(extents_of(map), start);
		uint64_t gap_end = extent ? min_u64(extent->block, end) : end;

		if (start < gap_end)
			nr += gap_end - start - nr_in_slots(map, start, gap_end);
		start = extent ? extent_end(extent) : end;
	}
	return nr;
}

uint64_t mapping_first_missing(const struct mapping *map, uint64_t start, uint64_t end)
{
	uint64_t next;

	while (start < end && (next = end_of_place(map, start)) > start)
		start = next;
	return min_u64(start, end);
}
