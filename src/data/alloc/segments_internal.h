/* SPDX-License-Identifier: Apache-2.0 */
/* segments_internal - what the files of the pool of segments share. */
#ifndef CXLFS_DATA_ALLOC_SEGMENTS_INTERNAL_H
#define CXLFS_DATA_ALLOC_SEGMENTS_INTERNAL_H

#include "data/alloc/segments.h"

static inline void lock(struct segments *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
}

static inline void unlock(struct segments *pool)
{
	(void)pthread_mutex_unlock(&pool->lock);
}

static inline void add(_Atomic uint64_t *counter, uint64_t nr)
{
	(void)atomic_fetch_add_explicit(counter, nr, memory_order_relaxed);
}

static inline uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/** 0 for a full one; else all of class c have at least 2^(c-1) free blocks. */
static inline unsigned class_of(uint32_t nr_free)
{
	return nr_free ? 32u - (unsigned)__builtin_clz(nr_free) : 0;
}

static inline bool is_empty(const struct segment *segment)
{
	return segment->nr_free == segment->nr_blocks;
}

static inline void count_empty(struct segments *pool, const struct segment *segment, uint64_t sign)
{
	add(&pool->nr_empty, sign);
	add(&pool->nr_empty_chunks, sign * (segment->nr_blocks / pool->chunk_blocks));
}

/** segments_first_lost() - return a lost segment that can be closed, or NULL. Lock: the pool's */
struct segment *segments_first_lost(struct segments *pool);

/** segments_retire_if_unused() - make a lost segment without extents ready to be closed. Lock: the
 * pool's */
void segments_retire_if_unused(struct segments *pool, struct segment *segment);

static inline void set_free(struct segments *pool, struct segment *segment, uint32_t nr_free)
{
	unsigned before = class_of(segment->nr_free), after = class_of(nr_free);

	if (is_empty(segment))
		count_empty(pool, segment, -UINT64_C(1));
	segment->nr_free = nr_free;
	if (is_empty(segment))
		count_empty(pool, segment, 1);
	if (before == after)
		return;
	TAILQ_REMOVE(&pool->classes[before], segment, link);
	TAILQ_INSERT_TAIL(&pool->classes[after], segment, link);
}

#endif
