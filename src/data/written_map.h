/* SPDX-License-Identifier: Apache-2.0 */
/*
 * written_map - which blocks of one chunk were ever written.
 *
 * The bits are kept in leaves of 4,096 blocks (512 bytes). A leaf without a written block is not
 * there at all, and a leaf with all blocks written is shared, so a chunk costs memory
 * only for the leaves that are partly written.
 *
 * Memory is taken by the prepare functions alone, so that a write that has reached the flash can
 * always be recorded. A leaf goes only when all of it is cleared at once, which
 * the file's range locks keep away from a write inside it, or when all of it has been set.
 *
 * Not thread-safe: the file's lock protects it. Block numbers are inside the chunk, ranges
 * half-open.
 */
#ifndef CXLFS_DATA_WRITTEN_MAP_H
#define CXLFS_DATA_WRITTEN_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define WRITTEN_LEAF_BLOCKS 4096u

struct written_leaf;

struct written_map {
	uint32_t nr_blocks;
	uint32_t nr_written;
	struct written_leaf **leaves;
};

/** written_map_init() - make a map of @nr_blocks blocks, none written. Return: 0; -ENOMEM. */
int written_map_init(struct written_map *map, uint32_t nr_blocks);
void written_map_fini(struct written_map *map);

/** written_map_copy() - make @copy, not initialized, a map like @map. Return: 0; -ENOMEM. */
int written_map_copy(struct written_map *copy, const struct written_map *map);

/**
 * written_map_prepare_set() - take the memory to set all or a part of [from, to) later
 * Return: 0; -ENOMEM, and then nothing has changed that can be seen.
 */
int written_map_prepare_set(struct written_map *map, uint32_t from, uint32_t to);

/**
 * written_map_prepare_clear() - take the memory to clear [from, to)
 * Under the same hold of the lock as written_map_clear(), because a write may complete a leaf in
 * between. Return: as above.
 */
int written_map_prepare_clear(struct written_map *map, uint32_t from, uint32_t to);

/** written_map_set() - note [from, to), which was prepared, as written. */
void written_map_set(struct written_map *map, uint32_t from, uint32_t to);

/** written_map_add() - prepare and note [from, to). Return: 0; -ENOMEM, and a part may be noted. */
int written_map_add(struct written_map *map, uint32_t from, uint32_t to);

/** written_map_clear() - note [from, to), which was prepared, as not written. */
void written_map_clear(struct written_map *map, uint32_t from, uint32_t to);

bool written_map_test(const struct written_map *map, uint32_t block);

/** written_map_next() - return the first block in [from, to) whose state is @written, or @to. */
uint32_t written_map_next(const struct written_map *map, uint32_t from, uint32_t to, bool written);

#endif
