/* SPDX-License-Identifier: Apache-2.0 */
/* The two containers of the tree: the ordered map and the table of numbers. */
#include "check_tree.h"

#include "tree/btree.h"
#include "tree/itable.h"

static char value_of_key[4096]; /* any distinct addresses will do as values */

static void add(struct tree_btree *btree, uint64_t key)
{
	ck_assert_int_eq(tree_btree_add(btree, malloc, key, &value_of_key[key % 4096]), 0);
}

START_TEST(test_btree_keeps_keys_in_order)
{
	struct tree_btree btree = { NULL };
	struct tree_btree_pos pos;
	uint64_t key = 0, nr = 0;

	for (uint64_t i = 0; i < 50000; i++)
		add(&btree, i * 7919 % 50000);
	ck_assert_uint_eq(tree_btree_check(&btree), 50000);
	for (pos = tree_btree_seek(&btree, 0); tree_btree_at(&pos, &key); tree_btree_next(&pos))
		ck_assert_uint_eq(key, nr++);
	ck_assert_uint_eq(nr, 50000);
	tree_btree_fini(&btree);
}
END_TEST

START_TEST(test_btree_seek_finds_next_higher_key)
{
	struct tree_btree btree = { NULL };
	struct tree_btree_pos pos;
	uint64_t key = 0;

	for (uint64_t i = 1; i <= 1000; i++)
		add(&btree, i * 10);
	for (uint64_t i = 0; i <= 10000; i++) {
		pos = tree_btree_seek(&btree, i);
		ck_assert_ptr_nonnull(tree_btree_at(&pos, &key));
		ck_assert_uint_eq(key, i ? (i + 9) / 10 * 10 : 10);
	}
	pos = tree_btree_seek(&btree, 10001);
	ck_assert_ptr_null(tree_btree_at(&pos, &key));
	tree_btree_fini(&btree);
}
END_TEST

START_TEST(test_btree_of_no_keys_has_no_places)
{
	struct tree_btree btree = { NULL };
	struct tree_btree_pos pos = tree_btree_seek(&btree, 0);
	uint64_t key;

	ck_assert_ptr_null(tree_btree_at(&pos, &key));
	add(&btree, UINT64_MAX);
	tree_btree_remove(&btree, UINT64_MAX);
	ck_assert_ptr_null(btree.root);
	ck_assert_uint_eq(tree_btree_check(&btree), 0);
}
END_TEST

static size_t node_bytes;

static void *counting_alloc(size_t bytes)
{
	node_bytes += bytes;
	return malloc(bytes);
}

START_TEST(test_btree_of_one_key_is_small)
{
	struct tree_btree btree = { NULL };

	node_bytes = 0;
	ck_assert_int_eq(tree_btree_add(&btree, counting_alloc, 1, value_of_key), 0);
	ck_assert_uint_le(node_bytes, 96);
	tree_btree_fini(&btree);
}
END_TEST

/* Removes in ascending, descending and mixed order, with a check after each. */
START_TEST(test_btree_stays_sound_while_it_empties)
{
	for (int order = 0; order < 3; order++) {
		struct tree_btree btree = { NULL };
		const uint64_t nr = 3000;

		for (uint64_t i = 0; i < nr; i++)
			add(&btree, i);
		for (uint64_t i = 0; i < nr; i++) {
			uint64_t key = order == 0 ? i : order == 1 ? nr - 1 - i : i * 1789 % nr;

			ck_assert_ptr_eq(tree_btree_remove(&btree, key), &value_of_key[key]);
			ck_assert_uint_eq(tree_btree_check(&btree), nr - 1 - i);
		}
		ck_assert_ptr_null(btree.root);
	}
}
END_TEST

START_TEST(test_btree_is_unchanged_when_memory_runs_out)
{
	struct tree_btree btree = { NULL };
	uint64_t state = 3, key = 0;
	int nr_failures = 0;

	for (uint64_t nr = 0; nr < 20000; nr++) {
		key += 1 + pick(&state, 5);
		allocs_until_failure = 1;
		if (tree_btree_add(&btree, failing_alloc, key * 7919 % 1000003, &key) == -ENOMEM) {
			nr_failures++;
			ck_assert_uint_eq(tree_btree_check(&btree), nr);
			allocs_until_failure = 0;
			ck_assert_int_eq(tree_btree_add(&btree, failing_alloc, key * 7919 % 1000003,
							&key),
					 0);
		}
	}
	ck_assert_int_gt(nr_failures, 100);
	ck_assert_uint_eq(tree_btree_check(&btree), 20000);
	tree_btree_fini(&btree);
}
END_TEST

