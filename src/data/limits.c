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

struct parts {
	uint64_t max_chunks, nr_blocks; /* nr_blocks: of the volume */
	uint64_t nr_reserved;           /* of these */
};

static struct parts parts_of(struct lun_table *luns, const struct data_limits *limits)
{
	struct parts parts = { .max_chunks = UINT64_MAX };

	if (limits->size_bytes > 0)
		parts.max_chunks = limits->size_bytes / DATA_BLOCK_BYTES / luns->chunk_blocks;
	for (unsigned i = 0; i < luns->nr_luns; i++)
		parts.nr_blocks += luns->luns[i].nr_chunks;
	parts.nr_blocks = min_u64(parts.nr_blocks, parts.max_chunks) * luns->chunk_blocks;
	parts.nr_reserved = reserve_of(limits, parts.nr_blocks);
	return parts;
}

int data_volume_set_limits(struct data_volume *vol, const struct data_limits *limits)
{
	struct parts parts = parts_of(&vol->alloc.luns, limits);
	int err;

	if (parts.max_chunks == 0 || parts.nr_reserved > parts.nr_blocks)
		return -EINVAL;
	err = limit_set(&vol->alloc, parts.max_chunks);
	if (!err)
		vol->alloc.reserve.nr_blocks = parts.nr_reserved;
	return err;
}

void data_volume_adopt_limits(struct data_volume *vol, const struct data_limits *limits)
{
	struct parts parts = parts_of(&vol->alloc.luns, limits);

	vol->alloc.luns.max_chunks = parts.max_chunks;
	vol->alloc.reserve.nr_blocks = parts.nr_reserved;
}

bool data_volume_may_reach_reserve(struct data_volume *vol, uint64_t bytes)
{
	uint64_t reserved = vol->alloc.reserve.nr_blocks;
	uint64_t chunk_blocks = vol->alloc.luns.chunk_blocks;

	/* A part of a chunk at either end may need a whole one. */
	return reserved > 0 &&
	       allocator_free_blocks(&vol->alloc) < reserved + block_ceil(bytes) + 2 * chunk_blocks;
}
