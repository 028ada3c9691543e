/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the data layer that do no I/O: bitmap, written map, mapping, range locks. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/minmax.h"
#include "data/alloc/slots.h"
#include "data/mapping.h"
#include "data/range_lock.h"
#include "data/written_map.h"

static uint64_t random_state = 88172645463325252ull;

static uint32_t below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 20) % limit);
}

static void random_range(uint32_t limit, uint32_t *ret_from, uint32_t *ret_to)
{
	uint32_t a = below(limit + 1), b = below(4) ? a + below(300) : below(limit + 1);

	if (b > limit)
		b = limit;
	*ret_from = a < b ? a : b;
	*ret_to = a < b ? b : a;
}

/* ---- bitmap ---- */

#define NR_BITS 300u

static size_t count_changes(bool *model, size_t from, size_t to, bool value)
{
	size_t nr = 0;

	for (; from < to; from++) {
		nr += model[from] != value;
		model[from] = value;
	}
	return nr;
}

static size_t model_next(const bool *model, size_t from, size_t to, bool value)
{
	while (from < to && model[from] != value)
		from++;
	return from;
}

START_TEST(test_bitmap_equals_an_array_of_bools)
{
	uint64_t map[BITMAP_WORDS(NR_BITS)] = { 0 };
	bool model[NR_BITS] = { false };

	for (unsigned i = 0; i < 1500; i++) {
		uint32_t from, to;
		size_t last;

		random_range(NR_BITS, &from, &to);
		if (below(2))
			ck_assert_uint_eq(bitmap_set(map, from, to),
					  count_changes(model, from, to, true));
		else
			ck_assert_uint_eq(bitmap_clear(map, from, to),
					  count_changes(model, from, to, false));
		random_range(NR_BITS, &from, &to);
		ck_assert_uint_eq(bitmap_next_set(map, from, to),
				  model_next(model, from, to, true));
		ck_assert_uint_eq(bitmap_next_clear(map, from, to),
				  model_next(model, from, to, false));
		for (last = to; last > 0 && !model[last - 1]; last--)
			;
		ck_assert_uint_eq(bitmap_last_set(map, to), last);
	}
}
END_TEST

/* ---- written map ---- */

static void check_map(const struct written_map *map, const bool *model)
{
	uint32_t from, to, nr = 0;

	for (uint32_t i = 0; i < map->nr_blocks; i++)
		nr += model[i];
	ck_assert_uint_eq(map->nr_written, nr);
	for (unsigned i = 0; i < 20; i++) {
		random_range(map->nr_blocks, &from, &to);
		ck_assert_uint_eq(written_map_next(map, from, to, true),
				  model_next(model, from, to, true));
		ck_assert_uint_eq(written_map_next(map, from, to, false),
				  model_next(model, from, to, false));
		if (from < map->nr_blocks)
			ck_assert(written_map_test(map, from) == model[from]);
	}
}

static void change_map(struct written_map *map, bool *model)
{
	uint32_t from, to;

	random_range(map->nr_blocks, &from, &to);
	if (below(5) < 3) {
		ck_assert_int_eq(written_map_prepare_set(map, from, to), 0);
		if (below(4) == 0) /* a write that failed in the middle */
			to = from + (to - from) / 2;
		written_map_set(map, from, to);
		(void)count_changes(model, from, to, true);
	} else {
		ck_assert_int_eq(written_map_prepare_clear(map, from, to), 0);
		written_map_clear(map, from, to);
		(void)count_changes(model, from, to, false);
	}
}

START_TEST(test_written_map_equals_an_array_of_bools)
{
	static const uint32_t sizes[] = { 16, 4096, 8192, 10000, 65536 };
	uint32_t nr = sizes[_i];
	bool *model = calloc(nr, sizeof(*model));
	struct written_map map;

	ck_assert_int_eq(written_map_init(&map, nr), 0);
	for (unsigned i = 0; i < 400; i++) {
		change_map(&map, model);
		check_map(&map, model);
	}
	written_map_fini(&map);
	free(model);
}
END_TEST

