/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of segments and the extents of files, against arrays of states. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/alloc/extent_map.h"
#include "support/segments_check.h"

#define SEGMENT_BLOCKS 96u
#define NR_FILES       6
#define NR_BLOCKS      200u
#define NR_VLUNS       64
#define MAX_CHUNKS     3u /* of a segment */

static uint64_t random_state = 88172645463325252ull;

static uint32_t below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 20) % limit);
}

enum model_state { HOLE, TAKEN, RESERVED, WRITTEN };

struct model {
	struct extent_map map;
	enum model_state states[NR_BLOCKS];
	unsigned tags[NR_BLOCKS]; /* what the block on the flash holds */
	bool locked;              /* victim_owner must pass it over */
};

static struct segments pool;
static struct model files[NR_FILES];
static char vluns[NR_VLUNS];
static unsigned flash[NR_VLUNS][MAX_CHUNKS * SEGMENT_BLOCKS];
static unsigned vlun_chunks[NR_VLUNS];

static struct superpipe_vlun *vlun_of(unsigned i)
{
	return (struct superpipe_vlun *)(void *)&vluns[i];
}

static unsigned *cell(const struct extent *extent, uint64_t block)
{
	size_t vlun = (size_t)((char *)extent->segment->vlun - vluns);

	return &flash[vlun][extent->start + (block - extent->block)];
}

static bool add_segment(void)
{
	for (unsigned i = 0; i < NR_VLUNS; i++) {
		if (vlun_chunks[i])
			continue;
		vlun_chunks[i] = 1;
		ck_assert_ptr_nonnull(segments_add(&pool, vlun_of(i), i % 2, 1, i));
		return true;
	}
	return false;
}

static void enlarge_segment(unsigned lun)
{
	struct segment *segment = segments_smallest(&pool, lun);
	unsigned *nr_chunks;

	if (!segment)
		return;
	nr_chunks = &vlun_chunks[(char *)segment->vlun - vluns];
	ck_assert_uint_eq(segment->nr_blocks, *nr_chunks * SEGMENT_BLOCKS);
	if (*nr_chunks == MAX_CHUNKS)
		return;
	ck_assert_int_eq(segments_prepare_enlarge(&pool, segment), 0);
	segments_enlarge(&pool, segment, 1);
	(*nr_chunks)++;
}

static bool remove_segment(unsigned lun, uint64_t before_ns)
{
	struct superpipe_vlun *vlun;
	unsigned from = 99;
	uint32_t nr_chunks = 0;

	vlun = segments_remove_empty(&pool, lun, before_ns, &from, &nr_chunks, &(uint64_t){ 0 });
	if (!vlun)
		return false;
	ck_assert(lun == UINT32_MAX || from == lun);
	ck_assert_uint_eq(nr_chunks, vlun_chunks[(char *)vlun - vluns]);
	vlun_chunks[(char *)vlun - vluns] = 0;
	return true;
}

static void setup(void)
{
	segments_init(&pool, SEGMENT_BLOCKS);
	memset(files, 0, sizeof(files));
	memset(vlun_chunks, 0, sizeof(vlun_chunks));
}

static void teardown(void)
{
	for (unsigned i = 0; i < NR_FILES; i++)
		extent_map_fini(&files[i].map, &pool, 0);
	ck_assert(segments_check(&pool));
	while (remove_segment(UINT32_MAX, UINT64_MAX))
		;
	ck_assert_uint_eq(pool.nr_segments, 0);
	ck_assert_uint_eq(pool.nr_unclaimed, 0);
	segments_fini(&pool);
}

static uint64_t count(const struct model *file, enum model_state at_least, uint64_t start,
		      uint64_t end)
{
	uint64_t nr = 0;

	for (; start < end; start++)
		nr += file->states[start] >= at_least;
	return nr;
}

static void check_file(const struct model *file)
{
	uint64_t block = 0;

	while (block < NR_BLOCKS) {
		const struct extent *extent = extent_map_at(&file->map, block);
		uint64_t until = extent ? extent->block : NR_BLOCKS;

		for (; block < until; block++)
			ck_assert_int_eq(file->states[block], HOLE);
		if (!extent)
			break;
		ck_assert_ptr_eq(extent->owner, file);
		for (; block < extent_end(extent); block++) {
			ck_assert_int_eq(file->states[block], TAKEN + (int)extent->state);
			if (file->states[block] == WRITTEN)
				ck_assert_uint_eq(*cell(extent, block), file->tags[block]);
		}
	}
}

