/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/segments_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/minmax.h"

void segments_init(struct segments *pool, uint32_t chunk_blocks)
{
	*pool = (struct segments){ .chunk_blocks = chunk_blocks, .next_number = 1 };
	(void)pthread_mutex_init(&pool->lock, NULL);
	TAILQ_INIT(&pool->lost);
	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++)
		TAILQ_INIT(&pool->classes[i]);
}

void segments_fini(struct segments *pool)
{
	(void)pthread_mutex_destroy(&pool->lock);
}

static size_t bitmap_bytes(uint64_t nr_blocks)
{
	return BITMAP_WORDS((size_t)nr_blocks) * sizeof(uint64_t);
}

struct segment *segments_new(struct segments *pool, struct superpipe_vlun *vlun, unsigned lun,
			     uint32_t nr_blocks)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (!segment)
		return NULL;
	segment->used = calloc(1, bitmap_bytes(nr_blocks));
	if (!segment->used) {
		free(segment);
		return NULL;
	}
	segment->vlun = vlun;
	segment->lun = lun;
	segment->number = pool->next_number++;
	segment->nr_blocks = nr_blocks;
	segment->nr_free = nr_blocks;
	TAILQ_INIT(&segment->extents);
	return segment;
}

void segment_free(struct segment *segment)
{
	if (segment)
		free(segment->used);
	free(segment);
}

struct segment *segments_add(struct segments *pool, struct superpipe_vlun *vlun, unsigned lun,
			     uint32_t nr_chunks, uint64_t now_ns)
{
	struct segment *segment = segments_new(pool, vlun, lun, nr_chunks * pool->chunk_blocks);

	if (segment)
		segments_insert(pool, segment, now_ns);
	return segment;
}

void segments_place(struct segments *pool, struct extent *extent)
{
	struct segment *segment = extent->segment;

	(void)bitmap_set(segment->used, extent->start, extent->start + extent->nr_blocks);
	segment->nr_free -= extent->nr_blocks;
	TAILQ_INSERT_TAIL(&segment->extents, extent, link);
	add(&pool->nr_extents, 1);
}

void segments_insert(struct segments *pool, struct segment *segment, uint64_t now_ns)
{
	segment->empty_since_ns = now_ns;
	lock(pool);
	TAILQ_INSERT_TAIL(&pool->classes[class_of(segment->nr_free)], segment, link);
	add(&pool->nr_unclaimed, segment->nr_free);
	add(&pool->nr_segments, 1);
	if (is_empty(segment))
		count_empty(pool, segment, 1);
	unlock(pool);
}

void segments_for_each(struct segments *pool, void (*fn)(void *arg, struct segment *segment),
		       void *arg)
{
	struct segment *segment;

	lock(pool);
	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			fn(arg, segment);
		}
	}
	unlock(pool);
}

/* ---- empty segments ---- */

/** The first of those with a chunk's worth of free blocks or more that @matches; NULL: none. */
static struct segment *find_with_free_chunk(struct segments *pool,
					    bool (*matches)(const struct segment *segment,
							    const void *arg),
					    const void *arg)
{
	struct segment *segment;

	for (unsigned i = class_of(pool->chunk_blocks); i < SEGMENTS_CLASSES; i++) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			if (matches(segment, arg))
				return segment;
		}
	}
	return NULL;
}

struct wanted {
	unsigned lun;
	uint64_t before_ns, nr_unclaimed;
};

static bool is_wanted(const struct segment *segment, const void *arg)
{
	const struct wanted *wanted = arg;

	return is_empty(segment) && segment->empty_since_ns < wanted->before_ns &&
	       segment->nr_blocks <= wanted->nr_unclaimed &&
	       (wanted->lun == UINT32_MAX || segment->lun == wanted->lun);
}

static void forget(struct segments *pool, struct segment *segment)
{
	if (segment->retired) {
		TAILQ_REMOVE(&pool->lost, segment, link);
	} else {
		TAILQ_REMOVE(&pool->classes[class_of(segment->nr_free)], segment, link);
		add(&pool->nr_unclaimed, -(uint64_t)segment->nr_free);
	}
	add(&pool->nr_segments, -UINT64_C(1));
	count_empty(pool, segment, -UINT64_C(1));
	if (pool->current == segment)
		pool->current = NULL;
	if (pool->victim == segment)
		pool->victim = NULL;
}

struct superpipe_vlun *segments_remove_empty(struct segments *pool, unsigned lun,
					     uint64_t before_ns, unsigned *ret_lun,
					     uint32_t *ret_nr_chunks, uint64_t *ret_number)
{
	struct wanted wanted = { .lun = lun, .before_ns = before_ns };
	struct superpipe_vlun *vlun = NULL;
	struct segment *segment = NULL;

	lock(pool);
	wanted.nr_unclaimed = get(&pool->nr_unclaimed);
	segment = segments_first_lost(pool);
	if (!segment && get(&pool->nr_empty) > 0)
		segment = find_with_free_chunk(pool, is_wanted, &wanted);
	if (segment) {
		forget(pool, segment);
		vlun = segment->vlun;
		*ret_lun = segment->lun;
		*ret_nr_chunks = segment->nr_blocks / pool->chunk_blocks;
		*ret_number = segment->number;
	}
	unlock(pool);
	segment_free(segment);
	return vlun;
}

