/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/extent_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"

/** Room for one more. */
static int make_room(struct extent_map *map)
{
	uint32_t max = map->max ? 2 * map->max : 2;
	struct extent **many;

	if (map->nr < (map->max ? map->max : 1))
		return 0;
	many = reallocarray(map->max ? map->many : NULL, max, sizeof(struct extent *));
	if (!many)
		return -ENOMEM;
	if (!map->max)
		many[0] = map->one;
	map->many = many;
	map->max = max;
	return 0;
}

static struct extent **array_of(struct extent_map *map)
{
	return map->max ? map->many : &map->one;
}

/** There is room for one more. */
static void insert(struct extent_map *map, uint32_t at, struct extent *extent)
{
	struct extent **slot = array_of(map) + at;

	memmove(slot + 1, slot, (map->nr - at) * sizeof(*slot));
	*slot = extent;
	map->nr++;
}

/** The array goes when a single extent is left, so that a file that was rewritten is as small as
 * one that was not. */
static void drop(struct extent_map *map, uint32_t at)
{
	struct extent **slot = array_of(map) + at, *last;

	map->nr--;
	memmove(slot, slot + 1, (map->nr - at) * sizeof(*slot));
	if (map->nr > 1 || !map->max)
		return;
	last = map->nr ? map->many[0] : NULL;
	free(map->many);
	*map = (struct extent_map){ .one = last, .nr = map->nr };
}

static void give(struct extent_map *map, struct segments *pool, uint32_t at, uint64_t now_ns)
{
	struct extent *extent = extent_map_get(map, at);

	drop(map, at);
	segments_give(pool, extent, now_ns);
	free(extent);
}

int extent_map_adopt(struct extent_map *map, struct segments *pool, const struct extent *extent)
{
	const struct extent *last = map->nr ? extent_map_get(map, map->nr - 1) : NULL;
	struct extent *copy;

	if (last && extent->block < extent_end(last))
		return -EPROTO;
	copy = make_room(map) ? NULL : malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *extent;
	if (!segments_adopt(pool, copy)) {
		free(copy);
		return -EPROTO;
	}
	insert(map, map->nr, copy);
	return 0;
}

int extent_map_merge(struct extent_map *map, struct extent **added, uint32_t nr)
{
	uint32_t total = map->nr + nr, old = 0, new = 0;
	struct extent **many;

	if (nr == 0)
		return 0;
	many = reallocarray(NULL, (uint32_t)max_u64(total, 2), sizeof(struct extent *));
	if (!many)
		return -ENOMEM;
	while (old + new < total) {
		if (new == nr ||
		    (old < map->nr && extent_map_get(map, old)->block < added[new]->block)) {
			many[old + new] = extent_map_get(map, old);
			old++;
		} else {
			many[old + new] = added[new];
			new ++;
		}
	}
	if (map->max)
		free(map->many);
	*map = (struct extent_map){ .many = many, .nr = total, .max = (uint32_t)max_u64(total, 2) };
	return 0;
}

/* ---- taking ---- */

static int take_piece(struct extent_map *map, struct segments *pool, void *owner, uint32_t at,
		      uint64_t block, uint64_t nr)
{
	const struct extent *before = at > 0 ? extent_map_get(map, at - 1) : NULL;
	struct extent *extent;

	if (make_room(map))
		return -ENOMEM;
	extent = malloc(sizeof(*extent));
	if (!extent)
		return -ENOMEM;
	extent->block = block;
	extent->owner = owner;
	extent->state = EXTENT_TAKEN;
	segments_take(pool, extent, (uint32_t)min_u64(nr, pool->chunk_blocks),
		      before && extent_end(before) == block ? before : NULL);
	insert(map, at, extent);
	return 0;
}

int extent_map_take(struct extent_map *map, struct segments *pool, void *owner, uint64_t start,
		    uint64_t end, uint64_t nr_claimed)
{
	uint32_t at = extent_map_position(map, start);
	uint64_t block = start;

	while (block < end && nr_claimed > 0) {
		uint64_t gap_end =
			at < map->nr ? min_u64(extent_map_get(map, at)->block, end) : end;

		if (block < gap_end) {
			uint64_t nr = min_u64(gap_end - block, nr_claimed);

			if (take_piece(map, pool, owner, at, block, nr)) {
				segments_unclaim(pool, nr_claimed);
				extent_map_drop_taken(map, pool, start, end, 0);
				return -ENOMEM;
			}
			nr_claimed -= extent_map_get(map, at)->nr_blocks;
		}
		block = extent_end(extent_map_get(map, at++));
	}
	return 0;
}

void extent_map_drop_taken(struct extent_map *map, struct segments *pool, uint64_t start,
			   uint64_t end, uint64_t now_ns)
{
	uint32_t at = extent_map_position(map, start);

	while (at < map->nr && extent_map_get(map, at)->block < end) {
		if (extent_map_get(map, at)->state == EXTENT_TAKEN)
			give(map, pool, at, now_ns);
		else
			at++;
	}
}