static void check_next(const struct model *file)
{
	uint32_t from = below(NR_BLOCKS), written = from, unwritten = from;

	while (written < NR_BLOCKS && file->states[written] != WRITTEN)
		written++;
	while (unwritten < NR_BLOCKS && file->states[unwritten] == WRITTEN)
		unwritten++;
	ck_assert_uint_eq(extent_map_next(&file->map, from, true),
			  written < NR_BLOCKS ? written : UINT64_MAX);
	ck_assert_uint_eq(extent_map_next(&file->map, from, false), unwritten);
}

static void check_all(void)
{
	uint64_t nr_taken = 0, nr_chunks = 0;

	ck_assert(segments_check(&pool));
	for (unsigned i = 0; i < NR_FILES; i++) {
		check_file(&files[i]);
		check_next(&files[i]);
		nr_taken += count(&files[i], TAKEN, 0, NR_BLOCKS);
	}
	for (unsigned i = 0; i < NR_VLUNS; i++)
		nr_chunks += vlun_chunks[i];
	ck_assert_uint_eq(pool.nr_unclaimed, nr_chunks * SEGMENT_BLOCKS - nr_taken);
}

static void random_range(uint64_t *ret_start, uint64_t *ret_end)
{
	*ret_start = below(NR_BLOCKS);
	*ret_end = *ret_start + 1 + (below(3) ? below(6) : below(NR_BLOCKS));
	if (*ret_end > NR_BLOCKS)
		*ret_end = NR_BLOCKS;
}

/** Takes what is missing of a range; false: there is too little. */
static bool take(struct model *file, uint64_t start, uint64_t end)
{
	uint64_t nr = end - start - extent_map_covered(&file->map, start, end), got;

	ck_assert_uint_eq(nr, end - start - count(file, TAKEN, start, end));
	if (nr == 0)
		return true;
	got = segments_claim(&pool, nr, nr);
	ck_assert_uint_eq(got, got ? nr : 0);
	if (!got) {
		ck_assert_uint_lt(pool.nr_unclaimed, nr);
		return false;
	}
	ck_assert_int_eq(extent_map_take(&file->map, &pool, file, start, end, nr), 0);
	for (; start < end; start++) {
		if (file->states[start] == HOLE)
			file->states[start] = TAKEN;
	}
	return true;
}

static void write_blocks(struct model *file, uint64_t start, uint64_t end)
{
	static unsigned tag;
	uint64_t good_end = below(4) ? end : start + below((uint32_t)(end - start));
	uint64_t nr_new = end - start;

	if (!take(file, start, end))
		return;
	ck_assert_int_eq(extent_map_prepare_set(&file->map, &pool, start, end), 0);
	ck_assert_int_eq(extent_map_prepare_set(&file->map, &pool, start, good_end), 0);
	for (uint64_t block = start; block < good_end; block++) {
		file->tags[block] = ++tag;
		*cell(extent_map_at(&file->map, block), block) = tag;
	}
	nr_new = good_end - start - count(file, RESERVED, start, good_end);
	ck_assert_uint_eq(extent_map_set(&file->map, &pool, start, good_end), nr_new);
	for (uint64_t block = start; block < good_end; block++)
		file->states[block] = WRITTEN;
	extent_map_drop_taken(&file->map, &pool, start, end, 1);
	for (uint64_t block = good_end; block < end; block++) {
		if (file->states[block] == TAKEN)
			file->states[block] = HOLE;
	}
}

static void reserve_blocks(struct model *file, uint64_t start, uint64_t end)
{
	uint64_t nr_new = end - start - count(file, RESERVED, start, end);

	if (!take(file, start, end))
		return;
	ck_assert_uint_eq(extent_map_reserve(&file->map, start, end), nr_new);
	for (; start < end; start++) {
		if (file->states[start] == TAKEN)
			file->states[start] = RESERVED;
	}
}

static void remove_blocks(struct model *file, uint64_t start, uint64_t end)
{
	uint64_t nr = count(file, RESERVED, start, end);

	ck_assert_int_eq(extent_map_prepare_remove(&file->map, &pool, start, end), 0);
	ck_assert_uint_eq(extent_map_remove(&file->map, &pool, start, end, 1), nr);
	for (; start < end; start++)
		file->states[start] = HOLE;
}

