/* SPDX-License-Identifier: Apache-2.0 */
/* How much of its LUNs a volume may use, and what of that is for privileged operations only. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"

#define BLOCK        4096u
#define CHUNK_BLOCKS 16u
#define CHUNK        (CHUNK_BLOCKS * BLOCK)
#define PACK_BLOCKS  4u
#define NR_CHUNKS    32u /* of a LUN */
#define NR_FILES     600u

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *files[NR_FILES];
static uint8_t *buf;
static bool spare; /* operations leave the reserve alone */

static void start_on(unsigned nr_luns, uint64_t pack_bytes)
{
	struct fake_config config = { .nr_threads = 1, .nr_luns = nr_luns };

	sp = fake_new(&config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, pack_bytes);
	for (unsigned i = 0; i < NR_FILES; i++)
		files[i] = data_file_new(vol);
	buf = aligned_alloc(BLOCK, NR_CHUNKS * CHUNK);
	memset(buf, 1, NR_CHUNKS * CHUNK);
	spare = false;
}

static void start_unpacked(void)
{
	start_on(1, 0);
}

static void start_packed(void)
{
	start_on(1, PACK_BLOCKS * BLOCK);
}

static void start_two_luns(void)
{
	start_on(2, 0);
}

static struct data_volume_stats stats_of(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats;
}

static uint64_t free_blocks(void)
{
	return stats_of().nr_free_blocks;
}

static void free_file(unsigned i)
{
	data_file_free(files[i]);
	files[i] = NULL;
}

static void free_files(void)
{
	for (unsigned i = 0; i < NR_FILES; i++)
		free_file(i);
}

static void stop(void)
{
	struct data_volume_stats stats;

	free_files();
	/* A move that runs may still hold a freed file. */
	for (int tries = 0; stats_of().nr_free_chunks != stats_of().nr_chunks && tries < 10000;
	     tries++)
		usleep(1000);
	stats = stats_of();
	ck_assert_uint_eq(stats.nr_free_chunks, stats.nr_chunks);
	ck_assert_uint_eq(stats.nr_free_blocks, stats.nr_chunks * CHUNK_BLOCKS);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
	free(buf);
}

static ssize_t run(unsigned i, enum data_op_kind kind, uint64_t offset, uint64_t bytes)
{
	struct data_op op = { .file = files[i],
			      .kind = kind,
			      .offset = offset,
			      .bytes = bytes,
			      .buf = buf,
			      .keeps_reserve = spare };

	return data_run(&op);
}

static ssize_t put(unsigned i, uint64_t offset, uint64_t bytes)
{
	return run(i, DATA_OP_WRITE, offset, bytes);
}

static int limit(uint64_t size_bytes, uint64_t reserve_bytes)
{
	struct data_limits limits = { .size_bytes = size_bytes, .reserve_bytes = reserve_bytes };

	return data_volume_set_limits(vol, &limits);
}

static uint64_t held_chunks(unsigned nr_luns)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < nr_luns; i++)
		nr += NR_CHUNKS - fake_free_chunks(sp, i);
	return nr;
}

START_TEST(test_space_size_is_all_that_a_file_can_have)
{
	ck_assert_int_eq(limit(5 * CHUNK + CHUNK / 2, 0), 0);
	ck_assert_uint_eq(stats_of().nr_chunks, 5);
	ck_assert_uint_eq(free_blocks(), 5 * CHUNK_BLOCKS);
	ck_assert_int_eq(put(0, 0, NR_CHUNKS * CHUNK), 5 * CHUNK);
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_uint_eq(held_chunks(1), 5);
	ck_assert_int_eq(put(1, 0, 1), -ENOSPC);
	ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, 4 * CHUNK, 0), 0);
	ck_assert_uint_eq(free_blocks(), CHUNK_BLOCKS);
	ck_assert_int_eq(put(1, 0, CHUNK), CHUNK);
	ck_assert_int_eq(put(0, 4 * CHUNK, 1), -ENOSPC);
	free_file(1);
	ck_assert_int_eq(put(0, 4 * CHUNK, CHUNK), CHUNK);
}
END_TEST