/** Notes the earliest; matches none. */
static bool note_since(const struct segment *segment, const void *arg)
{
	uint64_t *since = *(uint64_t *const *)arg;

	if (is_empty(segment))
		*since = min_u64(*since, segment->empty_since_ns);
	return false;
}

uint64_t segments_empty_since(struct segments *pool)
{
	uint64_t since = UINT64_MAX, *noted = &since;

	lock(pool);
	if (!TAILQ_EMPTY(&pool->lost))
		since = 0;
	else if (get(&pool->nr_empty) > 0)
		(void)find_with_free_chunk(pool, note_since, &noted);
	unlock(pool);
	return since;
}

/* ---- larger segments ---- */

struct segment *segments_smallest(struct segments *pool, unsigned lun)
{
	struct segment *segment, *best = NULL;

	lock(pool);
	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			if (segment->lun == lun && (!best || segment->nr_blocks < best->nr_blocks))
				best = segment;
		}
	}
	unlock(pool);
	return best;
}

int segments_prepare_enlarge(struct segments *pool, struct segment *segment)
{
	uint64_t nr_blocks = (uint64_t)segment->nr_blocks + pool->chunk_blocks;
	size_t before = bitmap_bytes(segment->nr_blocks), after = bitmap_bytes(nr_blocks);
	uint64_t *used = NULL;

	lock(pool);
	if (nr_blocks <= UINT32_MAX)
		used = realloc(segment->used, after);
	if (used) {
		memset((char *)used + before, 0, after - before);
		segment->used = used;
	}
	unlock(pool);
	return used ? 0 : -ENOMEM;
}

void segments_enlarge(struct segments *pool, struct segment *segment, uint64_t now_ns)
{
	bool was_empty;

	lock(pool);
	was_empty = is_empty(segment);
	if (was_empty)
		count_empty(pool, segment, -UINT64_C(1));
	TAILQ_REMOVE(&pool->classes[class_of(segment->nr_free)], segment, link);
	segment->nr_blocks += pool->chunk_blocks;
	segment->nr_free += pool->chunk_blocks;
	TAILQ_INSERT_TAIL(&pool->classes[class_of(segment->nr_free)], segment, link);
	if (was_empty) {
		count_empty(pool, segment, 1);
		segment->empty_since_ns = now_ns;
	}
	add(&pool->nr_unclaimed, pool->chunk_blocks);
	unlock(pool);
}

/* ---- claims ---- */

uint64_t segments_claim(struct segments *pool, uint64_t least, uint64_t most)
{
	uint64_t nr;

	lock(pool);
	nr = min_u64(get(&pool->nr_unclaimed), most);
	if (nr < least)
		nr = 0;
	add(&pool->nr_unclaimed, -nr);
	unlock(pool);
	return nr;
}

void segments_unclaim(struct segments *pool, uint64_t nr)
{
	lock(pool);
	add(&pool->nr_unclaimed, nr);
	unlock(pool);
}

/* ---- extents ---- */

void segments_give(struct segments *pool, struct extent *extent, uint64_t now_ns)
{
	struct segment *segment = extent->segment;

	lock(pool);
	TAILQ_REMOVE(&segment->extents, extent, link);
	add(&pool->nr_extents, -UINT64_C(1));
	if (segment->lost) {
		segments_retire_if_unused(pool, segment);
		unlock(pool);
		return;
	}
	(void)bitmap_clear(segment->used, extent->start, extent->start + extent->nr_blocks);
	set_free(pool, segment, segment->nr_free + extent->nr_blocks);
	add(&pool->nr_unclaimed, extent->nr_blocks);
	if (is_empty(segment)) {
		segment->empty_since_ns = now_ns;
		segment->stuck = false;
		if (pool->victim == segment)
			pool->victim = NULL;
	}
	unlock(pool);
}

void segments_split(struct segments *pool, struct extent *extent, uint32_t nr_blocks,
		    struct extent *tail)
{
	lock(pool);
	*tail = *extent; /* with its link, which neighbours in the list may change */
	tail->block += nr_blocks;
	tail->start += nr_blocks;
	tail->nr_blocks -= nr_blocks;
	extent->nr_blocks = nr_blocks;
	TAILQ_INSERT_AFTER(&extent->segment->extents, extent, tail, link);
	add(&pool->nr_extents, 1);
	unlock(pool);
}

void segments_join(struct segments *pool, struct extent *extent, struct extent *tail)
{
	lock(pool);
	TAILQ_REMOVE(&tail->segment->extents, tail, link);
	add(&pool->nr_extents, -UINT64_C(1));
	unlock(pool);
	extent->nr_blocks += tail->nr_blocks;
}