START_TEST(test_written_map_costs_nothing_when_all_or_nothing_is_written)
{
	struct written_map map;

	ck_assert_int_eq(written_map_init(&map, 65536), 0);
	ck_assert_int_eq(written_map_prepare_set(&map, 0, 65536), 0);
	written_map_set(&map, 0, 65535);
	written_map_set(&map, 65535, 65536);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_ptr_eq(map.leaves[i], map.leaves[0]);
	ck_assert_int_eq(written_map_prepare_clear(&map, 0, 65536), 0);
	written_map_clear(&map, 0, 65536);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_ptr_null(map.leaves[i]);
	written_map_fini(&map);
}
END_TEST

/* ---- stripes ---- */

/** Counts the blocks of a group chunk by chunk, in the order of the file. */
static void ck_group(const struct stripes *layout, const struct stripe_group *group)
{
	uint64_t base = group->first * layout->chunk_blocks;
	uint64_t end = base + (uint64_t)group->width * layout->chunk_blocks;
	uint32_t count[8] = { 0 };

	for (uint64_t block = base; block < end; block++) {
		uint32_t from, nr;
		unsigned at = stripe_chunk_of(layout, group, block, &from, &nr);

		for (unsigned i = 0; i < group->width; i++)
			ck_assert_uint_eq(stripe_rank(layout, group, i, block), count[i]);
		ck_assert_uint_eq(from, count[at]++);
		ck_assert_uint_eq(stripe_block_of(layout, group, at, from), block);
		ck_assert_uint_ge(nr, 1);
		ck_assert_uint_eq(stripe_block_of(layout, group, at, from + nr - 1),
				  block + nr - 1);
	}
	for (unsigned i = 0; i < group->width; i++) {
		ck_assert_uint_eq(stripe_rank(layout, group, i, end), layout->chunk_blocks);
		ck_assert_uint_eq(stripe_rank(layout, group, i, UINT64_MAX), layout->chunk_blocks);
	}
}

START_TEST(test_stripes_cover_each_block_once)
{
	struct stripes layout = { .chunk_blocks = 16, .nr_luns = 1 + (unsigned)_i };

	for (layout.stripe_blocks = 1; layout.stripe_blocks <= 16; layout.stripe_blocks *= 2) {
		uint64_t next = 0;

		while (next < 100) {
			struct stripe_group group = stripe_group_of(&layout, next);

			ck_assert_uint_eq(group.first, next);
			ck_assert_uint_le(group.width, max_u64(next + 1, 1));
			ck_assert_uint_le(group.width, layout.nr_luns);
			for (unsigned i = 1; i < group.width; i++)
				ck_assert_uint_eq(stripe_group_of(&layout, next + i).first, next);
			ck_group(&layout, &group);
			next += group.width;
		}
	}
}
END_TEST

/* ---- mapping ---- */

#define VLUN ((struct superpipe_vlun *)(uintptr_t)64) /* never looked into */

static struct allocator alloc = { .luns.nr_luns = 1 };
static struct file_space space = { .alloc = &alloc }; /* whose mapping is tested; no extents */
static struct slots slots;                            /* the only ones */
static struct stripes stripes;

static void slots_start(uint32_t nr)
{
	slots_init(&slots);
	slots.vlun = VLUN;
	ck_assert_int_eq(slots_make_room(&slots, nr), 0);
	slots.nr = nr;
	file_slots_init(&space.slots, 1, false);
	ck_assert_int_eq(file_slots_prepare(&space.slots), 0);
	file_slots_add(&space.slots, &slots);
}

static void map_end(struct mapping *map)
{
	mapping_fini(map);
	file_slots_fini(&space.slots);
	slots_fini(&slots);
}

