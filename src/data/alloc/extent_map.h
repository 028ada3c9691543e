/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extent_map - which blocks of a file lie in segments, and where.
 *
 * A sorted array of extents. An extent is in one state as a whole; changing the state of a part of
 * it splits it. Only the functions that return -ENOMEM take memory, so a write that has reached the
 * flash can always be recorded.
 *
 * Not thread-safe: the file's lock protects it. Blocks are the file's, ranges half-open.
 */
#ifndef CXLFS_DATA_ALLOC_EXTENT_MAP_H
#define CXLFS_DATA_ALLOC_EXTENT_MAP_H

#include "data/alloc/segments.h"

struct extent_map {
	union {
		struct extent *one;   /* max is 0: without an array */
		struct extent **many; /* sorted by block */
	};
	uint32_t nr, max; /* in use; room in the array */
};

/** extent_map_get() - return one of the @map->nr extents, by its position */
static inline struct extent *extent_map_get(const struct extent_map *map, uint32_t at)
{
	return map->max ? map->many[at] : map->one;
}

/** extent_map_position() - return the position of the first extent that ends behind @block;
 * @map->nr: none does */
uint32_t extent_map_position(const struct extent_map *map, uint64_t block);

/** extent_map_at() - return the extent at @block, or the first one behind it; NULL: none */
struct extent *extent_map_at(const struct extent_map *map, uint64_t block);

/** extent_map_next_in() - return the extent at @block or behind it that lies in @segment; NULL:
 * none */
struct extent *extent_map_next_in(const struct extent_map *map, const struct segment *segment,
				  uint64_t block);

static inline uint64_t extent_end(const struct extent *extent)
{
	return extent->block + extent->nr_blocks;
}

/** extent_map_covered() - return how many blocks of [start, end) lie in extents */
uint64_t extent_map_covered(const struct extent_map *map, uint64_t start, uint64_t end);

/** extent_map_count() - return in how many extents they lie */
uint32_t extent_map_count(const struct extent_map *map, uint64_t start, uint64_t end);

/**
 * extents_are_scattered() - return true if @nr_extents are too many for @nr_blocks of a chunk
 * They take memory, and time to change, so they are either few or of eight blocks on average.
 */
static inline bool extents_are_scattered(uint64_t nr_extents, uint64_t nr_blocks)
{
	return nr_extents > 256 && nr_extents > nr_blocks / 8;
}

/** extent_map_next() - first block at or after @block that is written, or that is not, by what the
 *  extents say. Return: UINT64_MAX: none. */
uint64_t extent_map_next(const struct extent_map *map, uint64_t block, bool written);

/**
 * extent_map_take() - make extents for the blocks of [start, end) that have none, lowest first
 * @nr_claimed: how many blocks to take; claimed in the pool
 * Return: 0; -ENOMEM: nothing was taken, and the claim has been given up.
 */
int extent_map_take(struct extent_map *map, struct segments *pool, void *owner, uint64_t start,
		    uint64_t end, uint64_t nr_claimed);

/**
 * extent_map_adopt() - add an extent behind all others
 * @extent: a copy of it, complete but for its link, is added
 * Return: 0; -EPROTO it overlaps another one of the file or of the segment; -ENOMEM.
 */
int extent_map_adopt(struct extent_map *map, struct segments *pool, const struct extent *extent);

/**
 * extent_map_merge() - add @nr sorted extents, which the map owns then and which overlap none of it
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int extent_map_merge(struct extent_map *map, struct extent **added, uint32_t nr);

/**
 * extent_map_prepare_set() - make extent_map_set() possible for [start, end)
 * Return: 0; -ENOMEM, and nothing has changed that can be seen.
 */
int extent_map_prepare_set(struct extent_map *map, struct segments *pool, uint64_t start,
			   uint64_t end);

/** extent_map_prepare_remove() - the same for extent_map_remove(), in one hold of the lock */
int extent_map_prepare_remove(struct extent_map *map, struct segments *pool, uint64_t start,
			      uint64_t end);

/** extent_map_set() - mark the extents of a prepared range as written. Return: how many blocks
 *  were neither written nor reserved before. */
uint64_t extent_map_set(struct extent_map *map, struct segments *pool, uint64_t start,
			uint64_t end);

/** extent_map_reserve() - mark extents that were only taken as reserved. Return: how many blocks.
 */
uint64_t extent_map_reserve(struct extent_map *map, uint64_t start, uint64_t end);

/** extent_map_unwrite() - mark written extents as reserved; prepared as for removal */
void extent_map_unwrite(struct extent_map *map, uint64_t start, uint64_t end);

/** extent_map_remove() - give back the extents of a prepared range. Return: how many blocks were
 *  written or reserved. */
uint64_t extent_map_remove(struct extent_map *map, struct segments *pool, uint64_t start,
			   uint64_t end, uint64_t now_ns);

/** extent_map_drop_taken() - give back those in [start, end) that are neither written nor reserved
 */
void extent_map_drop_taken(struct extent_map *map, struct segments *pool, uint64_t start,
			   uint64_t end, uint64_t now_ns);

/**
 * extent_map_replace() - @extent, of the caller's memory, takes the place of a part of another
 * It holds the same blocks in the same state, and that part was prepared for removal.
 */
void extent_map_replace(struct extent_map *map, struct segments *pool, struct extent *extent,
			uint64_t now_ns);

/** extent_map_fini() - give everything back */
void extent_map_fini(struct extent_map *map, struct segments *pool, uint64_t now_ns);

#endif
