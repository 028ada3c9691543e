/* SPDX-License-Identifier: Apache-2.0 */
/* Restores a mapping from a snapshot. */
#include <errno.h>
#include <stdlib.h>

#include "data/mapping_internal.h"

static struct written_map take_map(struct written_map *map)
{
	const struct written_map taken = *map;

	*map = (struct written_map){ 0 };
	return taken;
}

static bool adopt_slot(struct mapping *map, const struct mapping_chunk *chunk)
{
	const struct data_chunk *last = map->nr_chunks ? map->chunks[map->nr_chunks - 1] : NULL;
	struct slots *slots;

	if ((last && chunk->index <= last->index) || chunk->lun >= slots_of(map)->nr_luns)
		return false;
	slots = file_slots_on(slots_of(map), chunk->lun);
	return slots && slots_adopt(slots, chunk->slot);
}

int mapping_adopt_chunk(struct mapping *map, const struct mapping_chunk *chunk)
{
	struct data_chunk *new = mapping_room_for_chunks(map, 1) ? NULL : calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	if (!adopt_slot(map, chunk)) {
		free(new);
		return -EPROTO;
	}
	new->index = chunk->index;
	new->lun = (uint8_t)chunk->lun;
	new->slot = chunk->slot;
	new->striped = chunk->striped;
	new->written = take_map(chunk->written);
	if (chunk->allocated->nr_written > 0)
		new->allocated = take_map(chunk->allocated);
	map->chunks[map->nr_chunks++] = new;
	map->nr_allocated += chunk_nr_allocated(new);
	return 0;
}

bool mapping_groups_are_whole(const struct mapping *map)
{
	for (uint32_t at = 0; at < map->nr_chunks; at++) {
		const struct data_chunk *chunk = map->chunks[at];
		struct stripe_group group = stripe_group_of(map->stripes, chunk->index);

		for (unsigned i = 0; chunk->striped && i < group.width; i++) {
			const struct data_chunk *other = mapping_find_chunk(map, group.first + i);

			if (!other || !other->striped)
				return false;
		}
	}
	return true;
}

int mapping_adopt_extent(struct mapping *map, const struct extent *extent)
{
	int err = extent_map_adopt(extents_of(map), segments_of(map), extent);

	if (!err)
		map->nr_allocated += extent->nr_blocks;
	return err;
}
