/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping - where the blocks of one file are.
 *
 * The only place that knows how file blocks and LBAs belong together. A block lies in an extent of
 * a segment, or else in the slot of its file chunk, a chunk of one of the file's own vLUNs; or it
 * has no place. Which slot has no meaning. A chunk may have extents and a slot: the extents count.
 *
 * Not thread-safe: the file's lock protects it. Block and chunk numbers are the file's; ranges of
 * blocks are half-open, ranges of chunks inclusive.
 */
#ifndef CXLFS_DATA_MAPPING_H
#define CXLFS_DATA_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "data/alloc/file_space.h"
#include "data/stripe.h"
#include "data/written_map.h"

struct data_chunk;

struct mapping {
	struct file_space *space;       /* of the file */
	struct data_chunk **chunks;     /* sorted by file chunk */
	uint64_t nr_allocated;          /* blocks that are written or reserved */
	const struct stripes *stripes;  /* of the volume */
	uint32_t nr_chunks, max_chunks; /* in use, allocated */
};

/** A run of blocks that are all in one state and, if written, consecutive on flash. */
struct mapping_run {
	struct superpipe_vlun *vlun; /* NULL: not written, reads as zeros */
	uint64_t lba;
	uint64_t nr_blocks;
};

/** mapping_init() - start without chunks. Everything is borrowed; mapping_fini() frees no slot and
 * no extent. */
void mapping_init(struct mapping *map, struct file_space *space, const struct stripes *stripes);
void mapping_fini(struct mapping *map);

static inline uint32_t mapping_chunk_blocks(const struct mapping *map)
{
	return map->stripes->chunk_blocks;
}

/** mapping_chunk_of() - return the chunk of @block if blocks lie in order */
static inline uint64_t mapping_chunk_of(const struct mapping *map, uint64_t block)
{
	return block / mapping_chunk_blocks(map);
}

/**
 * mapping_unit_of() - return the chunks that get and lose slots together with @block's
 * A group, see data/stripe.h, or one chunk if the group has slots but is not striped.
 */
struct stripe_group mapping_unit_of(const struct mapping *map, uint64_t block);

/** mapping_unit_end() - return the block behind a unit */
uint64_t mapping_unit_end(const struct mapping *map, const struct stripe_group *unit);

/** mapping_lookup() - find what is at @block; at most @max_blocks, at least 1. */
void mapping_lookup(const struct mapping *map, uint64_t block, uint64_t max_blocks,
		    struct mapping_run *ret_run);

/** mapping_lookup_place() - as mapping_lookup(), whether written or not; @block has a place. */
void mapping_lookup_place(const struct mapping *map, uint64_t block, uint64_t max_blocks,
			  struct mapping_run *ret_run);

bool mapping_is_written(const struct mapping *map, uint64_t block);

/** mapping_next() - return the first block at or after @block whose state is @written; UINT64_MAX
 * if none. */
uint64_t mapping_next(const struct mapping *map, uint64_t block, bool written);

/** mapping_next_reserved() - find the first run of blocks at or after @block that are reserved but
 * not written. Return: false: there is none. */
bool mapping_next_reserved(const struct mapping *map, uint64_t block, uint64_t *ret_start,
			   uint64_t *ret_end);

/** mapping_nr_slots_missing() - return how many chunks of [first, last] have no slot */
uint64_t mapping_nr_slots_missing(const struct mapping *map, uint64_t first, uint64_t last);

/** mapping_slots_missing_on_luns() - count the same for each LUN, of the chunks that prefer it. In
 * a file that is striped. */
void mapping_slots_missing_on_luns(const struct mapping *map, uint64_t first, uint64_t last,
				   uint64_t ret_nr[]);

/** mapping_nr_blocks_missing() - return how many blocks of [start, end) have no place */
uint64_t mapping_nr_blocks_missing(const struct mapping *map, uint64_t start, uint64_t end);

/** mapping_first_block_missing() - return the lowest block of [start, end) without a place, or
 * @end. */
uint64_t mapping_first_block_missing(const struct mapping *map, uint64_t start, uint64_t end);

/**
 * mapping_assign() - give slots to the chunks of [first, last] that have none, lowest first
 * A group that gets all its slots at once is striped.
 * Return: 0, also when free slots ran out; -ENOMEM, and none has been given.
 */
int mapping_assign(struct mapping *map, uint64_t first, uint64_t last);

/**
 * mapping_reserve() - reserve the blocks of [start, end), which have places, until cleared
 * Return: 0; -ENOMEM, and a part of the range may be reserved.
 */