static void map_start(struct mapping *map, uint32_t nr_slots)
{
	slots_start(nr_slots);
	stripes = (struct stripes){ .chunk_blocks = 16, .nr_luns = 1 };
	mapping_init(map, &space, &stripes);
}

static bool is_empty(const struct mapping *map, uint64_t chunk)
{
	const struct stripe_group unit = mapping_unit_of(map, chunk * 16);

	return mapping_is_empty(map, &unit);
}

START_TEST(test_mapping_takes_the_lowest_free_slot)
{
	struct mapping_run run;
	struct mapping map;

	map_start(&map, 4);
	ck_assert_int_eq(mapping_assign(&map, 1000, 1001), 0);
	ck_assert_int_eq(mapping_assign(&map, 5, 5), 0);
	ck_assert_uint_eq(slots.nr_tail, 3);
	mapping_lookup_place(&map, 5 * 16 + 3, 100, &run);
	ck_assert_uint_eq(run.lba, 2 * 16 + 3);
	ck_assert_uint_eq(run.nr_blocks, 13);
	mapping_remove(&map, 1000, 1000);
	ck_assert_uint_eq(slots.nr_tail, 3);
	ck_assert_int_eq(mapping_assign(&map, 7, 7), 0);
	mapping_lookup_place(&map, 7 * 16, 1, &run);
	ck_assert_uint_eq(run.lba, 0);
	mapping_remove(&map, 5, 5);
	ck_assert_uint_eq(slots.nr_tail, 2);
	mapping_remove(&map, 0, UINT64_MAX - 1);
	ck_assert_uint_eq(slots.nr_tail, 0);
	ck_assert_uint_eq(slots_nr_free(&slots), 4);
	map_end(&map);
}
END_TEST

START_TEST(test_mapping_assigns_from_the_front_until_slots_run_out)
{
	struct mapping map;

	map_start(&map, 3);
	ck_assert_uint_eq(mapping_nr_slots_missing(&map, 10, 14), 5);
	ck_assert_int_eq(mapping_assign(&map, 12, 12), 0);
	ck_assert_uint_eq(mapping_nr_slots_missing(&map, 10, 14), 4);
	ck_assert_int_eq(mapping_assign(&map, 10, 14), 0);
	ck_assert_uint_eq(mapping_first_block_missing(&map, 10 * 16 + 3, 15 * 16), 13 * 16);
	ck_assert_uint_eq(mapping_first_block_missing(&map, 10 * 16, 12 * 16 + 5), 12 * 16 + 5);
	ck_assert_uint_eq(mapping_first_block_missing(&map, 9 * 16 + 3, 12 * 16), 9 * 16 + 3);
	ck_assert_uint_eq(mapping_nr_blocks_missing(&map, 9 * 16 + 3, 15 * 16), 13 + 2 * 16);
	ck_assert_uint_eq(mapping_nr_slots_missing(&map, 0, UINT64_MAX >> 12),
			  (UINT64_MAX >> 12) - 2);
	map_end(&map);
}
END_TEST

static void ck_lba(const struct mapping *map, uint64_t chunk, uint64_t slot)
{
	struct mapping_run run;

	mapping_lookup_place(map, chunk * 16, 1, &run);
	ck_assert_uint_eq(run.lba, slot * 16);
}