START_TEST(test_space_allocation_beyond_the_size_takes_nothing)
{
	ck_assert_int_eq(limit(5 * CHUNK, 0), 0);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, 6 * CHUNK), -ENOSPC);
	ck_assert_uint_eq(free_blocks(), 5 * CHUNK_BLOCKS);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, 5 * CHUNK), 0);
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_int_eq(run(1, DATA_OP_ZERO, 0, BLOCK), -ENOSPC);
}
END_TEST

START_TEST(test_space_many_files_fill_the_size)
{
	unsigned i;

	ck_assert_int_eq(limit(20 * CHUNK, 0), 0);
	for (i = 0; put(i, 0, 1) == 1; i++)
		ck_assert_uint_le(held_chunks(1), 20);
	ck_assert_uint_eq(i, 20);
	ck_assert_uint_eq(free_blocks(), 0);
}
END_TEST

START_TEST(test_space_small_files_fill_the_size_to_the_last_block)
{
	ck_assert_int_eq(limit(3 * CHUNK, 0), 0);
	for (unsigned i = 0; i < 3 * CHUNK_BLOCKS; i++) {
		ck_assert_uint_eq(free_blocks(), 3 * CHUNK_BLOCKS - i);
		ck_assert_int_eq(put(i, 0, 100), 100);
	}
	ck_assert_int_eq(put(NR_FILES - 1, 0, 1), -ENOSPC);
	ck_assert_uint_eq(held_chunks(1), 3);
	free_file(17);
	ck_assert_int_eq(put(NR_FILES - 1, 0, 1), 1);
}
END_TEST

START_TEST(test_space_size_may_grow_and_shrink_while_files_are_there)
{
	ck_assert_int_eq(put(0, 0, 5 * CHUNK), 5 * CHUNK);
	ck_assert_int_eq(limit(4 * CHUNK, 0), -EINVAL);
	ck_assert_uint_eq(stats_of().nr_chunks, NR_CHUNKS);
	ck_assert_int_eq(limit(5 * CHUNK, 0), 0);
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_int_eq(put(0, 5 * CHUNK, 1), -ENOSPC);
	ck_assert_int_eq(limit(6 * CHUNK, 0), 0);
	ck_assert_int_eq(put(0, 5 * CHUNK, 1), 1);
	ck_assert_int_eq(put(0, 6 * CHUNK, 1), -ENOSPC);
	ck_assert_int_eq(limit(0, 0), 0);
	ck_assert_uint_eq(stats_of().nr_chunks, NR_CHUNKS);
	ck_assert_int_eq(put(0, 0, NR_CHUNKS * CHUNK), NR_CHUNKS * CHUNK);
	ck_assert_int_eq(limit(CHUNK - 1, 0), -EINVAL);
}
END_TEST

/* A chunk ahead of each file, empty segments and vLUNs of the pool are no use of the volume. */
START_TEST(test_space_size_counts_nothing_that_is_held_ahead)
{
	data_volume_set_idle_ms(vol, 1000000);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(put(i, 0, CHUNK - BLOCK), CHUNK - BLOCK);
	for (int tries = 0; held_chunks(1) == 6 && tries < 1000; tries++)
		usleep(1000);
	ck_assert_uint_gt(held_chunks(1), 6);
	ck_assert_int_eq(limit(6 * CHUNK, 0), 0);
	ck_assert_uint_eq(held_chunks(1), 6);
}
END_TEST

START_TEST(test_space_size_is_of_all_luns)
{
	ck_assert_int_eq(limit(40 * CHUNK, 0), 0);
	ck_assert_int_eq(put(0, 0, 20 * CHUNK), 20 * CHUNK);
	ck_assert_int_eq(put(1, 0, 20 * CHUNK), 20 * CHUNK);
	ck_assert_uint_eq(held_chunks(2), 40);
	ck_assert_int_eq(put(2, 0, 1), -ENOSPC);
	free_file(0);
	ck_assert_int_eq(put(2, 0, 20 * CHUNK), 20 * CHUNK);
	ck_assert_uint_eq(free_blocks(), 0);
}
END_TEST

