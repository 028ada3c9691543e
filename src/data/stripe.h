/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stripe - how the blocks of a file are spread over its chunks.
 *
 * The chunks of a file form groups: the first chunk alone, then groups of two chunks, of four, and
 * so on up to a chunk for each LUN of the volume. In a group, one stripe after the other goes to
 * one chunk after the other, so that a request of several stripes uses several LUNs at once. As the
 * groups grow, a file takes at most about twice the chunks that it fills.
 *
 * Block and chunk numbers are the file's, ranges of blocks half-open. Any thread.
 */
#ifndef CXLFS_DATA_STRIPE_H
#define CXLFS_DATA_STRIPE_H

#include <stdint.h>

struct stripes {
	uint32_t chunk_blocks;  /* these never change once there are files */
	uint32_t stripe_blocks; /* divides chunk_blocks; 0: groups of one chunk */
	unsigned nr_luns;
};

struct stripe_group {
	uint64_t first; /* chunk */
	unsigned width; /* chunks */
};

static inline uint64_t stripe_last_chunk(const struct stripe_group *group)
{
	return group->first + group->width - 1;
}

/** stripe_group_of() - return the group of a chunk */
struct stripe_group stripe_group_of(const struct stripes *stripes, uint64_t chunk);

/** stripe_chunk_of() - return the index in @group of the chunk in which @block lies
 *  @ret_from: number of the block in the chunk. @ret_nr: how many blocks follow in order, itself
 *  included */
unsigned stripe_chunk_of(const struct stripes *stripes, const struct stripe_group *group,
			 uint64_t block, uint32_t *ret_from, uint32_t *ret_nr);

/** stripe_rank() - return how many blocks of the file before @block lie in a chunk of @group */
uint32_t stripe_rank(const struct stripes *stripes, const struct stripe_group *group,
		     unsigned index, uint64_t block);

/** stripe_block_of() - return which block of the file is number @nr of a chunk of @group */
uint64_t stripe_block_of(const struct stripes *stripes, const struct stripe_group *group,
			 unsigned index, uint32_t nr);

#endif