START_TEST(test_mapping_assigns_between_what_is_there)
{
	struct mapping map;

	map_start(&map, 40);
	ck_assert_int_eq(mapping_assign(&map, 20, 20), 0);
	ck_assert_int_eq(mapping_assign(&map, 3, 3), 0);
	ck_assert_int_eq(mapping_assign(&map, 5, 6), 0);
	ck_assert_int_eq(mapping_assign(&map, 90, 90), 0);
	ck_assert_int_eq(mapping_assign(&map, 2, 21), 0);
	ck_assert_uint_eq(map.nr_chunks, 21);
	ck_assert_uint_eq(mapping_nr_slots_missing(&map, 2, 21), 0);
	ck_lba(&map, 20, 0);
	ck_lba(&map, 3, 1);
	ck_lba(&map, 6, 3);
	ck_lba(&map, 90, 4);
	ck_lba(&map, 2, 5);
	ck_lba(&map, 4, 6);
	ck_lba(&map, 19, 19);
	ck_lba(&map, 21, 20);
	ck_assert_int_eq(mapping_assign(&map, 0, 89), 0);
	ck_assert_uint_eq(map.nr_chunks, 40);
	ck_assert_uint_eq(mapping_first_block_missing(&map, 0, 90 * 16), 39 * 16);
	ck_lba(&map, 90, 4);
	map_end(&map);
}
END_TEST

START_TEST(test_mapping_finds_chunks_that_hold_nothing)
{
	struct mapping map;

	map_start(&map, 8);
	ck_assert_int_eq(mapping_assign(&map, 2, 6), 0);
	ck_assert_int_eq(mapping_reserve(&map, 47, 49), 0);
	ck_assert_int_eq(mapping_prepare_set(&map, 5 * 16, 5 * 16 + 1), 0);
	mapping_set(&map, 5 * 16, 5 * 16 + 1);
	ck_assert_uint_eq(mapping_next_empty(&map, 0, 9), 4);
	ck_assert_uint_eq(mapping_next_empty(&map, 5, 9), 6);
	ck_assert_uint_eq(mapping_next_empty(&map, 5, 5), UINT64_MAX);
	ck_assert_uint_eq(mapping_next_empty(&map, 7, 9), UINT64_MAX);
	map_end(&map);
}
END_TEST

START_TEST(test_mapping_runs_end_where_the_state_changes)
{
	struct mapping_run run;
	struct mapping map;

	map_start(&map, 2);
	ck_assert_int_eq(mapping_assign(&map, 2, 3), 0);
	ck_assert_int_eq(mapping_prepare_set(&map, 0, 64), 0);
	mapping_set(&map, 40, 50);
	ck_assert_uint_eq(map.nr_allocated, 10);
	mapping_lookup(&map, 3, 1000, &run);
	ck_assert_ptr_null(run.vlun);
	ck_assert_uint_eq(run.nr_blocks, 29); /* up to the first chunk */
	mapping_lookup(&map, 32, 1000, &run);
	ck_assert_ptr_null(run.vlun);
	ck_assert_uint_eq(run.nr_blocks, 8);
	mapping_lookup(&map, 40, 1000, &run);
	ck_assert_ptr_eq(run.vlun, VLUN);
	ck_assert_uint_eq(run.nr_blocks, 8); /* up to the end of the chunk */
	ck_assert_uint_eq(mapping_next(&map, 0, true), 40);
	ck_assert_uint_eq(mapping_next(&map, 41, false), 50);
	ck_assert_uint_eq(mapping_next(&map, 50, true), UINT64_MAX);
	ck_assert_uint_eq(mapping_next(&map, 1000000, false), 1000000);
	ck_assert(!is_empty(&map, 2));
	ck_assert_int_eq(mapping_prepare_clear(&map, 0, UINT64_MAX), 0);
	mapping_clear(&map, 0, UINT64_MAX);
	ck_assert(is_empty(&map, 2));
	ck_assert_int_eq(mapping_reserve(&map, 33, 34), 0);
	ck_assert(!is_empty(&map, 2));
	map_end(&map);
}
END_TEST

#define NR_MODEL_BLOCKS (2 * 2 * WRITTEN_LEAF_BLOCKS)

struct allocated_model {
	bool written[NR_MODEL_BLOCKS], reserved[NR_MODEL_BLOCKS];
};