/* What one LUN holds ahead of need goes back for a file on the other. */
START_TEST(test_space_size_takes_back_what_another_lun_holds_ahead)
{
	data_volume_set_idle_ms(vol, 1000000);
	ck_assert_int_eq(put(0, 0, CHUNK - BLOCK), CHUNK - BLOCK);
	for (int tries = 0; held_chunks(2) == 1 && tries < 1000; tries++)
		usleep(1000);
	ck_assert_uint_eq(held_chunks(2), 2);
	ck_assert_int_eq(limit(3 * CHUNK, 0), 0);
	ck_assert_int_eq(put(1, 0, 2 * CHUNK), 2 * CHUNK);
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_uint_eq(held_chunks(2), 3);
}
END_TEST

START_TEST(test_space_reserve_of_chunks_is_for_the_privileged)
{
	ck_assert_int_eq(limit(0, 2 * CHUNK), 0);
	ck_assert_uint_eq(stats_of().nr_reserved_blocks, 2 * CHUNK_BLOCKS);
	spare = true;
	ck_assert_int_eq(put(0, 0, NR_CHUNKS * CHUNK), (NR_CHUNKS - 2) * CHUNK);
	ck_assert_uint_eq(free_blocks(), 2 * CHUNK_BLOCKS);
	ck_assert_int_eq(put(1, 0, 1), -ENOSPC);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, 0, 1), -ENOSPC);
	ck_assert_int_eq(put(0, 10, BLOCK), BLOCK); /* has its place */
	spare = false;
	ck_assert_int_eq(put(1, 0, CHUNK), CHUNK);
	ck_assert_int_eq(run(2, DATA_OP_ALLOCATE, 0, CHUNK), 0);
	ck_assert_uint_eq(free_blocks(), 0);
	free_file(2);
	spare = true;
	ck_assert_int_eq(put(3, 0, 1), -ENOSPC);
	ck_assert_int_eq(limit(0, 0), 0);
	ck_assert_int_eq(put(3, 0, 1), 1);
}
END_TEST

START_TEST(test_space_reserve_is_exact_to_the_block_with_segments)
{
	const uint64_t nr_blocks = NR_CHUNKS * CHUNK_BLOCKS;
	unsigned i;

	ck_assert_int_eq(limit(0, 7 * BLOCK - 1), 0);
	spare = true;
	for (i = 0; put(i, 0, 10) == 10; i++)
		;
	ck_assert_uint_eq(i, nr_blocks - 7);
	ck_assert_uint_eq(free_blocks(), 7);
	spare = false;
	for (unsigned more = 0; more < 7; more++)
		ck_assert_int_eq(put(i + more, 0, 10), 10);
	ck_assert_int_eq(put(i + 7, 0, 10), -ENOSPC);
}
END_TEST

START_TEST(test_space_reserve_leaves_a_large_file_all_other_blocks)
{
	ck_assert_int_eq(limit(0, 7 * BLOCK), 0);
	spare = true;
	ck_assert_int_eq(put(1, 0, BLOCK), BLOCK);
	ck_assert_int_eq(put(0, 0, NR_CHUNKS * CHUNK), NR_CHUNKS * CHUNK - 8 * BLOCK);
	ck_assert_uint_eq(free_blocks(), 7);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), -ENOSPC);
	ck_assert_uint_eq(free_blocks(), 7);
	spare = false;
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK - BLOCK), 0);
	ck_assert_uint_eq(free_blocks(), 0);
}
END_TEST

START_TEST(test_space_reserve_is_asked_for_only_when_it_is_near)
{
	ck_assert(!data_volume_may_reach_reserve(vol, NR_CHUNKS * CHUNK));
	ck_assert_int_eq(limit(0, CHUNK), 0);
	ck_assert(!data_volume_may_reach_reserve(vol, CHUNK));
	ck_assert(data_volume_may_reach_reserve(vol, NR_CHUNKS * CHUNK));
	ck_assert_int_eq(put(0, 0, (NR_CHUNKS - 3) * CHUNK), (NR_CHUNKS - 3) * CHUNK);
	ck_assert(data_volume_may_reach_reserve(vol, 1));
}
END_TEST

