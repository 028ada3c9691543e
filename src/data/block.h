/* SPDX-License-Identifier: Apache-2.0 */
/* block - between bytes of a file and its 4 KiB blocks. */
#ifndef CXLFS_DATA_BLOCK_H
#define CXLFS_DATA_BLOCK_H

#include "data/data.h"

#define BLOCK_SHIFT 12
#define BLOCK_MASK  ((uint64_t)DATA_BLOCK_BYTES - 1)

_Static_assert(1u << BLOCK_SHIFT == DATA_BLOCK_BYTES, "block size");

static inline uint64_t block_floor(uint64_t bytes)
{
	return bytes >> BLOCK_SHIFT;
}

static inline uint64_t block_ceil(uint64_t bytes)
{
	return (bytes + BLOCK_MASK) >> BLOCK_SHIFT;
}

#endif