static void change_allocated(struct mapping *map, struct allocated_model *model)
{
	uint32_t from, to, from2, to2;

	random_range(NR_MODEL_BLOCKS, &from, &to);
	random_range(NR_MODEL_BLOCKS, &from2, &to2);
	switch (from < to ? below(3) : 3) {
	case 0:
		ck_assert_int_eq(mapping_prepare_set(map, from, to), 0);
		/* While the write is in flight another part of the file is reserved. */
		if (to2 > from2 && (to2 <= from || from2 >= to)) {
			ck_assert_int_eq(mapping_reserve(map, from2, to2), 0);
			(void)count_changes(model->reserved, from2, to2, true);
		}
		mapping_set(map, from, to);
		(void)count_changes(model->written, from, to, true);
		break;
	case 1:
		ck_assert_int_eq(mapping_reserve(map, from, to), 0);
		(void)count_changes(model->reserved, from, to, true);
		break;
	case 2:
		ck_assert_int_eq(mapping_prepare_clear(map, from, to), 0);
		mapping_clear(map, from, to);
		(void)count_changes(model->written, from, to, false);
		(void)count_changes(model->reserved, from, to, false);
		break;
	}
}

START_TEST(test_mapping_counts_blocks_written_or_reserved)
{
	static struct allocated_model model;
	struct mapping map;

	random_state += (uint64_t)_i;
	slots_start(2);
	stripes = (struct stripes){ .chunk_blocks = NR_MODEL_BLOCKS / 2, .nr_luns = 1 };
	mapping_init(&map, &space, &stripes);
	ck_assert_int_eq(mapping_assign(&map, 0, 1), 0);
	memset(&model, 0, sizeof(model));
	for (unsigned n = 0; n < 300; n++) {
		uint64_t nr_allocated = 0;

		change_allocated(&map, &model);
		for (uint32_t i = 0; i < NR_MODEL_BLOCKS; i++)
			nr_allocated += model.written[i] || model.reserved[i];
		ck_assert_uint_eq(map.nr_allocated, nr_allocated);
		ck_assert_uint_eq(mapping_next(&map, 0, true) == UINT64_MAX,
				  model_next(model.written, 0, NR_MODEL_BLOCKS, true) ==
					  NR_MODEL_BLOCKS);
	}
	mapping_remove(&map, 0, 1);
	ck_assert_uint_eq(map.nr_allocated, 0);
	map_end(&map);
}
END_TEST

/* ---- range locks ---- */

static bool take(struct range_lock *lock, struct range_lock_entry *entry, uint64_t start,
		 uint64_t end, bool exclusive)
{
	entry->start = start;
	entry->end = end;
	entry->exclusive = exclusive;
	return range_lock_acquire(lock, entry);
}

START_TEST(test_range_lock_is_shared_by_readers_only)
{
	struct range_lock_entry r1, r2, w1, w2;
	struct range_lock lock;

	range_lock_init(&lock);
	ck_assert(take(&lock, &r1, 0, 10, false));
	ck_assert(take(&lock, &r2, 5, 15, false));
	ck_assert(!take(&lock, &w1, 9, 10, true));
	ck_assert(take(&lock, &w2, 15, RANGE_LOCK_END, true));
	ck_assert_ptr_null(range_lock_release(&lock, &r2));
	ck_assert_ptr_eq(range_lock_release(&lock, &r1), &w1);
	ck_assert_ptr_null(w1.next_granted);
	ck_assert(range_lock_writing(&lock, 0, 10, NULL));
	ck_assert(!range_lock_writing(&lock, 0, 10, &w1));
	ck_assert(!range_lock_writing(&lock, 10, 15, NULL));
	ck_assert_ptr_null(range_lock_release(&lock, &w1));
	ck_assert_ptr_null(range_lock_release(&lock, &w2));
}
END_TEST

