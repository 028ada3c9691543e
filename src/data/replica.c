/* SPDX-License-Identifier: Apache-2.0 */
/* The files and segments of a replica. */
#include "data/replica.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/replica_internal.h"

void data_volume_set_changed(struct data_volume *vol, data_changed_fn *changed, void *arg)
{
	vol->alloc.changes = (struct data_changes){ .changed = changed, .arg = arg };
}

uint64_t data_file_number(const struct data_file *file)
{
	return file->space.number;
}

int replica_room(void *array, uint32_t *max, uint32_t nr, size_t bytes)
{
	void **memory = array;
	uint32_t room = *max ? *max : 1; /* most files have one extent */
	void *larger;

	while (room < nr)
		room *= 2;
	if (room == *max)
		return 0;
	larger = reallocarray(*memory, room, bytes);
	if (!larger)
		return -ENOMEM;
	*memory = larger;
	*max = room;
	return 0;
}

/* ---- files ---- */

static int compare_numbers(const void *a, const void *b)
{
	const struct data_replica_file *file_a = a, *file_b = b;

	return (file_a->number > file_b->number) - (file_a->number < file_b->number);
}

struct data_replica_file *data_replica_file(struct data_replica *replica, uint64_t number)
{
	const struct data_replica_file key = { .number = number };
	struct data_replica_file **found;

	if (replica->last && replica->last->number == number)
		return replica->last;
	found = tfind(&key, &replica->files, compare_numbers);
	if (!found)
		return NULL;
	replica->last = *found;
	return *found;
}

static void free_file(void *arg)
{
	struct data_replica_file *file = arg;

	for (uint32_t at = 0; at < file->nr_chunks; at++)
		data_chunk_free(file->chunks[at]);
	free(file->chunks);
	free(file->extents);
	free(file);
}

int replica_file_new(struct data_replica *replica, uint64_t number)
{
	struct data_replica_file *file, **added;

	if (data_replica_file(replica, number))
		return -EPROTO;
	file = calloc(1, sizeof(*file) + replica->geometry.nr_luns * sizeof(file->vluns[0]));
	if (!file)
		return -ENOMEM;
	file->number = number;
	added = tsearch(file, &replica->files, compare_numbers);
	if (!added)
		free(file);
	else
		replica->nr_files++;
	return added ? 0 : -ENOMEM;
}

void replica_file_gone(struct data_replica *replica, uint64_t number)
{
	struct data_replica_file *file = data_replica_file(replica, number);

	if (!file)
		return;
	(void)tdelete(file, &replica->files, compare_numbers);
	free_file(file);
	replica->last = NULL;
	replica->nr_files--;
}

uint64_t data_replica_nr_files(const struct data_replica *replica)
{
	return replica->nr_files;
}

uint64_t data_replica_owner(const struct data_replica_file *file)
{
	return file->owner;
}

void data_replica_set_owner(struct data_replica_file *file, uint64_t owner)
{
	file->owner = owner;
}

/* ---- chunks ---- */

int replica_add_chunk(struct data_replica_file *file, struct data_chunk *chunk)
{
	uint32_t at = data_chunks_find(file->chunks, file->nr_chunks, chunk->index);

	if (at < file->nr_chunks && file->chunks[at]->index == chunk->index)
		return -EPROTO;
	if (replica_room(&file->chunks, &file->max_chunks, file->nr_chunks + 1, sizeof(chunk)))
		return -ENOMEM;
	memmove(file->chunks + at + 1, file->chunks + at, (file->nr_chunks - at) * sizeof(chunk));
	file->chunks[at] = chunk;
	file->nr_chunks++;
	return 0;
}

void replica_remove_chunks(struct data_replica_file *file, uint64_t first, uint64_t last)
{
	uint32_t from = data_chunks_find(file->chunks, file->nr_chunks, first), to = from;

	while (to < file->nr_chunks && file->chunks[to]->index <= last)
		data_chunk_free(file->chunks[to++]);
	if (to > from)
		memmove(file->chunks + from, file->chunks + to,
			(file->nr_chunks - to) * sizeof(struct data_chunk *));
	file->nr_chunks -= to - from;
}

