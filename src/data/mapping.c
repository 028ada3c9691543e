/* SPDX-License-Identifier: Apache-2.0 */
#include "data/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/minmax.h"

struct data_chunk {
	uint64_t index; /* in the file */
	uint32_t slot;  /* in the file's vLUN on @lun */
	uint8_t lun;
	bool fresh; /* by the mapping_assign() that runs now */
	struct written_map written;
	struct written_map allocated; /* written or reserved; without leaves nothing is reserved */
};

static uint32_t nr_allocated(const struct data_chunk *chunk)
{
	return chunk->allocated.leaves ? chunk->allocated.nr_written : chunk->written.nr_written;
}

static struct file_slots *slots_of(const struct mapping *map)
{
	return &map->space->slots;
}

static struct extent_map *extents_of(const struct mapping *map)
{
	return &map->space->extents;
}

static struct segments *segments_of(const struct mapping *map)
{
	return &map->space->alloc->segments.pool;
}

void mapping_init(struct mapping *map, struct file_space *space)
{
	*map = (struct mapping){ .space = space, .chunk_blocks = space->alloc->luns.chunk_blocks };
}

static void chunk_free(struct data_chunk *chunk)
{
	written_map_fini(&chunk->written);
	written_map_fini(&chunk->allocated);
	free(chunk);
}

void mapping_fini(struct mapping *map)
{
	for (uint32_t i = 0; i < map->nr_chunks; i++)
		chunk_free(map->chunks[i]);
	free(map->chunks);
	mapping_init(map, map->space);
}