/** Takes as many blocks as there are, which must then be the lowest. */
static void take_some(struct model *file, uint64_t start, uint64_t end)
{
	uint64_t got = segments_claim(&pool, 1, 5);

	if (got == 0)
		return;
	ck_assert_int_eq(extent_map_take(&file->map, &pool, file, start, end, got), 0);
	for (uint64_t block = start; block < end && got; block++) {
		if (file->states[block] == HOLE) {
			file->states[block] = WRITTEN;
			file->tags[block] = 0;
			*cell(extent_map_at(&file->map, block), block) = 0;
			got--;
		}
	}
	segments_unclaim(&pool, got);
	ck_assert_int_eq(extent_map_prepare_set(&file->map, &pool, start, end), 0);
	(void)extent_map_set(&file->map, &pool, start, end);
	for (uint64_t block = start; block < end; block++) {
		if (file->states[block] == RESERVED) {
			file->states[block] = WRITTEN;
			file->tags[block] = 0;
			*cell(extent_map_at(&file->map, block), block) = 0;
		}
	}
}

static bool try_get(void *owner)
{
	return !((struct model *)owner)->locked;
}

/** Moves one extent out of the victim, as compaction does. */
static bool move_one(void)
{
	struct segment *victim;
	struct model *file = segments_victim_owner(&pool, try_get, &victim);
	struct extent *old = NULL, *new;

	if (!file)
		return false;
	for (uint32_t i = 0; i < file->map.nr && !old; i++) {
		if (extent_map_get(&file->map, i)->segment == victim)
			old = extent_map_get(&file->map, i);
	}
	ck_assert_ptr_nonnull(old);
	if (!segments_claim(&pool, 1, 1))
		return false;
	new = malloc(sizeof(*new));
	new->block = old->block;
	new->owner = file;
	new->state = old->state;
	if (!segments_take_elsewhere(&pool, new, 1)) {
		segments_unclaim(&pool, 1);
		free(new);
		return false;
	}
	ck_assert_ptr_ne(new->segment, victim);
	*cell(new, new->block) = *cell(old, old->block);
	ck_assert_int_eq(extent_map_prepare_remove(&file->map, &pool, new->block, new->block + 1),
			 0);
	extent_map_replace(&file->map, &pool, new, 2);
	return true;
}

static void compact(void)
{
	if (!segments_choose_victim(&pool))
		return;
	for (unsigned i = below(60); i > 0 && move_one(); i--)
		;
	if (below(2))
		segments_give_up_victim(&pool, below(4) == 0);
}

static void step(void)
{
	struct model *file = &files[below(NR_FILES)];
	uint64_t start, end;

	random_range(&start, &end);
	switch (below(10)) {
	case 0:
		if (below(4) == 0)
			enlarge_segment(below(2));
		else if (pool.nr_segments < 11)
			(void)add_segment();
		break;
	case 1:
		(void)remove_segment(below(2) ? UINT32_MAX : below(2), below(2) ? 2 : UINT64_MAX);
		break;
	case 2:
		reserve_blocks(file, start, end);
		break;
	case 3:
	case 4:
		remove_blocks(file, start, end);
		break;
	case 5:
		compact();
		break;
	case 6:
		take_some(file, start, end);
		break;
	case 7:
		if (below(20) == 0) {
			extent_map_fini(&file->map, &pool, 1);
			memset(file->states, 0, sizeof(file->states));
		}
		break;
	default:
		write_blocks(file, start, end);
		break;
	}
}

START_TEST(test_segments_and_extents_equal_arrays_of_states)
{
	for (unsigned i = 0; i < 8000; i++) {
		step();
		if (i % 4 == 0)
			check_all();
	}
}
END_TEST

/* ---- claims ---- */

START_TEST(test_segments_claim_is_all_or_nothing_or_what_there_is)
{
	ck_assert_uint_eq(segments_claim(&pool, 1, 1), 0);
	add_segment();
	ck_assert_uint_eq(segments_claim(&pool, SEGMENT_BLOCKS + 1, SEGMENT_BLOCKS + 1), 0);
	ck_assert_uint_eq(segments_claim(&pool, 1, SEGMENT_BLOCKS + 1), SEGMENT_BLOCKS);
	ck_assert_uint_eq(segments_claim(&pool, 1, 1), 0);
	segments_unclaim(&pool, SEGMENT_BLOCKS);
}
END_TEST