/* ---- splitting and joining ---- */

static int split_at(struct extent_map *map, struct segments *pool, uint64_t block)
{
	uint32_t at = extent_map_position(map, block);
	struct extent *extent, *tail;

	if (at == map->nr || extent_map_get(map, at)->block >= block)
		return 0;
	if (make_room(map))
		return -ENOMEM;
	extent = extent_map_get(map, at);
	tail = malloc(sizeof(*tail));
	if (!tail)
		return -ENOMEM;
	segments_split(pool, extent, (uint32_t)(block - extent->block), tail);
	insert(map, at + 1, tail);
	return 0;
}

static bool is_written(const struct extent_map *map, uint64_t block)
{
	const struct extent *extent = extent_map_at(map, block);

	return extent && extent->block < block && extent->state == EXTENT_WRITTEN;
}

int extent_map_prepare_set(struct extent_map *map, struct segments *pool, uint64_t start,
			   uint64_t end)
{
	int err = is_written(map, start) ? 0 : split_at(map, pool, start);

	if (!err && !is_written(map, end))
		err = split_at(map, pool, end);
	return err;
}

int extent_map_prepare_remove(struct extent_map *map, struct segments *pool, uint64_t start,
			      uint64_t end)
{
	int err = split_at(map, pool, start);

	return err ? err : split_at(map, pool, end);
}

static bool can_join(const struct extent *a, const struct extent *b)
{
	return a->state == EXTENT_WRITTEN && b->state == EXTENT_WRITTEN &&
	       extent_end(a) == b->block && a->segment == b->segment &&
	       a->start + a->nr_blocks == b->start;
}

/** Joins those from position @at on with what comes before, up to the one behind @end. */
static void join(struct extent_map *map, struct segments *pool, uint32_t at, uint64_t end)
{
	if (at == 0)
		at = 1;
	while (at < map->nr && extent_map_get(map, at - 1)->block < end) {
		struct extent *tail = extent_map_get(map, at);

		if (!can_join(extent_map_get(map, at - 1), tail)) {
			at++;
			continue;
		}
		segments_join(pool, extent_map_get(map, at - 1), tail);
		drop(map, at);
		free(tail);
	}
}

/* ---- changing ---- */

uint64_t extent_map_set(struct extent_map *map, struct segments *pool, uint64_t start, uint64_t end)
{
	uint32_t first = extent_map_position(map, start);
	uint64_t nr = 0;

	for (uint32_t at = first; at < map->nr && extent_map_get(map, at)->block < end; at++) {
		struct extent *extent = extent_map_get(map, at);

		if (extent->state == EXTENT_TAKEN)
			nr += extent->nr_blocks;
		extent->state = EXTENT_WRITTEN;
	}
	join(map, pool, first, end);
	return nr;
}

uint64_t extent_map_reserve(struct extent_map *map, uint64_t start, uint64_t end)
{
	uint64_t nr = 0;

	for (uint32_t at = extent_map_position(map, start); at < map->nr; at++) {
		struct extent *extent = extent_map_get(map, at);

		if (extent->block >= end)
			break;
		if (extent->state == EXTENT_TAKEN) {
			extent->state = EXTENT_RESERVED;
			nr += extent->nr_blocks;
		}
	}
	return nr;
}

void extent_map_unwrite(struct extent_map *map, uint64_t start, uint64_t end)
{
	for (uint32_t at = extent_map_position(map, start); at < map->nr; at++) {
		struct extent *extent = extent_map_get(map, at);

		if (extent->block >= end)
			break;
		if (extent->state == EXTENT_WRITTEN)
			extent->state = EXTENT_RESERVED;
	}
}

uint64_t extent_map_remove(struct extent_map *map, struct segments *pool, uint64_t start,
			   uint64_t end, uint64_t now_ns)
{
	uint32_t at = extent_map_position(map, start);
	uint64_t nr = 0;

	while (at < map->nr && extent_map_get(map, at)->block < end) {
		if (extent_map_get(map, at)->state != EXTENT_TAKEN)
			nr += extent_map_get(map, at)->nr_blocks;
		give(map, pool, at, now_ns);
	}
	return nr;
}

void extent_map_replace(struct extent_map *map, struct segments *pool, struct extent *extent,
			uint64_t now_ns)
{
	uint32_t at = extent_map_position(map, extent->block);
	struct extent *old = extent_map_get(map, at);

	array_of(map)[at] = extent;
	segments_give(pool, old, now_ns);
	free(old);
	join(map, pool, at, extent_end(extent));
}

void extent_map_fini(struct extent_map *map, struct segments *pool, uint64_t now_ns)
{
	while (map->nr > 0)
		give(map, pool, map->nr - 1, now_ns);
}