/** Position of the first chunk at or after @index. A file without holes is hit at once. */
static uint32_t find_position(const struct mapping *map, uint64_t index)
{
	uint32_t low = 0, high = map->nr_chunks;

	if (high && index >= map->chunks[0]->index) {
		uint64_t guess = index - map->chunks[0]->index;

		if (guess < high && map->chunks[guess]->index == index)
			return (uint32_t)guess;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (map->chunks[middle]->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct data_chunk *find_chunk(const struct mapping *map, uint64_t index)
{
	uint32_t at = find_position(map, index);

	if (at == map->nr_chunks || map->chunks[at]->index != index)
		return NULL;
	return map->chunks[at];
}

static uint64_t first_block(const struct mapping *map, const struct data_chunk *chunk)
{
	return chunk->index * map->chunk_blocks;
}

static void set_run(const struct mapping *map, const struct data_chunk *chunk, uint32_t block,
		    uint64_t nr_blocks, struct mapping_run *ret_run)
{
	ret_run->vlun = file_slots_on(slots_of(map), chunk->lun)->vlun;
	ret_run->lba = (uint64_t)chunk->slot * map->chunk_blocks + block;
	ret_run->nr_blocks = nr_blocks;
}

/** The run of blocks before the next chunk that has a slot. */
static void hole_run(const struct mapping *map, uint64_t block, uint64_t max_blocks,
		     struct mapping_run *ret_run)
{
	uint32_t at = find_position(map, mapping_chunk_of(map, block));

	if (at < map->nr_chunks)
		max_blocks = min_u64(max_blocks, first_block(map, map->chunks[at]) - block);
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
	const struct data_chunk *chunk = find_chunk(map, mapping_chunk_of(map, block));
	uint32_t from, to;
	bool written;

	if (extent_run(map, block, &max_blocks, false, ret_run))
		return;
	if (!chunk) {
		hole_run(map, block, max_blocks, ret_run);
		return;
	}
	from = (uint32_t)(block - first_block(map, chunk));
	to = (uint32_t)min_u64(map->chunk_blocks, from + min_u64(max_blocks, map->chunk_blocks));
	written = written_map_test(&chunk->written, from);
	to = written_map_next(&chunk->written, from, to, !written);
	set_run(map, chunk, from, to - from, ret_run);
	if (!written)
		ret_run->vlun = NULL;
}

void mapping_lookup_place(const struct mapping *map, uint64_t block, uint64_t max_blocks,
			  struct mapping_run *ret_run)
{
	const struct data_chunk *chunk;
	uint32_t from;

	if (extent_run(map, block, &max_blocks, true, ret_run))
		return;
	chunk = find_chunk(map, mapping_chunk_of(map, block));
	from = (uint32_t)(block - first_block(map, chunk));
	set_run(map, chunk, from, min_u64(max_blocks, map->chunk_blocks - from), ret_run);
}

bool mapping_is_written(const struct mapping *map, uint64_t block)
{
	const struct extent *extent = extent_map_at(extents_of(map), block);
	const struct data_chunk *chunk;

	if (extent && extent->block <= block)
		return extent->state == EXTENT_WRITTEN;
	chunk = find_chunk(map, mapping_chunk_of(map, block));
	return chunk &&
	       written_map_test(&chunk->written, (uint32_t)(block - first_block(map, chunk)));
}

static uint64_t next_written_slot(const struct mapping *map, uint64_t block)
{
	for (uint32_t at = find_position(map, mapping_chunk_of(map, block)); at < map->nr_chunks;
	     at++) {
		const struct data_chunk *chunk = map->chunks[at];
		uint64_t base = first_block(map, chunk);
		uint32_t from = block > base ? (uint32_t)(block - base) : 0;
		uint32_t hit = written_map_next(&chunk->written, from, map->chunk_blocks, true);

		if (hit < map->chunk_blocks)
			return base + hit;
	}
	return UINT64_MAX;
}

static uint64_t next_unwritten_slot(const struct mapping *map, uint64_t block)
{
	for (uint32_t at = find_position(map, mapping_chunk_of(map, block)); at < map->nr_chunks;
	     at++) {
		const struct data_chunk *chunk = map->chunks[at];
		uint64_t base = first_block(map, chunk);
		uint32_t hit;

		if (base > block)
			break;
		hit = written_map_next(&chunk->written, (uint32_t)(block - base), map->chunk_blocks,
				       false);
		block = base + hit;
		if (hit < map->chunk_blocks)
			break;
	}
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

static bool next_reserved_slot(const struct mapping *map, uint64_t block, uint64_t *ret_start,
			       uint64_t *ret_end)
{
	for (uint32_t at = find_position(map, mapping_chunk_of(map, block)); at < map->nr_chunks;
	     at++) {
		const struct data_chunk *chunk = map->chunks[at];
		uint64_t base = first_block(map, chunk);
		uint32_t from = block > base ? (uint32_t)(block - base) : 0;
		uint32_t start = next_reserved_in(chunk, from, map->chunk_blocks);
		uint32_t end;

		if (start == map->chunk_blocks)
			continue;
		end = written_map_next(&chunk->allocated, start, map->chunk_blocks, false);
		*ret_start = base + start;
		*ret_end = base + written_map_next(&chunk->written, start, end, true);
		return true;
	}
	return false;
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

uint64_t mapping_nr_missing(const struct mapping *map, uint64_t first, uint64_t last)
{
	return last - first + 1 - (find_position(map, last + 1) - find_position(map, first));
}

/** Return: the end of the place that @block has; @block: it has none. */
static uint64_t end_of_place(const struct mapping *map, uint64_t block)
{
	const struct extent *extent = extent_map_at(extents_of(map), block);
	const struct data_chunk *chunk;

	if (extent && extent->block <= block)
		return extent_end(extent);
	chunk = find_chunk(map, mapping_chunk_of(map, block));
	return chunk ? first_block(map, chunk) + map->chunk_blocks : block;
}

/** Return: how many blocks of [start, end) are in slots; @covered: and in extents as well. */
static uint64_t nr_in_slots(const struct mapping *map, uint64_t start, uint64_t end,
			    uint64_t *ret_covered)
{
	uint32_t at = find_position(map, mapping_chunk_of(map, start));
	uint64_t nr = 0;

	*ret_covered = 0;
	for (; at < map->nr_chunks && first_block(map, map->chunks[at]) < end; at++) {
		uint64_t base = first_block(map, map->chunks[at]);
		uint64_t from = max_u64(start, base);
		uint64_t to = min_u64(end, base + map->chunk_blocks);

		nr += to - from;
		*ret_covered += extent_map_covered(extents_of(map), from, to);
	}
	return nr;
}

uint64_t mapping_nr_homeless(const struct mapping *map, uint64_t start, uint64_t end)
{
	uint64_t covered_twice;
	uint64_t nr = nr_in_slots(map, start, end, &covered_twice);

	nr += extent_map_covered(extents_of(map), start, end) - covered_twice;
	return end - start - nr;
}

uint64_t mapping_first_missing(const struct mapping *map, uint64_t start, uint64_t end)
{
	uint64_t next;

	while (start < end && (next = end_of_place(map, start)) > start)
		start = next;
	return min_u64(start, end);
}

static struct data_chunk *chunk_new(const struct mapping *map, uint64_t index)
{
	struct data_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->index = index;
	chunk->fresh = true;
	if (written_map_init(&chunk->written, map->chunk_blocks) == 0)
		return chunk;
	free(chunk);
	return NULL;
}

static int room_for_chunks(struct mapping *map, uint32_t nr)
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

/** There is a free slot. */
static struct data_chunk *chunk_with_slot(struct mapping *map, uint64_t index)
{
	struct data_chunk *chunk = chunk_new(map, index);

	if (!chunk)
		return NULL;
	chunk->lun = (uint8_t)file_slots_pick(slots_of(map), slots_of(map)->home);
	chunk->slot = slots_take(file_slots_on(slots_of(map), chunk->lun));
	return chunk;
}

static void move_chunks(struct mapping *map, uint32_t to, uint32_t from, uint32_t nr)
{
	memmove(&map->chunks[to], &map->chunks[from], nr * sizeof(*map->chunks));
}

/**
 * Makes @max of the chunks that are missing from @first on. One pass, because the array may be
 * long: the chunks from @first on move up by @max at once, then each moves down to its final place.
 */
static int assign_chunks(struct mapping *map, uint64_t first, uint32_t max)
{
	uint32_t out = find_position(map, first), in = out + max, end = map->nr_chunks + max;

	if (room_for_chunks(map, max))
		return -ENOMEM;
	move_chunks(map, in, out, map->nr_chunks - out);
	for (uint64_t index = first; out < in; index++) {
		struct data_chunk *chunk;

		if (in < end && map->chunks[in]->index == index) {
			map->chunks[out++] = map->chunks[in++];
			continue;
		}
		chunk = chunk_with_slot(map, index);
		if (!chunk)
			break;
		map->chunks[out++] = chunk;
	}
	move_chunks(map, out, in, end - in);
	map->nr_chunks = end - (in - out);
	return out < in ? -ENOMEM : 0;
}

int mapping_assign(struct mapping *map, uint64_t first, uint64_t last)
{
	uint64_t missing = mapping_nr_missing(map, first, last);
	uint32_t nr_free = file_slots_nr_free(slots_of(map));
	int err = assign_chunks(map, first, (uint32_t)min_u64(missing, nr_free));
	uint32_t at = find_position(map, first);

	while (at < map->nr_chunks && map->chunks[at]->index <= last) {
		if (err && map->chunks[at]->fresh) {
			mapping_remove(map, map->chunks[at]->index, map->chunks[at]->index);
		} else {
			map->chunks[at]->fresh = false;
			at++;
		}
	}
	return err;
}

/** The part of [start, end) in a chunk, as block numbers inside it. */
static void clip_to_chunk(const struct mapping *map, const struct data_chunk *chunk, uint64_t start,
			  uint64_t end, uint32_t *ret_from, uint32_t *ret_to)
{
	uint64_t base = first_block(map, chunk);

	*ret_from = start > base ? (uint32_t)(start - base) : 0;
	*ret_to = (uint32_t)min_u64(end - base, map->chunk_blocks);
}

/** Calls @fn for the part of [start, end) in each chunk that has a slot, until it fails. */
static int for_each_part(struct mapping *map, uint64_t start, uint64_t end,
			 int (*fn)(struct data_chunk *chunk, uint32_t from, uint32_t to))
{
	uint32_t at = find_position(map, mapping_chunk_of(map, start));
	int err = 0;

	for (; at < map->nr_chunks && first_block(map, map->chunks[at]) < end && !err; at++) {
		struct data_chunk *chunk = map->chunks[at];
		uint32_t before = nr_allocated(chunk), from, to;

		clip_to_chunk(map, chunk, start, end, &from, &to);
		err = fn(chunk, from, to);
		map->nr_allocated += nr_allocated(chunk);
		map->nr_allocated -= before;
	}
	return err;
}

static int prepare_set_part(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err = written_map_prepare_set(&chunk->written, from, to);

	if (!err && chunk->allocated.leaves)
		err = written_map_prepare_set(&chunk->allocated, from, to);
	return err;
}

static int set_part(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	written_map_set(&chunk->written, from, to);
	if (chunk->allocated.leaves)
		written_map_set(&chunk->allocated, from, to);
	return 0;
}

static int prepare_clear_part(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err = written_map_prepare_clear(&chunk->written, from, to);

	if (!err && chunk->allocated.leaves)
		err = written_map_prepare_clear(&chunk->allocated, from, to);
	return err;
}

static int clear_part(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	written_map_clear(&chunk->written, from, to);
	if (chunk->allocated.leaves)
		written_map_clear(&chunk->allocated, from, to);
	return 0;
}

/* A copy has a leaf wherever a write in flight has prepared one, so that write can still be noted.
 */
static int reserve_part(struct data_chunk *chunk, uint32_t from, uint32_t to)
{
	int err =
		chunk->allocated.leaves ? 0 : written_map_copy(&chunk->allocated, &chunk->written);

	return err ? err : written_map_add(&chunk->allocated, from, to);
}

/** Calls @fn for the parts of [start, end) that are in slots but not in extents, until it fails. */
static int for_each_part_in_slots(struct mapping *map, uint64_t start, uint64_t end,
				  int (*fn)(struct data_chunk *chunk, uint32_t from, uint32_t to))
{
	int err = 0;

	while (start < end && !err) {
		const struct extent *extent = extent_map_at(extents_of(map), start);
		uint64_t gap_end = extent ? min_u64(extent->block, end) : end;

		if (start < gap_end)
			err = for_each_part(map, start, gap_end, fn);
		start = extent ? extent_end(extent) : end;
	}
	return err;
}

int mapping_prepare_set(struct mapping *map, uint64_t start, uint64_t end)
{
	int err = extent_map_prepare_set(extents_of(map), segments_of(map), start, end);

	return err ? err : for_each_part_in_slots(map, start, end, prepare_set_part);
}

int mapping_prepare_clear(struct mapping *map, uint64_t start, uint64_t end)
{
	int err = extent_map_prepare_remove(extents_of(map), segments_of(map), start, end);

	return err ? err : for_each_part(map, start, end, prepare_clear_part);
}

int mapping_reserve(struct mapping *map, uint64_t start, uint64_t end)
{
	int err = for_each_part_in_slots(map, start, end, reserve_part);

	if (!err)
		map->nr_allocated += extent_map_reserve(extents_of(map), start, end);
	return err;
}

void mapping_set(struct mapping *map, uint64_t start, uint64_t end)
{
	(void)for_each_part_in_slots(map, start, end, set_part);
	map->nr_allocated += extent_map_set(extents_of(map), segments_of(map), start, end);
}

void mapping_clear(struct mapping *map, uint64_t start, uint64_t end)
{
	(void)for_each_part(map, start, end, clear_part);
	map->nr_allocated -=
		extent_map_remove(extents_of(map), segments_of(map), start, end, clock_now_ns());
}

void mapping_unwrite(struct mapping *map, uint64_t start, uint64_t end)
{
	(void)for_each_part(map, start, end, clear_part);
	extent_map_unwrite(extents_of(map), start, end);
}

void mapping_drop_taken(struct mapping *map, uint64_t start, uint64_t end)
{
	extent_map_drop_taken(extents_of(map), segments_of(map), start, end, clock_now_ns());
}

bool mapping_next_outgrown(const struct mapping *map, uint64_t *block)
{
	const struct extent *extent;
	uint64_t at = *block;

	while ((extent = extent_map_at(extents_of(map), at))) {
		at = max_u64(at, extent->block);
		if (find_chunk(map, mapping_chunk_of(map, at))) {
			*block = at;
			return true;
		}
		at = min_u64(extent_end(extent),
			     (mapping_chunk_of(map, at) + 1) * map->chunk_blocks);
	}
	return false;
}

bool mapping_lookup_slot(const struct mapping *map, uint64_t block, uint64_t max_blocks,
			 struct mapping_run *ret_run)
{
	const struct data_chunk *chunk = find_chunk(map, mapping_chunk_of(map, block));
	uint32_t from;

	if (!chunk)
		return false;
	from = (uint32_t)(block - first_block(map, chunk));
	set_run(map, chunk, from, min_u64(max_blocks, map->chunk_blocks - from), ret_run);
	return true;
}

int mapping_prepare_slot(struct mapping *map, uint64_t start, uint64_t end)
{
	return for_each_part(map, start, end, prepare_set_part);
}

int mapping_move_to_slot(struct mapping *map, uint64_t start, uint64_t end)
{
	bool written = mapping_is_written(map, start);
	int err = extent_map_prepare_remove(extents_of(map), segments_of(map), start, end);

	if (!err)
		err = for_each_part(map, start, end, written ? set_part : reserve_part);
	if (!err)
		map->nr_allocated -= extent_map_remove(extents_of(map), segments_of(map), start,
						       end, clock_now_ns());
	return err;
}

int mapping_replace_extent(struct mapping *map, struct extent *copy)
{
	int err = extent_map_prepare_remove(extents_of(map), segments_of(map), copy->block,
					    extent_end(copy));

	if (!err)
		extent_map_replace(extents_of(map), segments_of(map), copy, clock_now_ns());
	return err;
}

void mapping_remove(struct mapping *map, uint64_t first, uint64_t last)
{
	uint32_t from = find_position(map, first), to = from;

	for (; to < map->nr_chunks && map->chunks[to]->index <= last; to++) {
		struct data_chunk *chunk = map->chunks[to];

		map->nr_allocated -= nr_allocated(chunk);
		slots_put(file_slots_on(slots_of(map), chunk->lun), chunk->slot);
		chunk_free(chunk);
	}
	if (to == from)
		return;
	memmove(&map->chunks[from], &map->chunks[to], (map->nr_chunks - to) * sizeof(*map->chunks));
	map->nr_chunks -= to - from;
	file_slots_cut_tails(slots_of(map));
}

static bool is_empty(const struct data_chunk *chunk)
{
	return nr_allocated(chunk) == 0;
}

bool mapping_is_empty(const struct mapping *map, uint64_t chunk)
{
	const struct data_chunk *found = find_chunk(map, chunk);

	return found && is_empty(found);
}

uint64_t mapping_next_empty(const struct mapping *map, uint64_t first, uint64_t last)
{
	uint32_t at = find_position(map, first);

	while (at < map->nr_chunks && !is_empty(map->chunks[at]))
		at++;
	return at < map->nr_chunks && map->chunks[at]->index <= last ? map->chunks[at]->index
								     : UINT64_MAX;
}

bool mapping_half_written(const struct mapping *map, uint64_t chunk)
{
	const struct data_chunk *last = map->nr_chunks ? map->chunks[map->nr_chunks - 1] : NULL;

	return last && last->index == chunk && last->written.nr_written >= map->chunk_blocks / 2;
}

/* ---- snapshots ---------------------------------------------------------------------------- */

bool mapping_chunk_at(const struct mapping *map, uint32_t at, struct mapping_chunk *ret_chunk)
{
	struct data_chunk *chunk = at < map->nr_chunks ? map->chunks[at] : NULL;

	if (!chunk)
		return false;
	*ret_chunk = (struct mapping_chunk){ .index = chunk->index,
					     .lun = chunk->lun,
					     .slot = chunk->slot,
					     .written = &chunk->written,
					     .allocated = &chunk->allocated };
	return true;
}

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
	struct data_chunk *new = room_for_chunks(map, 1) ? NULL : calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	if (!adopt_slot(map, chunk)) {
		free(new);
		return -EPROTO;
	}
	new->index = chunk->index;
	new->lun = (uint8_t)chunk->lun;
	new->slot = chunk->slot;
	new->written = take_map(chunk->written);
	if (chunk->allocated->nr_written > 0)
		new->allocated = take_map(chunk->allocated);
	map->chunks[map->nr_chunks++] = new;
	map->nr_allocated += nr_allocated(new);
	return 0;
}

int mapping_adopt_extent(struct mapping *map, const struct extent *extent)
{
	int err = extent_map_adopt(extents_of(map), segments_of(map), extent);

	if (!err)
		map->nr_allocated += extent->nr_blocks;
	return err;
}
