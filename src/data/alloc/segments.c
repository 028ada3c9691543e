/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/segments.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/minmax.h"

/* Bounds for a search: so many runs of free blocks in so many segments are looked at. */
#define MAX_RUNS     64
#define MAX_SEGMENTS 4
#define MAX_OWNERS   64

/* Of a nearly empty segment no more than one in so many blocks is used. */
#define VICTIM_SHARE 4u

static void lock(struct segments *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
}

static void unlock(struct segments *pool)
{
	(void)pthread_mutex_unlock(&pool->lock);
}

static void add(_Atomic uint64_t *counter, uint64_t nr)
{
	(void)atomic_fetch_add_explicit(counter, nr, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/** 0 for a full one; else all of class c have at least 2^(c-1) free blocks. */
static unsigned class_of(uint32_t nr_free)
{
	return nr_free ? 32u - (unsigned)__builtin_clz(nr_free) : 0;
}

static bool is_empty(const struct segments *pool, const struct segment *segment)
{
	return segment->nr_free == pool->segment_blocks;
}

void segments_init(struct segments *pool, uint32_t segment_blocks)
{
	*pool = (struct segments){ .segment_blocks = segment_blocks };
	(void)pthread_mutex_init(&pool->lock, NULL);
	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++)
		TAILQ_INIT(&pool->classes[i]);
}

void segments_fini(struct segments *pool)
{
	(void)pthread_mutex_destroy(&pool->lock);
}

struct segment *segments_add_new(struct segments *pool, struct superpipe_vlun *vlun, unsigned lun,
				 uint64_t now_ns)
{
	struct segment *segment;

	segment = calloc(1, sizeof(*segment) +
				    BITMAP_WORDS((size_t)pool->segment_blocks) * sizeof(uint64_t));
	if (!segment)
		return NULL;
	segment->vlun = vlun;
	segment->lun = lun;
	segment->nr_free = pool->segment_blocks;
	segment->empty_since_ns = now_ns;
	TAILQ_INIT(&segment->extents);
	lock(pool);
	TAILQ_INSERT_TAIL(&pool->classes[class_of(segment->nr_free)], segment, link);
	add(&pool->nr_unclaimed, segment->nr_free);
	add(&pool->nr_segments, 1);
	add(&pool->nr_empty, 1);
	unlock(pool);
	return segment;
}

int segments_add(struct segments *pool, struct superpipe_vlun *vlun, unsigned lun, uint64_t now_ns)
{
	return segments_add_new(pool, vlun, lun, now_ns) ? 0 : -ENOMEM;
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

/* ---- empty segments ------------------------------------------------------------------------ */

static struct segment *find_empty(struct segments *pool, unsigned lun, uint64_t before_ns)
{
	struct segment *segment;

	if (get(&pool->nr_empty) == 0)
		return NULL;
	TAILQ_FOREACH(segment, &pool->classes[class_of(pool->segment_blocks)], link)
	{
		if (is_empty(pool, segment) && segment->empty_since_ns < before_ns &&
		    (lun == UINT32_MAX || segment->lun == lun))
			return segment;
	}
	return NULL;
}

static void forget(struct segments *pool, struct segment *segment)
{
	TAILQ_REMOVE(&pool->classes[class_of(segment->nr_free)], segment, link);
	add(&pool->nr_unclaimed, -(uint64_t)segment->nr_free);
	add(&pool->nr_segments, -UINT64_C(1));
	add(&pool->nr_empty, -UINT64_C(1));
	if (pool->current == segment)
		pool->current = NULL;
	if (pool->victim == segment)
		pool->victim = NULL;
}

struct superpipe_vlun *segments_remove_empty(struct segments *pool, unsigned lun,
					     uint64_t before_ns, unsigned *ret_lun)
{
	struct superpipe_vlun *vlun = NULL;
	struct segment *segment = NULL;

	lock(pool);
	if (get(&pool->nr_unclaimed) >= pool->segment_blocks)
		segment = find_empty(pool, lun, before_ns);
	if (segment) {
		forget(pool, segment);
		vlun = segment->vlun;
		*ret_lun = segment->lun;
	}
	unlock(pool);
	free(segment);
	return vlun;
}

uint64_t segments_empty_since(struct segments *pool)
{
	uint64_t since = UINT64_MAX;
	struct segment *segment;

	lock(pool);
	if (get(&pool->nr_empty) > 0) {
		TAILQ_FOREACH(segment, &pool->classes[class_of(pool->segment_blocks)], link)
		{
			if (is_empty(pool, segment))
				since = min_u64(since, segment->empty_since_ns);
		}
	}
	unlock(pool);
	return since;
}

/* ---- claims -------------------------------------------------------------------------------- */

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

/* ---- taking -------------------------------------------------------------------------------- */

struct piece {
	struct segment *segment;
	uint32_t start, nr_blocks;
};

static void set_free(struct segments *pool, struct segment *segment, uint32_t nr_free)
{
	unsigned before = class_of(segment->nr_free), after = class_of(nr_free);

	if (is_empty(pool, segment))
		add(&pool->nr_empty, -UINT64_C(1));
	segment->nr_free = nr_free;
	if (is_empty(pool, segment))
		add(&pool->nr_empty, 1);
	if (before == after)
		return;
	TAILQ_REMOVE(&pool->classes[before], segment, link);
	TAILQ_INSERT_TAIL(&pool->classes[after], segment, link);
}

/** Looks at the runs of free blocks in [from, to). Return: true: @best is as long as wanted. */
static bool find_run(const struct segment *segment, uint32_t from, uint32_t to, uint32_t wanted,
		     unsigned *nr_runs, struct piece *best)
{
	uint32_t end;

	for (; best->nr_blocks < wanted && *nr_runs < MAX_RUNS; from = end, (*nr_runs)++) {
		from = (uint32_t)bitmap_next_clear(segment->used, from, to);
		if (from == to)
			break;
		end = from + (uint32_t)min_u64(wanted, to - from);
		end = (uint32_t)bitmap_next_set(segment->used, from, end);
		if (end - from > best->nr_blocks)
			*best = (struct piece){ (struct segment *)segment, from, end - from };
	}
	return best->nr_blocks == wanted;
}

/** Improves @best. Return: true: it is as long as wanted. */
static bool search(const struct segments *pool, const struct segment *segment, uint32_t wanted,
		   struct piece *best)
{
	unsigned nr_runs = 0;

	if (segment->nr_free == 0)
		return false;
	return find_run(segment, segment->cursor, pool->segment_blocks, wanted, &nr_runs, best) ||
	       find_run(segment, 0, segment->cursor, wanted, &nr_runs, best);
}

/** The fuller ones first, so that the emptier ones become empty. */
static void search_all(const struct segments *pool, uint32_t wanted, struct piece *best)
{
	unsigned nr_searched = 0;

	for (unsigned i = class_of(wanted); i < SEGMENTS_CLASSES; i++) {
		const struct segment *segment = TAILQ_FIRST(&pool->classes[i]);

		if (segment && segment == pool->victim)
			segment = TAILQ_NEXT(segment, link);
		if (segment &&
		    (search(pool, segment, wanted, best) || ++nr_searched == MAX_SEGMENTS))
			return;
	}
	/* None has so many blocks, or not together: the longest run of the one that has most. */
	for (unsigned i = SEGMENTS_CLASSES; i-- > 1 && best->nr_blocks == 0;) {
		const struct segment *segment;

		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			if (segment != pool->victim) {
				(void)search(pool, segment, wanted, best);
				break;
			}
		}
	}
}

static void take_behind(const struct segments *pool, const struct extent *after, uint32_t wanted,
			struct piece *best)
{
	uint32_t start = after->start + after->nr_blocks, end;

	if (after->segment == pool->victim || start == pool->segment_blocks)
		return;
	end = start + (uint32_t)min_u64(wanted, pool->segment_blocks - start);
	end = (uint32_t)bitmap_next_set(after->segment->used, start, end);
	*best = (struct piece){ after->segment, start, end - start };
}

/** Return: false: only the victim has free blocks. */
static bool find_piece(struct segments *pool, uint32_t wanted, const struct extent *after,
		       struct piece *best)
{
	if (after)
		take_behind(pool, after, wanted, best);
	if (best->nr_blocks > 0)
		return true;
	if (pool->current && search(pool, pool->current, wanted, best))
		return true;
	search_all(pool, wanted, best);
	if (best->nr_blocks > 0)
		pool->current = best->segment;
	return best->nr_blocks > 0;
}

static void take(struct segments *pool, struct extent *extent, const struct piece *piece)
{
	struct segment *segment = piece->segment;
	uint32_t end = piece->start + piece->nr_blocks;

	(void)bitmap_set(segment->used, piece->start, end);
	segment->cursor = end == pool->segment_blocks ? 0 : end;
	set_free(pool, segment, segment->nr_free - piece->nr_blocks);
	extent->segment = segment;
	extent->start = piece->start;
	extent->nr_blocks = piece->nr_blocks;
	TAILQ_INSERT_TAIL(&segment->extents, extent, link);
}

void segments_take(struct segments *pool, struct extent *extent, uint32_t nr_blocks,
		   const struct extent *after)
{
	struct piece piece = { .nr_blocks = 0 };

	lock(pool);
	if (!find_piece(pool, nr_blocks, after, &piece))
		(void)search(pool, pool->victim, nr_blocks, &piece);
	take(pool, extent, &piece);
	unlock(pool);
}

static bool are_free(const struct segments *pool, const struct extent *extent)
{
	uint32_t start = extent->start, end;

	if (extent->nr_blocks == 0 || __builtin_add_overflow(start, extent->nr_blocks, &end) ||
	    end > pool->segment_blocks)
		return false;
	return bitmap_next_set(extent->segment->used, start, end) == end;
}

bool segments_adopt(struct segments *pool, struct extent *extent)
{
	const struct piece piece = { extent->segment, extent->start, extent->nr_blocks };
	bool free;

	lock(pool);
	free = are_free(pool, extent);
	if (free) {
		take(pool, extent, &piece);
		add(&pool->nr_unclaimed, -(uint64_t)extent->nr_blocks);
	}
	unlock(pool);
	return free;
}

bool segments_take_elsewhere(struct segments *pool, struct extent *extent, uint32_t nr_blocks)
{
	struct piece piece = { .nr_blocks = 0 };
	bool found;

	lock(pool);
	found = find_piece(pool, nr_blocks, NULL, &piece);
	if (found)
		take(pool, extent, &piece);
	unlock(pool);
	return found;
}

void segments_give(struct segments *pool, struct extent *extent, uint64_t now_ns)
{
	struct segment *segment = extent->segment;

	lock(pool);
	(void)bitmap_clear(segment->used, extent->start, extent->start + extent->nr_blocks);
	TAILQ_REMOVE(&segment->extents, extent, link);
	set_free(pool, segment, segment->nr_free + extent->nr_blocks);
	add(&pool->nr_unclaimed, extent->nr_blocks);
	if (is_empty(pool, segment)) {
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
	unlock(pool);
}

void segments_join(struct segments *pool, struct extent *extent, struct extent *tail)
{
	lock(pool);
	TAILQ_REMOVE(&tail->segment->extents, tail, link);
	unlock(pool);
	extent->nr_blocks += tail->nr_blocks;
}

/* ---- emptying nearly empty segments -------------------------------------------------------- */

/** Leaves as much room again, so that what is moved does not soon have to be moved again. */
static bool may_be_victim(const struct segments *pool, const struct segment *segment,
			  uint64_t nr_unclaimed)
{
	uint64_t nr_used = pool->segment_blocks - segment->nr_free;

	return !segment->stuck && nr_used > 0 && nr_used <= pool->segment_blocks / VICTIM_SHARE &&
	       nr_unclaimed >= segment->nr_free + 2 * nr_used;
}

bool segments_choose_victim(struct segments *pool)
{
	struct segment *segment;
	unsigned nr_seen = 0;

	lock(pool);
	for (unsigned i = SEGMENTS_CLASSES; i-- > 1 && !pool->victim;) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			if (may_be_victim(pool, segment, get(&pool->nr_unclaimed))) {
				pool->victim = segment;
				break;
			}
			if (++nr_seen == MAX_OWNERS)
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
	for (; extent && nr_tried < MAX_OWNERS; extent = TAILQ_NEXT(extent, link), nr_tried++) {
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

/* ---- for tests ----------------------------------------------------------------------------- */

static bool check_segment(const struct segments *pool, struct segment *segment, unsigned class)
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
	}
	/* Together with the sum of the bits, no two extents overlap. */
	for (at = 0; at < pool->segment_blocks; at++)
		nr_used -= bitmap_test(segment->used, at);
	if (nr_used != 0 || class_of(segment->nr_free) != class)
		return false;
	for (at = 0; at < pool->segment_blocks; at++)
		nr_used += !bitmap_test(segment->used, at);
	return nr_used == segment->nr_free;
}

bool segments_check(struct segments *pool)
{
	uint64_t nr_free = 0, nr_segments = 0, nr_empty = 0;
	struct segment *segment;
	bool good = true;

	lock(pool);
	for (unsigned i = 0; i < SEGMENTS_CLASSES; i++) {
		TAILQ_FOREACH(segment, &pool->classes[i], link)
		{
			good = good && check_segment(pool, segment, i);
			nr_free += segment->nr_free;
			nr_empty += is_empty(pool, segment);
			nr_segments++;
		}
	}
	good = good && nr_free >= get(&pool->nr_unclaimed) &&
	       nr_segments == get(&pool->nr_segments) && nr_empty == get(&pool->nr_empty);
	unlock(pool);
	return good;
}
