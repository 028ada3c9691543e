/* SPDX-License-Identifier: Apache-2.0 */
/* Where the next block is that is written, not written, or reserved. */
#include "base/minmax.h"
#include "data/mapping_internal.h"

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
