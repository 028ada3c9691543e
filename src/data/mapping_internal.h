/* SPDX-License-Identifier: Apache-2.0 */
/* mapping_internal - what the files of the mapping share. */
#ifndef CXLFS_DATA_MAPPING_INTERNAL_H
#define CXLFS_DATA_MAPPING_INTERNAL_H

#include "data/mapping.h"

struct data_chunk {
	uint64_t index; /* in the file */
	uint32_t slot;  /* in the file's vLUN on @lun */
	uint8_t lun;
	bool striped; /* with all other chunks of its group, which are there; else in order */
	bool fresh;   /* made by the mapping_assign() in progress */
	struct written_map written;
	struct written_map allocated; /* written or reserved; without leaves nothing is reserved */
};

static inline struct file_slots *slots_of(const struct mapping *map)
{
	return &map->space->slots;
}

static inline struct extent_map *extents_of(const struct mapping *map)
{
	return &map->space->extents;
}

static inline struct segments *segments_of(const struct mapping *map)
{
	return &map->space->alloc->segments.pool;
}

/** Reports a change of the file; the arguments initialize a struct data_change. */
#define MAPPING_CHANGED(map, ...) \
	DATA_CHANGED(&(map)->space->alloc->changes, .number = (map)->space->number, __VA_ARGS__)

/**
 * mapping_report_extents() - extents of [start, end), if there are any, were changed, not removed
 * They may have been joined with what is beside. That one of them was split need not be reported.
 */
void mapping_report_extents(const struct mapping *map, uint64_t start, uint64_t end);

/** mapping_report_no_extents() - those of [start, end), if there are any, are about to be removed
 */
void mapping_report_no_extents(const struct mapping *map, uint64_t start, uint64_t end);

/** mapping_report_replacement() - @copy is about to take the place of a part of another extent */
void mapping_report_replacement(const struct mapping *map, const struct extent *copy);

static inline uint32_t chunk_nr_allocated(const struct data_chunk *chunk)
{
	return chunk->allocated.leaves ? chunk->allocated.nr_written : chunk->written.nr_written;
}

/* Change the state of the blocks [from, to) of a chunk; see struct data_change. What is set or
 * cleared must be prepared. Return: 0; -ENOMEM. */
int data_chunk_prepare_set(struct data_chunk *chunk, uint32_t from, uint32_t to);
int data_chunk_prepare_clear(struct data_chunk *chunk, uint32_t from, uint32_t to);
void data_chunk_set(struct data_chunk *chunk, uint32_t from, uint32_t to);
void data_chunk_clear(struct data_chunk *chunk, uint32_t from, uint32_t to);
int data_chunk_reserve(struct data_chunk *chunk, uint32_t from, uint32_t to);

/** data_chunks_find() - return the position of chunk @index in an array sorted by index, or where
 * it would be
 */
uint32_t data_chunks_find(struct data_chunk *const chunks[], uint32_t nr, uint64_t index);

/** data_chunk_free() - free a chunk, but not its slot */
void data_chunk_free(struct data_chunk *chunk);

/** mapping_room_for_chunks() - make room for @nr more in the array. Return: 0; -ENOMEM. */
int mapping_room_for_chunks(struct mapping *map, uint32_t nr);

/** mapping_find_position() - return the position in the array of the first chunk at or after @index
 */
uint32_t mapping_find_position(const struct mapping *map, uint64_t index);

/** mapping_find_chunk() - return the chunk @index, or NULL if it has no slot */
struct data_chunk *mapping_find_chunk(const struct mapping *map, uint64_t index);

/** mapping_first_block() - return the first block of the group of a chunk; of the chunk if not
 * striped */
uint64_t mapping_first_block(const struct mapping *map, const struct data_chunk *chunk);

/** mapping_rank() - return how many blocks of the file before @block lie in a chunk */
uint32_t mapping_rank(const struct mapping *map, const struct data_chunk *chunk, uint64_t block);

/** Extents, by value. */
struct mapping_runs {
	struct extent *at; /* the caller frees it */
	size_t nr, max;
};

/**
 * mapping_get_runs() - get what the slots hold, as extents of @segments, by LUN
 * In the order of the file, and as few as possible. Of @map only chunks and stripes are used.
 * Return: false: no memory.
 */
bool mapping_get_runs(const struct mapping *map, struct segment *const segments[],
		      struct mapping_runs *runs);

/** mapping_block_of() - return which block of the file is number @nr of a chunk */
uint64_t mapping_block_of(const struct mapping *map, const struct data_chunk *chunk, uint32_t nr);

#endif
