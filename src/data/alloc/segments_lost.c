/* SPDX-License-Identifier: Apache-2.0 */
/* Segments on a LUN that has failed. */
#include "base/bitmap.h"
#include "base/minmax.h"
#include "data/alloc/segments_internal.h"

static void mark_used(struct segment *segment, uint32_t nr)
{
	uint32_t start, end = 0;

	for (; nr > 0; nr -= end - start) {
		start = (uint32_t)bitmap_next_clear(segment->used, end, segment->nr_blocks);
		end = start + (uint32_t)min_u64(nr, segment->nr_blocks - start);
		end = (uint32_t)bitmap_next_set(segment->used, start, end);
		(void)bitmap_set(segment->used, start, end);
	}
}

/** Marks its free blocks as used, except those that are claimed: a claim must not fail. */
static void withdraw(struct segments *pool, struct segment *segment)
{
	uint32_t nr = (uint32_t)min_u64(segment->nr_free, get(&pool->nr_unclaimed));

	mark_used(segment, nr);
	set_free(pool, segment, segment->nr_free - nr);
	add(&pool->nr_unclaimed, -(uint64_t)nr);
}

void segments_retire_if_unused(struct segments *pool, struct segment *segment)
{
	if (!TAILQ_EMPTY(&segment->extents))
		return;
	withdraw(pool, segment);
	if (segment->nr_free > 0)
		return;
	TAILQ_REMOVE(&pool->classes[0], segment, link);
	TAILQ_INSERT_TAIL(&pool->lost, segment, link);
	segment->retired = true;
	count_empty(pool, segment, 1);
}

static void lose(struct segments *pool, struct segment *segment)
{
	segment->lost = true;
	if (pool->current == segment)
		pool->current = NULL;
	if (pool->victim == segment)
		pool->victim = NULL;
	withdraw(pool, segment);
	segments_retire_if_unused(pool, segment);
}

/** Calls @fn for each segment on @lun, or on any LUN for UINT32_MAX, that has not been retired. */
static void for_each(struct segments *pool, unsigned lun,
		     void (*fn)(struct segments *pool, struct segment *segment))
{
	struct segment *segment, *next;

	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++) {
		for (segment = TAILQ_FIRST(&pool->classes[i]); segment; segment = next) {
			next = TAILQ_NEXT(segment, link);
			if (lun == UINT32_MAX || segment->lun == lun)
				fn(pool, segment);
		}
	}
}

void segments_lose_lun(struct segments *pool, unsigned lun)
{
	lock(pool);
	pool->has_lost = true;
	for_each(pool, lun, lose);
	unlock(pool);
}

static void retire_if_lost(struct segments *pool, struct segment *segment)
{
	if (segment->lost)
		segments_retire_if_unused(pool, segment);
}

struct segment *segments_first_lost(struct segments *pool)
{
	if (TAILQ_EMPTY(&pool->lost) && pool->has_lost)
		for_each(pool, UINT32_MAX, retire_if_lost);
	return TAILQ_FIRST(&pool->lost);
}