/* Against the simplest map there is: an array that says which keys are in. */
START_TEST(test_btree_agrees_with_an_array)
{
	enum { NR = 2000 };
	struct tree_btree btree = { NULL };
	uint64_t state = seed_of("btree"), key, seen;
	static bool in[NR];
	size_t nr = 0;

	memset(in, 0, sizeof(in));
	for (unsigned long step = 0; step < steps_of(100000); step++) {
		/* Whole phases of growing and shrinking, so that all depths come about. */
		bool grow = pick(&state, 100) < (step / 5000 % 2 ? 25 : 75);

		key = pick(&state, NR);
		if (grow && !in[key]) {
			add(&btree, key);
			in[key] = true;
			nr++;
		} else if (!grow && in[key]) {
			ck_assert_ptr_eq(tree_btree_remove(&btree, key), &value_of_key[key]);
			in[key] = false;
			nr--;
		}
		if (step % 16 == 0) {
			struct tree_btree_pos pos = tree_btree_seek(&btree, key);
			uint64_t next = key;

			while (next < NR && !in[next])
				next++;
			if (next == NR) {
				ck_assert_ptr_null(tree_btree_at(&pos, &seen));
			} else {
				ck_assert_ptr_nonnull(tree_btree_at(&pos, &seen));
				ck_assert_uint_eq(seen, next);
			}
			ck_assert_uint_eq(tree_btree_check(&btree), nr);
		}
	}
	tree_btree_fini(&btree);
}
END_TEST

static struct tree_inode inodes[3 * TREE_INO_REUSE_DELAY];

static uint64_t number(struct tree_itable *table, unsigned index)
{
	ck_assert_int_eq(tree_itable_reserve(table, malloc), 0);
	return tree_itable_add(table, &inodes[index]);
}

START_TEST(test_itable_gives_numbers_from_one_up)
{
	struct tree_itable table;

	tree_itable_init(&table);
	for (unsigned i = 0; i < 3 * TREE_INO_REUSE_DELAY; i++)
		ck_assert_uint_eq(number(&table, i), i + 1);
	for (unsigned i = 0; i < 3 * TREE_INO_REUSE_DELAY; i++)
		ck_assert_ptr_eq(tree_itable_get(&table, i + 1), &inodes[i]);
	ck_assert_ptr_null(tree_itable_get(&table, 0));
	ck_assert_ptr_null(tree_itable_get(&table, 3 * TREE_INO_REUSE_DELAY + 1));
	ck_assert_ptr_null(tree_itable_get(&table, UINT64_MAX));
	tree_itable_fini(&table);
}
END_TEST

START_TEST(test_itable_lets_numbers_rest_in_the_order_freed)
{
	struct tree_itable table;

	tree_itable_init(&table);
	for (unsigned i = 0; i < 2000; i++)
		(void)number(&table, i);
	for (unsigned i = 0; i < 2000; i++)
		tree_itable_remove(&table, 2000 - i);
	ck_assert(tree_itable_check(&table));
	ck_assert_ptr_null(tree_itable_get(&table, 2000));
	for (unsigned i = 0; i < 2000 - TREE_INO_REUSE_DELAY; i++)
		ck_assert_uint_eq(number(&table, i), 2000 - i);
	ck_assert_uint_eq(number(&table, 2000), 2001); /* the others have not rested long enough */
	ck_assert(tree_itable_check(&table));
	tree_itable_fini(&table);
}
END_TEST

START_TEST(test_itable_grows_past_many_pages)
{
	struct tree_itable table;

	tree_itable_init(&table);
	for (unsigned i = 0; i < 200000; i++)
		ck_assert_uint_eq(number(&table, i % TREE_INO_REUSE_DELAY), i + 1);
	ck_assert_ptr_eq(tree_itable_get(&table, 123457), &inodes[123456 % TREE_INO_REUSE_DELAY]);
	ck_assert(tree_itable_check(&table));
	tree_itable_fini(&table);
}
END_TEST

START_TEST(test_itable_without_memory_reserves_nothing)
{
	struct tree_itable table;

	tree_itable_init(&table);
	for (int failure = 1; failure <= 2; failure++) {
		allocs_until_failure = failure;
		ck_assert_int_eq(tree_itable_reserve(&table, failing_alloc), -ENOMEM);
		ck_assert(tree_itable_check(&table));
	}
	allocs_until_failure = 0;
	ck_assert_uint_eq(number(&table, 0), 1);
	tree_itable_fini(&table);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree containers");
	TCase *btree = tcase_create("btree"), *itable = tcase_create("itable");

	tcase_set_timeout(btree, 300);
	tcase_add_test(btree, test_btree_keeps_keys_in_order);
	tcase_add_test(btree, test_btree_seek_finds_next_higher_key);
	tcase_add_test(btree, test_btree_of_no_keys_has_no_places);
	tcase_add_test(btree, test_btree_of_one_key_is_small);
	tcase_add_test(btree, test_btree_stays_sound_while_it_empties);
	tcase_add_test(btree, test_btree_is_unchanged_when_memory_runs_out);
	tcase_add_test(btree, test_btree_agrees_with_an_array);
	suite_add_tcase(suite, btree);
	tcase_set_timeout(itable, 300);
	tcase_add_test(itable, test_itable_gives_numbers_from_one_up);
	tcase_add_test(itable, test_itable_lets_numbers_rest_in_the_order_freed);
	tcase_add_test(itable, test_itable_grows_past_many_pages);
	tcase_add_test(itable, test_itable_without_memory_reserves_nothing);
	suite_add_tcase(suite, itable);
	return run_suite(suite);
}
