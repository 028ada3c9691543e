/* SPDX-License-Identifier: Apache-2.0 */
/* How much of its LUNs a volume may use. */
#include <errno.h>

#include "base/minmax.h"
#include "data/alloc/limit.h"
#include "data/alloc/reserve.h"
#include "data/block.h"
#include "data/volume.h"

#define MILLION 1000000u

/** In blocks; more than @nr_blocks if the reserve does not fit. */
static uint64_t reserve_of(const struct data_limits *limits, uint64_t nr_blocks)
{
	uint64_t ppm = limits->reserve_ppm;

	if (limits->reserve_bytes > 0)
		return block_floor(limits->reserve_bytes - 1) + 1;
	if (ppm > MILLION)
		return UINT64_MAX;
	return nr_blocks / MILLION * ppm + nr_blocks % MILLION * ppm / MILLION;
}

int data_volume_set_limits(struct data_volume *vol, const struct data_limits *limits)
{
	struct lun_table *luns = &vol->alloc.luns;
	uint64_t max_chunks = limits->size_bytes / DATA_BLOCK_BYTES / luns->chunk_blocks,
		 nr_blocks = 0, nr_reserved;
	int err;

	if (limits->size_bytes == 0)
		max_chunks = UINT64_MAX;
	for (unsigned i = 0; i < luns->nr_luns; i++)
		nr_blocks += luns->luns[i].nr_chunks;
	nr_blocks = min_u64(nr_blocks, max_chunks) * luns->chunk_blocks;
	nr_reserved = reserve_of(limits, nr_blocks);
	if (max_chunks == 0 || nr_reserved > nr_blocks)
		return -EINVAL;
	err = limit_set(&vol->alloc, max_chunks);
	if (!err)
		vol->alloc.reserve.nr_blocks = nr_reserved;
	return err;
}

bool data_volume_may_reach_reserve(struct data_volume *vol, uint64_t bytes)
{
	uint64_t reserved = vol->alloc.reserve.nr_blocks;
	uint64_t chunk_blocks = vol->alloc.luns.chunk_blocks;

	/* A part of a chunk at either end may need a whole one. */
	return reserved > 0 &&
	       allocator_free_blocks(&vol->alloc) < reserved + block_ceil(bytes) + 2 * chunk_blocks;
}
