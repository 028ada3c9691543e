/* SPDX-License-Identifier: Apache-2.0 */
/* Which free blocks an extent gets. */
#include "base/bitmap.h"
#include "base/minmax.h"
#include "data/alloc/segments_internal.h"

/* Bounds of a search: runs of free blocks, and segments. */
#define MAX_RUNS     64
#define MAX_SEGMENTS 4

struct piece {
	struct segment *segment;
	uint32_t start, nr_blocks;
};

/** What is moved out of the victim must not go to an empty segment, which would be the next one. */
enum where { ANYWHERE, IN_USED };

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
static bool search(const struct segment *segment, uint32_t wanted, struct piece *best)
{
	unsigned nr_runs = 0;

	if (segment->nr_free == 0)
		return false;
	return find_run(segment, segment->cursor, segment->nr_blocks, wanted, &nr_runs, best) ||
	       find_run(segment, 0, segment->cursor, wanted, &nr_runs, best);
}

/** Return: the first segment of a class that may be used; NULL: none. */
static const struct segment *first_of(const struct segments *pool, unsigned class, enum where where)
{
	const struct segment *segment;

	TAILQ_FOREACH(segment, &pool->classes[class], link)
	{
		if (segment != pool->victim && (where == ANYWHERE || !is_empty(segment)))
			break;
	}
	return segment;
}

/** The fuller ones first, so that the emptier ones become empty. */
static void search_all(const struct segments *pool, enum where where, uint32_t wanted,
		       struct piece *best)
{
	unsigned nr_searched = 0;

	for (unsigned i = class_of(wanted); i < SEGMENTS_CLASSES; i++) {
		const struct segment *segment = first_of(pool, i, where);

		if (segment && (search(segment, wanted, best) || ++nr_searched == MAX_SEGMENTS))
			return;
	}
	/* No segment has a run of this length: take the longest run of the one with most free
	 * blocks. */
	for (unsigned i = SEGMENTS_CLASSES; i-- > 1 && best->nr_blocks == 0;) {
		const struct segment *segment = first_of(pool, i, where);

		if (segment)
			(void)search(segment, wanted, best);
	}
}

static void take_behind(const struct segments *pool, const struct extent *after, uint32_t wanted,
			struct piece *best)
{
	uint32_t start = after->start + after->nr_blocks, end;

	if (after->segment == pool->victim || start == after->segment->nr_blocks)
		return;
	end = start + (uint32_t)min_u64(wanted, after->segment->nr_blocks - start);
	end = (uint32_t)bitmap_next_set(after->segment->used, start, end);
	*best = (struct piece){ after->segment, start, end - start };
}

/** Return: false: there are no free blocks but in the victim, or (IN_USED) in empty segments. */
static bool find_piece(struct segments *pool, enum where where, uint32_t wanted,
		       const struct extent *after, struct piece *best)
{
	if (after)
		take_behind(pool, after, wanted, best);
	if (best->nr_blocks > 0)
		return true;
	if (pool->current && (where == ANYWHERE || !is_empty(pool->current)) &&
	    search(pool->current, wanted, best))
		return true;
	search_all(pool, where, wanted, best);
	if (best->nr_blocks > 0)
		pool->current = best->segment;
	return best->nr_blocks > 0;
}

static void take(struct segments *pool, struct extent *extent, const struct piece *piece)
{
	struct segment *segment = piece->segment;
	uint32_t end = piece->start + piece->nr_blocks;

	(void)bitmap_set(segment->used, piece->start, end);
	segment->cursor = end == segment->nr_blocks ? 0 : end;
	set_free(pool, segment, segment->nr_free - piece->nr_blocks);
	extent->segment = segment;
	extent->start = piece->start;
	extent->nr_blocks = piece->nr_blocks;
	TAILQ_INSERT_TAIL(&segment->extents, extent, link);
	add(&pool->nr_extents, 1);
}

void segments_take(struct segments *pool, struct extent *extent, uint32_t nr_blocks,
		   const struct extent *after)
{
	struct piece piece = { .nr_blocks = 0 };

	lock(pool);
	if (!find_piece(pool, ANYWHERE, nr_blocks, after, &piece))
		(void)search(pool->victim, nr_blocks, &piece);
	take(pool, extent, &piece);
	unlock(pool);
}

static bool are_free(const struct extent *extent)
{
	uint32_t start = extent->start, end;

	if (extent->nr_blocks == 0 || __builtin_add_overflow(start, extent->nr_blocks, &end) ||
	    end > extent->segment->nr_blocks)
		return false;
	return bitmap_next_set(extent->segment->used, start, end) == end;
}

bool segments_adopt(struct segments *pool, struct extent *extent)
{
	const struct piece piece = { extent->segment, extent->start, extent->nr_blocks };
	bool free;

	lock(pool);
	free = are_free(extent);
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
	found = find_piece(pool, IN_USED, nr_blocks, NULL, &piece);
	if (found)
		take(pool, extent, &piece);
	unlock(pool);
	return found;
}
