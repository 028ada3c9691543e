/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/reserve.h"

uint64_t reserve_headroom(struct allocator *alloc, bool keep)
{
	uint64_t reserved = alloc->reserve.nr_blocks, nr_free;

	if (!keep)
		return UINT64_MAX;
	nr_free = allocator_free_blocks(alloc);
	return nr_free > reserved ? nr_free - reserved : 0;
}

uint64_t reserve_enter(struct allocator *alloc, bool keep)
{
	if (keep)
		(void)pthread_mutex_lock(&alloc->reserve.lock);
	return reserve_headroom(alloc, keep);
}

void reserve_leave(struct allocator *alloc, bool keep)
{
	if (keep)
		(void)pthread_mutex_unlock(&alloc->reserve.lock);
}
