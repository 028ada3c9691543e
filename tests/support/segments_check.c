/* SPDX-License-Identifier: Apache-2.0 */
#include "support/segments_check.h"

#include "base/bitmap.h"
#include "data/alloc/segments_internal.h"

static bool check_segment(struct segment *segment, unsigned class, uint64_t *nr_extents)
{
	uint32_t nr_used = 0, at;
	const struct extent *extent;

	TAILQ_FOREACH(extent, &segment->extents, link)
	{
		uint32_t end = extent->start + extent->nr_blocks;

		at = (uint32_t)bitmap_next_clear(segment->used, extent->start, end);
		if (extent->segment != segment || extent->nr_blocks == 0 || at != end)
			return false;
		nr_used += extent->nr_blocks;
		(*nr_extents)++;
	}
	if (segment->lost)
		return class_of(segment->nr_free) == class;
	/* Together with the sum of the bits, no two extents overlap. */
	for (at = 0; at < segment->nr_blocks; at++)
		nr_used -= bitmap_test(segment->used, at);
	if (nr_used != 0 || class_of(segment->nr_free) != class)
		return false;
	for (at = 0; at < segment->nr_blocks; at++)
		nr_used += !bitmap_test(segment->used, at);
	return nr_used == segment->nr_free;
}

bool segments_check(struct segments *pool)
{
	uint64_t nr_free = 0, nr_segments = 0, nr_empty = 0, nr_chunks = 0, nr_extents = 0;
	struct segment *segment;
	bool good = true;

	lock(pool);
	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			good = good && check_segment(segment, i, &nr_extents);
			nr_free += segment->nr_free;
			nr_empty += is_empty(segment);
			nr_chunks +=
				is_empty(segment) ? segment->nr_blocks / pool->chunk_blocks : 0;
			nr_segments++;
		}
	}
	TAILQ_FOREACH(segment, &pool->lost, link)
	{
		good = good && TAILQ_EMPTY(&segment->extents);
		nr_empty++;
		nr_chunks += segment->nr_blocks / pool->chunk_blocks;
		nr_segments++;
	}
	good = good && nr_free >= get(&pool->nr_unclaimed) &&
	       nr_segments == get(&pool->nr_segments) && nr_empty == get(&pool->nr_empty) &&
	       nr_chunks == get(&pool->nr_empty_chunks) && nr_extents == get(&pool->nr_extents);
	unlock(pool);
	return good;
}