int mapping_reserve(struct mapping *map, uint64_t start, uint64_t end);

/* As in written_map.h, for file blocks. Blocks without a place are passed over. Clearing a block
 * also gives up its reservation, and its extent. */
int mapping_prepare_set(struct mapping *map, uint64_t start, uint64_t end);
int mapping_prepare_clear(struct mapping *map, uint64_t start, uint64_t end);
void mapping_set(struct mapping *map, uint64_t start, uint64_t end);
void mapping_clear(struct mapping *map, uint64_t start, uint64_t end);

/** mapping_unwrite() - as mapping_clear(), also prepared by mapping_prepare_clear(), but extents
 * stay as reserved ones */
void mapping_unwrite(struct mapping *map, uint64_t start, uint64_t end);

/** mapping_drop_taken() - give back extents of [start, end) that are neither written nor reserved
 */
void mapping_drop_taken(struct mapping *map, uint64_t start, uint64_t end);

/* ---- snapshots ---- */

/** A chunk with a slot. */
struct mapping_chunk {
	uint64_t index; /* in the file */
	unsigned lun;
	uint32_t slot; /* in the file's vLUN on that LUN */
	bool striped;  /* with the rest of its group; else its blocks lie in order */
	struct written_map *written;
	struct written_map *allocated; /* written or reserved; without leaves nothing is reserved */
};

/**
 * mapping_adopt_chunk() - add a chunk behind all others
 * @chunk: its maps are moved into the mapping; the caller's are empty then
 * Return: 0; -EPROTO there is no such slot, or it is in use; -ENOMEM.
 */
int mapping_adopt_chunk(struct mapping *map, const struct mapping_chunk *chunk);

/** mapping_groups_are_whole() - return true if each striped group that was adopted has all its
 * chunks */
bool mapping_groups_are_whole(const struct mapping *map);

/** mapping_adopt_extent() - as extent_map_adopt() */
int mapping_adopt_extent(struct mapping *map, const struct extent *extent);

/* ---- moving ---- */

/** mapping_next_outgrown() - Return: whether at or after *@block there is one that lies in an
 * extent although its chunk has a slot; *@block becomes the first. */
bool mapping_next_outgrown(const struct mapping *map, uint64_t *block);

/** mapping_lookup_slot() - as mapping_lookup_place(), but the place in the slot. Return: false: the
 *  chunk of @block has none. */
bool mapping_lookup_slot(const struct mapping *map, uint64_t block, uint64_t max_blocks,
			 struct mapping_run *ret_run);

/** mapping_prepare_slot() - make mapping_move_to_slot() possible for written blocks that lie in an
 *  extent. Return: 0; -ENOMEM. */
int mapping_prepare_slot(struct mapping *map, uint64_t start, uint64_t end);

/** mapping_move_to_slot() - note that blocks of one extent have been copied to their slot. Return:
 *  0; -ENOMEM, and they stay. */
int mapping_move_to_slot(struct mapping *map, uint64_t start, uint64_t end);

/** mapping_replace_extent() - @copy, which the mapping then owns, takes the place of a part of
 *  another extent in the same state. Return: 0; -ENOMEM, and nothing has changed. */
int mapping_replace_extent(struct mapping *map, struct extent *copy);

/**
 * mapping_share() - put all blocks that have slots into extents of the same flash
 * @segments: by LUN, in no pool: on the vLUNs of the file, which get the extents
 * No chunk has a slot then; the slots themselves are the caller's.
 * Return: true; false: the blocks are scattered or memory is short, and nothing has changed.
 */
bool mapping_share(struct mapping *map, struct segment *const segments[]);

/** mapping_nr_in_chunks() - return how many blocks that are written or reserved lie in slots */
uint64_t mapping_nr_in_chunks(const struct mapping *map);

/** mapping_remove() - take the slots of all chunks of [first, last]; their data is lost. */
void mapping_remove(struct mapping *map, uint64_t first, uint64_t last);

/** mapping_is_empty() - return true if @unit has slots, but neither a written block nor a
 * reservation */
bool mapping_is_empty(const struct mapping *map, const struct stripe_group *unit);

/** mapping_next_empty() - return the lowest chunk of [first, last] with a slot, but with neither a
 * written block nor a reservation; UINT64_MAX: none */
uint64_t mapping_next_empty(const struct mapping *map, uint64_t first, uint64_t last);

/** mapping_half_written() - return true if @block lies in the file's last unit and that is half
 * written */
bool mapping_half_written(const struct mapping *map, uint64_t block);

#endif
