/* SPDX-License-Identifier: Apache-2.0 */
/* Turns slots into extents of the same flash, without a copy. */
#include <stdlib.h>

#include "base/minmax.h"
#include "data/mapping_internal.h"

static bool add_run(struct mapping_runs *runs, const struct extent *run)
{
	if (runs->nr == runs->max) {
		size_t max = runs->max ? 2 * runs->max : 8;
		struct extent *at = reallocarray(runs->at, max, sizeof(*at));

		if (!at)
			return false;
		runs->at = at;
		runs->max = max;
	}
	runs->at[runs->nr++] = *run;
	return true;
}

/** The end of the blocks from @from on that are in one state and follow each other in the file. */
static uint32_t end_of_run(const struct mapping *map, const struct data_chunk *chunk,
			   const struct written_map *held, uint32_t from)
{
	uint32_t end = mapping_chunk_blocks(map), stripe = map->stripes->stripe_blocks;

	if (chunk->striped && stripe > 0)
		end = from - from % stripe + stripe;
	end = written_map_next(held, from, end, false);
	return written_map_next(&chunk->written, from, end,
				!written_map_test(&chunk->written, from));
}

static bool add_chunk(const struct mapping *map, const struct data_chunk *chunk,
		      struct segment *segment, struct mapping_runs *runs)
{
	const struct written_map *held =
		chunk->allocated.leaves ? &chunk->allocated : &chunk->written;
	uint32_t nr = mapping_chunk_blocks(map), from = 0, end;

	for (; (from = written_map_next(held, from, nr, true)) < nr; from = end) {
		bool written = written_map_test(&chunk->written, from);

		end = end_of_run(map, chunk, held, from);
		if (!add_run(runs, &(struct extent){ .block = mapping_block_of(map, chunk, from),
						     .segment = segment,
						     .owner = map->space,
						     .start = chunk->slot * nr + from,
						     .nr_blocks = end - from,
						     .state = written ? EXTENT_WRITTEN
								      : EXTENT_RESERVED }))
			return false;
	}
	return true;
}

static int by_block(const void *a, const void *b)
{
	const struct extent *left = a, *right = b;

	return (left->block > right->block) - (left->block < right->block);
}

static void join_runs(struct mapping_runs *runs)
{
	size_t last = 0;

	for (size_t i = 1; i < runs->nr; i++) {
		struct extent *run = &runs->at[last], *next = &runs->at[i];

		if (run->state == next->state && extent_end(run) == next->block &&
		    run->segment == next->segment && run->start + run->nr_blocks == next->start)
			run->nr_blocks += next->nr_blocks;
		else
			runs->at[++last] = *next;
	}
	if (runs->nr > 0)
		runs->nr = last + 1;
}

bool mapping_get_runs(const struct mapping *map, struct segment *const segments[],
		      struct mapping_runs *runs)
{
	for (uint32_t at = 0; at < map->nr_chunks; at++) {
		if (!add_chunk(map, map->chunks[at], segments[map->chunks[at]->lun], runs))
			return false;
	}
	if (runs->nr == 0)
		return true;
	qsort(runs->at, runs->nr, sizeof(*runs->at), by_block);
	join_runs(runs);
	return true;
}

static bool are_scattered(const struct mapping *map, const struct mapping_runs *runs)
{
	uint64_t nr_chunks = max_u64(map->nr_chunks, 1);

	return extents_are_scattered(runs->nr / nr_chunks, mapping_nr_in_chunks(map) / nr_chunks);
}

static void free_all(struct extent **extents, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(extents[i]);
	free(extents);
}

static struct extent **make_extents(const struct mapping_runs *runs)
{
	struct extent **extents = calloc(runs->nr + 1, sizeof(*extents));

	for (size_t i = 0; extents && i < runs->nr; i++) {
		extents[i] = malloc(sizeof(struct extent));
		if (!extents[i]) {
			free_all(extents, i);
			return NULL;
		}
		*extents[i] = runs->at[i];
	}
	return extents;
}

static bool add_extents(struct mapping *map, const struct mapping_runs *runs)
{
	struct extent **extents = make_extents(runs);

	if (!extents)
		return false;
	if (extent_map_merge(extents_of(map), extents, (uint32_t)runs->nr)) {
		free_all(extents, runs->nr);
		return false;
	}
	for (size_t i = 0; i < runs->nr; i++)
		segments_place(segments_of(map), extents[i]);
	free(extents);
	return true;
}

bool mapping_share(struct mapping *map, struct segment *const segments[])
{
	struct mapping_runs runs = { .nr = 0 };
	bool done = mapping_get_runs(map, segments, &runs) && !are_scattered(map, &runs) &&
		    add_extents(map, &runs);

	free(runs.at);
	if (!done)
		return false;
	for (uint32_t at = 0; at < map->nr_chunks; at++)
		data_chunk_free(map->chunks[at]);
	map->nr_chunks = 0;
	return true;
}

uint64_t mapping_nr_in_chunks(const struct mapping *map)
{
	uint64_t nr = 0;

	for (uint32_t at = 0; at < map->nr_chunks; at++)
		nr += chunk_nr_allocated(map->chunks[at]);
	return nr;
}
