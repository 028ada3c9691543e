/* SPDX-License-Identifier: Apache-2.0 */
/* Gives slots to chunks, and takes them back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "data/mapping_internal.h"

static struct data_chunk *chunk_new(const struct mapping *map, uint64_t index)
{
	struct data_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->index = index;
	chunk->fresh = true;
	if (written_map_init(&chunk->written, mapping_chunk_blocks(map)) == 0)
		return chunk;
	free(chunk);
	return NULL;
}

/** There is a free slot. */
static struct data_chunk *chunk_with_slot(struct mapping *map, uint64_t index, bool striped)
{
	struct data_chunk *chunk = chunk_new(map, index);

	if (!chunk)
		return NULL;
	chunk->striped = striped;
	chunk->lun = (uint8_t)file_slots_pick(slots_of(map), index);
	chunk->slot = slots_take(file_slots_on(slots_of(map), chunk->lun));
	return chunk;
}

static void move_chunks(struct mapping *map, uint32_t to, uint32_t from, uint32_t nr)
{
	memmove(&map->chunks[to], &map->chunks[from], nr * sizeof(*map->chunks));
}

/** Is a group striped of which @index gets the first slot? @next: the next chunk that has a slot.
 */
static bool may_stripe(const struct stripe_group *group, uint64_t index, uint64_t last,
		       uint64_t next, uint32_t nr_left)
{
	return group->width > 1 && index == group->first && index + group->width - 1 <= last &&
	       index + group->width <= next && group->width <= nr_left;
}

/**
 * Makes @max of the chunks that are missing in [first, last]. One pass, because the array may be
 * long: the chunks from @first on move up by @max at once, then each moves down to its final place.
 */
static int assign_chunks(struct mapping *map, uint64_t first, uint64_t last, uint32_t max)
{
	uint32_t out = mapping_find_position(map, first), in = out + max,
		 end = map->nr_chunks + max;
	struct stripe_group group = { .width = 0 };
	bool striped = false;

	if (mapping_room_for_chunks(map, max))
		return -ENOMEM;
	move_chunks(map, in, out, map->nr_chunks - out);
	for (uint64_t index = first; out < in; index++) {
		uint64_t next = in < end ? map->chunks[in]->index : UINT64_MAX;
		struct data_chunk *chunk;

		if (index == next) {
			map->chunks[out++] = map->chunks[in++];
			continue;
		}
		if (index >= group.first + group.width) {
			group = stripe_group_of(map->stripes, index);
			striped = may_stripe(&group, index, last, next, in - out);
		}
		chunk = chunk_with_slot(map, index, striped);
		if (!chunk)
			break;
		map->chunks[out++] = chunk;
	}
	move_chunks(map, out, in, end - in);
	map->nr_chunks = end - (in - out);
	return out < in ? -ENOMEM : 0;
}

static void report_chunk(const struct mapping *map, const struct data_chunk *chunk)
{
	MAPPING_CHANGED(map, .kind = DATA_CHANGE_CHUNK, .first = chunk->index, .lun = chunk->lun,
			.slot = chunk->slot, .flag = chunk->striped);
}

int mapping_assign(struct mapping *map, uint64_t first, uint64_t last)
{
	uint64_t missing = mapping_nr_slots_missing(map, first, last);
	uint32_t nr_free = file_slots_nr_free(slots_of(map));
	int err = assign_chunks(map, first, last, (uint32_t)min_u64(missing, nr_free));
	uint32_t at = mapping_find_position(map, first);

	while (at < map->nr_chunks && map->chunks[at]->index <= last) {
		if (err && map->chunks[at]->fresh) {
			mapping_remove(map, map->chunks[at]->index, map->chunks[at]->index);
		} else {
			if (map->chunks[at]->fresh)
				report_chunk(map, map->chunks[at]);
			map->chunks[at]->fresh = false;
			at++;
		}
	}
	return err;
}

void mapping_remove(struct mapping *map, uint64_t first, uint64_t last)
{
	uint32_t from = mapping_find_position(map, first), to = from;

	for (; to < map->nr_chunks && map->chunks[to]->index <= last; to++) {
		struct data_chunk *chunk = map->chunks[to];

		map->nr_allocated -= chunk_nr_allocated(chunk);
		slots_put(file_slots_on(slots_of(map), chunk->lun), chunk->slot);
		data_chunk_free(chunk);
	}
	if (to == from)
		return;
	MAPPING_CHANGED(map, .kind = DATA_CHANGE_CHUNKS_GONE, .first = first, .last = last);
	memmove(&map->chunks[from], &map->chunks[to], (map->nr_chunks - to) * sizeof(*map->chunks));
	map->nr_chunks -= to - from;
	file_slots_cut_tails(slots_of(map));
}

static bool is_empty(const struct data_chunk *chunk)
{
	return chunk_nr_allocated(chunk) == 0;
}

bool mapping_is_empty(const struct mapping *map, const struct stripe_group *unit)
{
	for (unsigned i = 0; i < unit->width; i++) {
		const struct data_chunk *chunk = mapping_find_chunk(map, unit->first + i);

		if (!chunk || !is_empty(chunk))
			return false;
	}
	return true;
}

uint64_t mapping_next_empty(const struct mapping *map, uint64_t first, uint64_t last)
{
	uint32_t at = mapping_find_position(map, first);

	while (at < map->nr_chunks && !is_empty(map->chunks[at]))
		at++;
	return at < map->nr_chunks && map->chunks[at]->index <= last ? map->chunks[at]->index
								     : UINT64_MAX;
}

bool mapping_half_written(const struct mapping *map, uint64_t block)
{
	const struct data_chunk *last = map->nr_chunks ? map->chunks[map->nr_chunks - 1] : NULL;
	struct stripe_group unit;

	if (!last || last->written.nr_written < mapping_chunk_blocks(map) / 2)
		return false;
	unit = mapping_unit_of(map, block);
	return last->index == stripe_last_chunk(&unit);
}