START_TEST(test_range_lock_readers_do_not_starve_a_writer)
{
	struct range_lock_entry r1, r2, r3, w;
	struct range_lock lock;

	range_lock_init(&lock);
	ck_assert(take(&lock, &r1, 0, 10, false));
	ck_assert(!take(&lock, &w, 0, 20, true));
	ck_assert(!take(&lock, &r2, 0, 10, false));
	ck_assert(!take(&lock, &r3, 15, 20, false)); /* behind the waiting writer */
	ck_assert_ptr_eq(range_lock_release(&lock, &r1), &w);
	ck_assert_ptr_null(w.next_granted);
	ck_assert_ptr_eq(range_lock_release(&lock, &w), &r2);
	ck_assert_ptr_eq(r2.next_granted, &r3);
	ck_assert_ptr_null(r3.next_granted);
	ck_assert_ptr_null(range_lock_release(&lock, &r3));
	ck_assert_ptr_null(range_lock_release(&lock, &r2));
}
END_TEST

#define NR_ENTRIES 24

struct lock_model {
	struct range_lock lock;
	struct range_lock_entry entries[NR_ENTRIES];
	enum { IDLE, WAITING, HELD } states[NR_ENTRIES];
	unsigned order[NR_ENTRIES], clock;
};

static bool conflict(const struct range_lock_entry *a, const struct range_lock_entry *b)
{
	return (a->exclusive || b->exclusive) && a->start < b->end && b->start < a->end;
}

/** Held: nothing held or earlier conflicts. Waiting: something held or earlier does. */
static void check_locks(const struct lock_model *model)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < NR_ENTRIES; i++) {
		bool blocked = false;

		for (unsigned j = 0; j < NR_ENTRIES && model->states[i] != IDLE; j++) {
			if (i == j || model->states[j] == IDLE ||
			    !conflict(&model->entries[i], &model->entries[j]))
				continue;
			if (model->states[j] == HELD || model->order[j] < model->order[i])
				blocked = true;
		}
		wrong += blocked != (model->states[i] == WAITING);
	}
	ck_assert_uint_eq(wrong, 0);
}

START_TEST(test_range_lock_is_first_come_first_served)
{
	static struct lock_model model;

	range_lock_init(&model.lock);
	for (unsigned n = 0; n < 8000; n++) {
		unsigned i = below(NR_ENTRIES);
		struct range_lock_entry *entry = &model.entries[i];

		if (model.states[i] == IDLE) {
			uint64_t start = below(100);

			model.order[i] = ++model.clock;
			model.states[i] =
				take(&model.lock, entry, start,
				     below(10) ? start + 1 + below(20) : RANGE_LOCK_END, below(2))
					? HELD
					: WAITING;
		} else if (model.states[i] == HELD) {
			model.states[i] = IDLE;
			entry = range_lock_release(&model.lock, entry);
			for (; entry; entry = entry->next_granted)
				model.states[entry - model.entries] = HELD;
		}
		check_locks(&model);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_parts");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 0);
	tcase_add_test(core, test_bitmap_equals_an_array_of_bools);
	tcase_add_loop_test(core, test_written_map_equals_an_array_of_bools, 0, 5);
	tcase_add_test(core, test_written_map_costs_nothing_when_all_or_nothing_is_written);
	tcase_add_loop_test(core, test_stripes_cover_each_block_once, 0, 8);
	tcase_add_test(core, test_mapping_takes_the_lowest_free_slot);
	tcase_add_test(core, test_mapping_assigns_from_the_front_until_slots_run_out);
	tcase_add_test(core, test_mapping_assigns_between_what_is_there);
	tcase_add_test(core, test_mapping_finds_chunks_that_hold_nothing);
	tcase_add_test(core, test_mapping_runs_end_where_the_state_changes);
	tcase_add_loop_test(core, test_mapping_counts_blocks_written_or_reserved, 0, 5);
	tcase_add_test(core, test_range_lock_is_shared_by_readers_only);
	tcase_add_test(core, test_range_lock_readers_do_not_starve_a_writer);
	tcase_add_test(core, test_range_lock_is_first_come_first_served);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
