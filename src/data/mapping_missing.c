/* SPDX-License-Identifier: Apache-2.0 */
/* What has no place on flash: chunks without a slot, blocks without a slot or an extent. */
#include "base/minmax.h"
#include "data/mapping_internal.h"

uint64_t mapping_nr_slots_missing(const struct mapping *map, uint64_t first, uint64_t last)
{
	return last - first + 1 -
	       (mapping_find_position(map, last + 1) - mapping_find_position(map, first));
}

void mapping_slots_missing_on_luns(const struct mapping *map, uint64_t first, uint64_t last,
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

uint64_t mapping_nr_blocks_missing(const struct mapping *map, uint64_t start, uint64_t end)
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

uint64_t mapping_first_block_missing(const struct mapping *map, uint64_t start, uint64_t end)
{
	uint64_t next;

	while (start < end && (next = end_of_place(map, start)) > start)
		start = next;
	return min_u64(start, end);
}
