/* SPDX-License-Identifier: Apache-2.0 */
/* minmax - the smaller and the larger of two numbers, without macros. */
#ifndef CXLFS_BASE_MINMAX_H
#define CXLFS_BASE_MINMAX_H

#include <stdint.h>

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline unsigned min_u(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