START_TEST(test_segments_claimed_blocks_keep_their_segment)
{
	add_segment();
	ck_assert_uint_eq(segments_claim(&pool, 1, 1), 1);
	ck_assert(!remove_segment(UINT32_MAX, UINT64_MAX));
	add_segment();
	ck_assert(remove_segment(UINT32_MAX, UINT64_MAX));
	ck_assert(!remove_segment(UINT32_MAX, UINT64_MAX));
	segments_unclaim(&pool, 1);
	ck_assert(remove_segment(UINT32_MAX, UINT64_MAX));
}
END_TEST

START_TEST(test_segments_on_a_lost_lun_give_no_blocks)
{
	add_segment(); /* on LUN 0 */
	ck_assert(take(&files[0], 0, 10));
	ck_assert_uint_eq(segments_claim(&pool, 5, 5), 5);
	segments_lose_lun(&pool, 0);
	ck_assert_uint_eq(pool.nr_unclaimed, 0);
	ck_assert(segments_check(&pool));
	ck_assert(!take(&files[1], 0, 1));
	add_segment(); /* on LUN 1 */
	ck_assert(take(&files[1], 0, 20));
	/* A claim is worth blocks all the same. */
	ck_assert_uint_eq(pool.nr_unclaimed, SEGMENT_BLOCKS - 20);
	segments_unclaim(&pool, 5);
	segments_lose_lun(&pool, 0);
	remove_blocks(&files[0], 0, 10);
	ck_assert_uint_eq(pool.nr_unclaimed, SEGMENT_BLOCKS - 20);
	ck_assert(segments_check(&pool));
}
END_TEST

START_TEST(test_segments_on_a_lost_lun_are_closed_when_they_are_unused)
{
	add_segment();
	add_segment();
	ck_assert(take(&files[0], 0, 10));
	segments_lose_lun(&pool, 0);
	segments_lose_lun(&pool, 1);
	ck_assert_uint_eq(pool.nr_unclaimed, 0);
	ck_assert(segments_check(&pool));
	ck_assert(remove_segment(UINT32_MAX, 0));
	ck_assert(!remove_segment(UINT32_MAX, 0));
	remove_blocks(&files[0], 0, 10);
	ck_assert(segments_check(&pool));
	ck_assert(remove_segment(UINT32_MAX, 0));
	ck_assert_uint_eq(pool.nr_segments, 0);
}
END_TEST

START_TEST(test_segments_know_since_when_they_are_empty)
{
	ck_assert_uint_eq(segments_empty_since(&pool), UINT64_MAX);
	add_segment();
	ck_assert(take(&files[0], 0, 1));
	ck_assert_uint_eq(segments_empty_since(&pool), UINT64_MAX);
	extent_map_fini(&files[0].map, &pool, 77);
	ck_assert_uint_eq(segments_empty_since(&pool), 77);
	ck_assert(!remove_segment(UINT32_MAX, 77));
	ck_assert(remove_segment(UINT32_MAX, 78));
}
END_TEST

/* ---- where extents lie ---- */

START_TEST(test_segments_give_whole_pieces_where_there_are_any)
{
	add_segment();
	/* 1, 2, 1, 2 ... of two files, then every single one goes. */
	for (unsigned i = 0; i < SEGMENT_BLOCKS / 3; i++) {
		ck_assert(take(&files[0], i * 2, i * 2 + 1));
		ck_assert(take(&files[1], i * 3, i * 3 + 2));
	}
	remove_blocks(&files[0], 0, NR_BLOCKS);
	add_segment();
	ck_assert(take(&files[2], 0, 50));
	ck_assert_uint_eq(files[2].map.nr, 1);
	/* Not all of it fits into the new one. */
	ck_assert(take(&files[3], 0, 60));
	ck_assert_uint_gt(files[3].map.nr, 1);
	ck_assert_uint_eq(extent_map_covered(&files[3].map, 0, 60), 60);
}
END_TEST

START_TEST(test_segments_appending_makes_one_extent)
{
	add_segment();
	for (unsigned i = 0; i < 60; i++) {
		ck_assert(take(&files[0], i, i + 1));
		(void)extent_map_set(&files[0].map, &pool, i, i + 1);
	}
	ck_assert_uint_eq(files[0].map.nr, 1);
	ck_assert_uint_eq(extent_map_get(&files[0].map, 0)->nr_blocks, 60);
}
END_TEST

