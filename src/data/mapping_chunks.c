/* SPDX-License-Identifier: Apache-2.0 */
/* The chunks of a file that have slots: the array of them, and which blocks lie in each. */
#include <errno.h>
#include <stdlib.h>

#include "data/mapping_internal.h"

void data_chunk_free(struct data_chunk *chunk)
{
	written_map_fini(&chunk->written);
	written_map_fini(&chunk->allocated);
	free(chunk);
}

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

int mapping_room_for_chunks(struct mapping *map, uint32_t nr)
{
	uint32_t max = map->max_chunks ? map->max_chunks : 1;
	struct data_chunk **chunks;

	while (max < map->nr_chunks + nr)
		max *= 2;
	if (max == map->max_chunks)
		return 0;
	chunks = reallocarray(map->chunks, max, sizeof(*chunks));
	if (!chunks)
		return -ENOMEM;
	map->chunks = chunks;
	map->max_chunks = max;
	return 0;
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

/* ---- which blocks lie in a chunk ---- */

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
