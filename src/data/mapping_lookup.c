/* SPDX-License-Identifier: Apache-2.0 */
/* Where a block is, and how many behind it follow on flash. */
#include "base/minmax.h"
#include "data/mapping_internal.h"

/** The chunk of a block. @ret_from: its number there; @ret_nr: blocks that follow in order, itself
 * included. Return: NULL: it has no slot. */
static const struct data_chunk *chunk_at(const struct mapping *map, uint64_t block,
					 uint32_t *ret_from, uint32_t *ret_nr)
{
	struct stripe_group unit = mapping_unit_of(map, block);
	unsigned index = stripe_chunk_of(map->stripes, &unit, block, ret_from, ret_nr);

	return mapping_find_chunk(map, unit.first + index);
}

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