START_TEST(test_segments_every_block_can_be_had_one_by_one)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < 5; i++)
		add_segment();
	for (unsigned i = 0; i < NR_BLOCKS; i++) {
		for (unsigned f = 0; f < 2; f++)
			nr += take(&files[f], i, i + 1);
	}
	for (unsigned i = 0; i < NR_BLOCKS; i += 2)
		remove_blocks(&files[0], i, i + 1);
	ck_assert_uint_eq(pool.nr_unclaimed, 5 * SEGMENT_BLOCKS - nr + NR_BLOCKS / 2);
	ck_assert(take(&files[2], 0, pool.nr_unclaimed));
	ck_assert_uint_eq(pool.nr_unclaimed, 0);
	check_all();
}
END_TEST

START_TEST(test_segments_a_nearly_empty_one_becomes_empty)
{
	add_segment();
	ck_assert(take(&files[0], 0, SEGMENT_BLOCKS));
	add_segment();
	ck_assert(take(&files[1], 0, SEGMENT_BLOCKS / 2));
	ck_assert(!segments_choose_victim(&pool));
	remove_blocks(&files[0], 10, SEGMENT_BLOCKS - 10);
	ck_assert(segments_choose_victim(&pool));
	files[0].locked = true;
	ck_assert(!move_one());
	files[0].locked = false;
	while (move_one())
		;
	ck_assert_uint_eq(pool.nr_empty, 1);
	ck_assert(remove_segment(UINT32_MAX, UINT64_MAX));
	check_all();
	ck_assert(!segments_choose_victim(&pool));
}
END_TEST

/* Both could be emptied into the other, again and again. */
START_TEST(test_segments_of_two_only_one_is_emptied)
{
	add_segment();
	ck_assert(take(&files[0], 0, SEGMENT_BLOCKS));
	add_segment();
	ck_assert(take(&files[1], 0, 5));
	remove_blocks(&files[0], 3, SEGMENT_BLOCKS);
	ck_assert_uint_eq(pool.nr_empty, 0);
	ck_assert(segments_choose_victim(&pool));
	while (move_one())
		;
	ck_assert_uint_eq(pool.nr_empty, 1);
	segments_give_up_victim(&pool, false);
	ck_assert(!segments_choose_victim(&pool));
	check_all();
}
END_TEST

START_TEST(test_segments_are_not_emptied_into_an_empty_one)
{
	add_segment();
	ck_assert(take(&files[0], 0, 3));
	add_segment();
	ck_assert(!segments_choose_victim(&pool));
}
END_TEST

START_TEST(test_segments_a_stuck_one_is_left_alone)
{
	add_segment();
	ck_assert(take(&files[0], 0, SEGMENT_BLOCKS));
	add_segment();
	ck_assert(take(&files[1], 0, SEGMENT_BLOCKS / 2));
	remove_blocks(&files[0], 3, SEGMENT_BLOCKS);
	ck_assert(segments_choose_victim(&pool));
	segments_give_up_victim(&pool, true);
	ck_assert(!segments_choose_victim(&pool));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_segments");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 120);
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, test_segments_and_extents_equal_arrays_of_states);
	tcase_add_test(core, test_segments_claim_is_all_or_nothing_or_what_there_is);
	tcase_add_test(core, test_segments_claimed_blocks_keep_their_segment);
	tcase_add_test(core, test_segments_on_a_lost_lun_give_no_blocks);
	tcase_add_test(core, test_segments_on_a_lost_lun_are_closed_when_they_are_unused);
	tcase_add_test(core, test_segments_know_since_when_they_are_empty);
	tcase_add_test(core, test_segments_give_whole_pieces_where_there_are_any);
	tcase_add_test(core, test_segments_appending_makes_one_extent);
	tcase_add_test(core, test_segments_every_block_can_be_had_one_by_one);
	tcase_add_test(core, test_segments_a_nearly_empty_one_becomes_empty);
	tcase_add_test(core, test_segments_a_stuck_one_is_left_alone);
	tcase_add_test(core, test_segments_of_two_only_one_is_emptied);
	tcase_add_test(core, test_segments_are_not_emptied_into_an_empty_one);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
