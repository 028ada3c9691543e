/* SPDX-License-Identifier: Apache-2.0 */
/* A file on several LUNs of its volume: it uses all their space, and gives it back on each. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"

#define BLOCK        4096u
#define CHUNK_BLOCKS 16u
#define CHUNK        ((uint64_t)CHUNK_BLOCKS * BLOCK)
#define NR_LUNS      3u
#define NR_CHUNKS    8u /* of each LUN */
#define ALL          (NR_LUNS * NR_CHUNKS * CHUNK)
#define NR_FILES     8u

static const unsigned pack_blocks[] = { 0, 4 };

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *files[NR_FILES];
static uint8_t *buf;

static void start(unsigned pack)
{
	struct fake_config config = { .nr_threads = 1, .nr_luns = NR_LUNS, .nr_chunks = NR_CHUNKS };

	sp = fake_new(&config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, pack_blocks[pack] * BLOCK);
	for (unsigned i = 0; i < NR_FILES; i++)
		files[i] = data_file_new(vol);
	buf = aligned_alloc(BLOCK, ALL + CHUNK);
}

static struct data_volume_stats stats_of(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats;
}

static void free_file(unsigned i)
{
	data_file_free(files[i]);
	files[i] = NULL;
}

static void stop(void)
{
	struct data_volume_stats stats;

	for (unsigned i = 0; i < NR_FILES; i++)
		free_file(i);
	stats = stats_of();
	ck_assert_uint_eq(stats.nr_free_chunks, stats.nr_chunks);
	ck_assert_uint_eq(stats.nr_free_handles, stats.nr_handles);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
	free(buf);
}

static ssize_t run(unsigned i, enum data_op_kind kind, uint64_t offset, uint64_t bytes)
{
	struct data_op op = {
		.file = files[i], .kind = kind, .offset = offset, .bytes = bytes, .buf = buf
	};

	return data_run(&op);
}

static ssize_t put(unsigned i, uint64_t offset, uint64_t bytes, int value)
{
	memset(buf, value, bytes);
	return run(i, DATA_OP_WRITE, offset, bytes);
}

static void expect(unsigned i, uint64_t offset, uint64_t bytes, uint8_t value)
{
	memset(buf, 0xEE, bytes);
	ck_assert_int_eq(run(i, DATA_OP_READ, offset, bytes), (ssize_t)bytes);
	ck_assert_uint_eq(buf[0], value);
	ck_assert_mem_eq(buf, buf + 1, bytes - 1);
}

/** Waits for flash that goes back when it has been idle. */
static void ck_free_on_luns(uint64_t nr)
{
	uint64_t found = 0;

	for (int tries = 0; found != nr && tries < 2000; tries++) {
		found = 0;
		for (unsigned lun = 0; lun < NR_LUNS; lun++)
			found += fake_free_chunks(sp, lun);
		usleep(1000);
	}
	ck_assert_uint_eq(found, nr);
}

START_TEST(test_luns_one_file_fills_them_all)
{
	start((unsigned)_i);
	for (uint64_t at = 0; at < ALL; at += CHUNK / 2)
		ck_assert_int_eq(put(0, at, CHUNK / 2, 1 + (int)(at / CHUNK)), CHUNK / 2);
	ck_assert_uint_eq(stats_of().nr_free_blocks, 0);
	ck_assert_int_eq(put(0, ALL, 1, 1), -ENOSPC);
	ck_assert_int_eq(put(1, 0, 1, 1), -ENOSPC);
	for (uint64_t at = 0; at < ALL; at += CHUNK)
		expect(0, at, CHUNK, (uint8_t)(1 + at / CHUNK));
	stop();
}
END_TEST

START_TEST(test_luns_one_write_takes_what_there_is_on_all)
{
	start((unsigned)_i);
	ck_assert_int_eq(put(0, 0, CHUNK, 7), CHUNK);
	ck_assert_int_eq(put(1, 0, ALL, 8), ALL - CHUNK);
	ck_assert_uint_eq(stats_of().nr_free_blocks, 0);
	expect(0, 0, CHUNK, 7);
	expect(1, 0, ALL - CHUNK, 8);
	stop();
}
END_TEST