/* ---- segments ---- */

struct replica_segment *replica_segment(const struct data_replica *replica, uint64_t number)
{
	uint32_t low = 0, high = replica->nr_segments;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (replica->segments[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < replica->nr_segments && replica->segments[low].number == number
		       ? &replica->segments[low]
		       : NULL;
}

int replica_segment_add(struct data_replica *replica, const struct replica_segment *segment)
{
	uint32_t nr = replica->nr_segments;

	if (nr > 0 && segment->number <= replica->segments[nr - 1].number)
		return -EPROTO;
	if (replica_room(&replica->segments, &replica->max_segments, nr + 1, sizeof(*segment)))
		return -ENOMEM;
	replica->segments[replica->nr_segments++] = *segment;
	return 0;
}

/* ---- extents ---- */

static uint64_t end_of(const struct data_change_extent *extent)
{
	return extent->block + extent->nr_blocks;
}

static uint32_t first_ending_behind(const struct data_replica_file *file, uint64_t block)
{
	uint32_t low = 0, high = file->nr_extents;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (end_of(&file->extents[middle]) <= block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Parts of extents that lie outside of the range stay. */
int replica_replace_extents(struct data_replica_file *file, uint64_t first, uint64_t last,
			    const struct data_change_extent *extents, uint32_t nr)
{
	uint32_t from = first_ending_behind(file, first), to = from, nr_new = nr;
	struct data_change_extent left = { 0 }, right = { 0 }, *at;

	while (to < file->nr_extents && file->extents[to].block < last)
		to++;
	if (from < to && file->extents[from].block < first) {
		left = file->extents[from];
		left.nr_blocks = (uint32_t)(first - left.block);
		nr_new++;
	}
	if (from < to && end_of(&file->extents[to - 1]) > last) {
		right = file->extents[to - 1];
		right.start += (uint32_t)(last - right.block);
		right.nr_blocks -= (uint32_t)(last - right.block);
		right.block = last;
		nr_new++;
	}
	if (replica_room(&file->extents, &file->max_extents,
			 file->nr_extents - (to - from) + nr_new, sizeof(*extents)))
		return -ENOMEM;
	at = file->extents + from;
	memmove(at + nr_new, file->extents + to, (file->nr_extents - to) * sizeof(*at));
	file->nr_extents += nr_new - (to - from);
	if (left.nr_blocks)
		*at++ = left;
	memcpy(at, extents, nr * sizeof(*at));
	if (right.nr_blocks)
		at[nr] = right;
	return 0;
}

/* ---- all ---- */

static bool is_geometry(const struct data_geometry *geometry)
{
	if (geometry->chunk_blocks == 0 || geometry->nr_luns == 0 ||
	    geometry->nr_luns > SUPERPIPE_MAX_LUNS)
		return false;
	return geometry->stripe_blocks == 0 ||
	       (geometry->nr_luns > 1 && geometry->chunk_blocks % geometry->stripe_blocks == 0);
}

struct stripes replica_stripes(const struct data_replica *replica)
{
	return (struct stripes){ .chunk_blocks = replica->geometry.chunk_blocks,
				 .stripe_blocks = replica->geometry.stripe_blocks,
				 .nr_luns = replica->geometry.nr_luns };
}

int data_replica_new(const struct data_geometry *geometry, struct data_replica **ret_replica)
{
	struct data_replica *replica;

	if (!is_geometry(geometry))
		return -EPROTO;
	replica = calloc(1, sizeof(*replica));
	if (!replica)
		return -ENOMEM;
	replica->geometry = *geometry;
	*ret_replica = replica;
	return 0;
}

void data_replica_free(struct data_replica *replica)
{
	if (!replica)
		return;
	tdestroy(replica->files, free_file);
	free(replica->segments);
	free(replica);
}
