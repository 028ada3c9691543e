/* SPDX-License-Identifier: Apache-2.0 */
/* The segment that is being emptied. */
#include "data/alloc/segments_internal.h"

/* Bound for a search. */
#define MAX_SEEN 64

/* A segment is nearly empty if at most one in this many blocks is used. */
#define VICTIM_SHARE 4u

/**
 * Are there twice as many free blocks in other segments as must be moved? Then what is moved does
 * not soon have to be moved again. Empty segments do not count: nothing is gained by filling one.
 */
static bool may_be_victim(struct segments *pool, const struct segment *segment)
{
	uint64_t nr_used = segment->nr_blocks - segment->nr_free;
	uint64_t nr_in_empty = get(&pool->nr_empty_chunks) * pool->chunk_blocks;

	return !segment->stuck && nr_used > 0 && nr_used <= segment->nr_blocks / VICTIM_SHARE &&
	       get(&pool->nr_unclaimed) >= nr_in_empty + segment->nr_free + 2 * nr_used;
}

bool segments_choose_victim(struct segments *pool)
{
	struct segment *segment;
	unsigned nr_seen = 0;

	lock(pool);
	for (unsigned i = SEGMENTS_CLASSES; i-- > 1 && !pool->victim;) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			if (may_be_victim(pool, segment)) {
				pool->victim = segment;
				break;
			}
			if (++nr_seen == MAX_SEEN)
				break;
		}
	}
	if (pool->victim && pool->current == pool->victim)
		pool->current = NULL;
	segment = pool->victim;
	unlock(pool);
	return segment != NULL;
}

void *segments_victim_owner(struct segments *pool, bool (*try_get)(void *owner),
			    struct segment **ret_victim)
{
	void *owner = NULL;
	struct extent *extent;
	unsigned nr_tried = 0;

	lock(pool);
	*ret_victim = pool->victim;
	extent = pool->victim ? TAILQ_FIRST(&pool->victim->extents) : NULL;
	for (; extent && nr_tried < MAX_SEEN; extent = TAILQ_NEXT(extent, link), nr_tried++) {
		if (try_get(extent->owner)) {
			owner = extent->owner;
			break;
		}
	}
	unlock(pool);
	return owner;
}

bool segments_is_victim(struct segments *pool, const struct segment *segment)
{
	bool is_victim;

	lock(pool);
	is_victim = pool->victim == segment;
	unlock(pool);
	return is_victim;
}

void segments_give_up_victim(struct segments *pool, bool stuck)
{
	lock(pool);
	if (pool->victim)
		pool->victim->stuck = stuck;
	pool->victim = NULL;
	unlock(pool);
}
