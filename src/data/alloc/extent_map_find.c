/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of an extent map. */
#include "base/minmax.h"
#include "data/alloc/extent_map.h"

uint32_t extent_map_position(const struct extent_map *map, uint64_t block)
{
	uint32_t low = 0, high = map->nr;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (extent_end(extent_map_get(map, middle)) <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct extent *extent_map_at(const struct extent_map *map, uint64_t block)
{
	uint32_t at = extent_map_position(map, block);

	return at < map->nr ? extent_map_get(map, at) : NULL;
}

struct extent *extent_map_next_in(const struct extent_map *map, const struct segment *segment,
				  uint64_t block)
{
	for (uint32_t at = extent_map_position(map, block); at < map->nr; at++) {
		if (extent_map_get(map, at)->segment == segment)
			return extent_map_get(map, at);
	}
	return NULL;
}

uint64_t extent_map_covered(const struct extent_map *map, uint64_t start, uint64_t end)
{
	uint64_t nr = 0;

	for (uint32_t at = extent_map_position(map, start); at < map->nr; at++) {
		const struct extent *extent = extent_map_get(map, at);

		if (extent->block >= end)
			break;
		nr += min_u64(extent_end(extent), end) - max_u64(extent->block, start);
	}
	return nr;
}

uint32_t extent_map_count(const struct extent_map *map, uint64_t start, uint64_t end)
{
	uint32_t at = extent_map_position(map, end);

	if (at < map->nr && extent_map_get(map, at)->block < end)
		at++;
	return at - extent_map_position(map, start);
}

static uint64_t next_written(const struct extent_map *map, uint64_t block)
{
	for (uint32_t at = extent_map_position(map, block); at < map->nr; at++) {
		if (extent_map_get(map, at)->state == EXTENT_WRITTEN)
			return max_u64(extent_map_get(map, at)->block, block);
	}
	return UINT64_MAX;
}

static uint64_t next_unwritten(const struct extent_map *map, uint64_t block)
{
	for (uint32_t at = extent_map_position(map, block); at < map->nr; at++) {
		const struct extent *extent = extent_map_get(map, at);

		if (extent->block > block || extent->state != EXTENT_WRITTEN)
			break;
		block = extent_end(extent);
	}
	return block;
}

uint64_t extent_map_next(const struct extent_map *map, uint64_t block, bool written)
{
	return written ? next_written(map, block) : next_unwritten(map, block);
}