START_TEST(test_luns_reservation_takes_all_or_nothing)
{
	start((unsigned)_i);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL + 1), -ENOSPC);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS);
	ck_assert_int_eq(put(1, 0, CHUNK, 9), CHUNK);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL), -ENOSPC);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS - 1);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL - CHUNK), 0);
	ck_assert_uint_eq(stats_of().nr_free_chunks, 0);
	expect(0, 0, ALL - CHUNK, 0);
	expect(1, 0, CHUNK, 9);
	stop();
}
END_TEST

START_TEST(test_luns_truncate_gives_back_on_each)
{
	start((unsigned)_i);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL), 0);
	ck_assert_uint_eq(fake_nr_vluns(sp), NR_LUNS);
	ck_assert_int_eq(put(0, 0, CHUNK, 3), CHUNK);
	ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, CHUNK, 0), 0);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS - 1);
	ck_free_on_luns(NR_LUNS * NR_CHUNKS - 1);
	ck_assert_uint_eq(fake_nr_vluns(sp), 1);
	expect(0, 0, CHUNK, 3);
	ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, 0, 0), 0);
	ck_free_on_luns(NR_LUNS * NR_CHUNKS);
	ck_assert_uint_eq(fake_nr_vluns(sp), 0);
	stop();
}
END_TEST

START_TEST(test_luns_deleted_file_gives_back_on_each)
{
	start((unsigned)_i);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL), 0);
	free_file(0);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, 0, ALL), 0);
	stop();
}
END_TEST

START_TEST(test_luns_punched_chunk_is_used_again)
{
	start((unsigned)_i);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL), 0);
	for (uint64_t at = 0; at < ALL; at += 2 * CHUNK) {
		ck_assert_int_eq(run(0, DATA_OP_PUNCH, at, CHUNK), 0);
		ck_assert_int_eq(put(0, ALL + at, CHUNK, 5), CHUNK);
		expect(0, ALL + at, CHUNK, 5);
		expect(0, at, CHUNK, 0);
	}
	stop();
}
END_TEST

START_TEST(test_luns_data_pass_over_one_that_fails)
{
	start((unsigned)_i);
	ck_assert_int_eq(put(0, 0, CHUNK, 4), CHUNK);
	fake_fail_call(sp, FAKE_RESIZE, 1, -EIO);
	ck_assert_int_eq(put(0, CHUNK, 3 * CHUNK, 5), 3 * CHUNK);
	expect(0, 0, CHUNK, 4);
	expect(0, CHUNK, 3 * CHUNK, 5);
	stop();
}
END_TEST

/* The file would grow on its first LUN, where another file holds a chunk ahead of need. */
START_TEST(test_luns_what_is_held_ahead_goes_to_a_file_that_needs_it)
{
	start((unsigned)_i);
	for (unsigned i = 0; i < NR_LUNS; i++)
		ck_assert_int_eq(put(i, 0, CHUNK, (int)i + 1), CHUNK);
	ck_assert_int_eq(put(NR_LUNS, 0, ALL, 6), ALL - NR_LUNS * CHUNK);
	ck_assert_uint_eq(stats_of().nr_free_blocks, 0);
	ck_free_on_luns(0);
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_luns");
	TCase *core = tcase_create("core");
	const int nr = (int)(sizeof(pack_blocks) / sizeof(pack_blocks[0]));
	SRunner *runner;
	int failed;

	tcase_set_timeout(core, 0);
	tcase_add_loop_test(core, test_luns_one_file_fills_them_all, 0, nr);
	tcase_add_loop_test(core, test_luns_one_write_takes_what_there_is_on_all, 0, nr);
	tcase_add_loop_test(core, test_luns_reservation_takes_all_or_nothing, 0, nr);
	tcase_add_loop_test(core, test_luns_truncate_gives_back_on_each, 0, nr);
	tcase_add_loop_test(core, test_luns_deleted_file_gives_back_on_each, 0, nr);
	tcase_add_loop_test(core, test_luns_punched_chunk_is_used_again, 0, nr);
	tcase_add_loop_test(core, test_luns_data_pass_over_one_that_fails, 0, nr);
	tcase_add_loop_test(core, test_luns_what_is_held_ahead_goes_to_a_file_that_needs_it, 0, nr);
	suite_add_tcase(suite, core);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