START_TEST(test_space_reserve_may_be_a_part_of_the_size)
{
	struct data_limits limits = { .size_bytes = 20 * CHUNK, .reserve_ppm = 50000 };

	ck_assert_int_eq(data_volume_set_limits(vol, &limits), 0);
	ck_assert_uint_eq(stats_of().nr_reserved_blocks, CHUNK_BLOCKS);
	limits.reserve_ppm = 1000000;
	ck_assert_int_eq(data_volume_set_limits(vol, &limits), 0);
	spare = true;
	ck_assert_int_eq(put(0, 0, 1), -ENOSPC);
	limits.reserve_ppm = 1000001;
	ck_assert_int_eq(data_volume_set_limits(vol, &limits), -EINVAL);
	ck_assert_int_eq(limit(20 * CHUNK, 20 * CHUNK + 1), -EINVAL);
	ck_assert_int_eq(limit(20 * CHUNK, UINT64_MAX), -EINVAL);
	ck_assert_uint_eq(stats_of().nr_reserved_blocks, 20 * CHUNK_BLOCKS);
}
END_TEST

/* ---- several threads ---- */

#define NR_THREADS 4u
#define PER_THREAD 140u

static void *fill(void *arg)
{
	unsigned first = *(unsigned *)arg;
	uint8_t *own = aligned_alloc(BLOCK, BLOCK);

	memset(own, 2, BLOCK);
	for (unsigned i = first; i < first + PER_THREAD; i++) {
		struct data_op op = { .file = files[i],
				      .kind = DATA_OP_WRITE,
				      .bytes = BLOCK,
				      .buf = own,
				      .keeps_reserve = true };
		ssize_t result = data_run(&op);

		ck_assert(result == BLOCK || result == -ENOSPC);
	}
	free(own);
	return NULL;
}

START_TEST(test_space_reserve_is_exact_with_many_writers)
{
	pthread_t threads[NR_THREADS];
	unsigned first[NR_THREADS];

	ck_assert_int_eq(limit(0, 33 * BLOCK), 0);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		first[i] = i * PER_THREAD;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fill, &first[i]), 0);
	}
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(free_blocks(), 33);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, void (*setup)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, stop);
	tcase_set_timeout(tcase, 0);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_unpacked(TCase *tcase)
{
	tcase_add_test(tcase, test_space_size_is_all_that_a_file_can_have);
	tcase_add_test(tcase, test_space_allocation_beyond_the_size_takes_nothing);
	tcase_add_test(tcase, test_space_many_files_fill_the_size);
	tcase_add_test(tcase, test_space_size_may_grow_and_shrink_while_files_are_there);
	tcase_add_test(tcase, test_space_size_counts_nothing_that_is_held_ahead);
	tcase_add_test(tcase, test_space_reserve_of_chunks_is_for_the_privileged);
	tcase_add_test(tcase, test_space_reserve_is_asked_for_only_when_it_is_near);
	tcase_add_test(tcase, test_space_reserve_may_be_a_part_of_the_size);
}

static void add_packed(TCase *tcase)
{
	tcase_add_test(tcase, test_space_size_is_all_that_a_file_can_have);
	tcase_add_test(tcase, test_space_allocation_beyond_the_size_takes_nothing);
	tcase_add_test(tcase, test_space_small_files_fill_the_size_to_the_last_block);
	tcase_add_test(tcase, test_space_reserve_is_exact_to_the_block_with_segments);
	tcase_add_test(tcase, test_space_reserve_leaves_a_large_file_all_other_blocks);
	tcase_add_test(tcase, test_space_reserve_is_exact_with_many_writers);
}

int main(void)
{
	Suite *suite = suite_create("data_space");
	TCase *two_luns;

	add_unpacked(add_case(suite, "a chunk for each file", start_unpacked));
	add_packed(add_case(suite, "packed", start_packed));
	two_luns = add_case(suite, "two LUNs", start_two_luns);
	tcase_add_test(two_luns, test_space_size_is_of_all_luns);
	tcase_add_test(two_luns, test_space_size_takes_back_what_another_lun_holds_ahead);
	return run_suite(suite);
}
