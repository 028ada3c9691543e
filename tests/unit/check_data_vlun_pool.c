/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of vLUNs for new files. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"

/* The fake's defaults. */
#define CHUNK      (16u * DATA_BLOCK_BYTES)
#define NR_HANDLES 256u

#define NR_CHUNKS   256u
#define FEW_HANDLES 64u
#define SHARE       16u /* one chunk in so many may be in the pool */
#define MAX_READY   32u

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *files[NR_HANDLES];
static unsigned nr_files;

static void start_with(const struct fake_config *config)
{
	sp = fake_new(config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
}

static void start(void)
{
	const struct fake_config config = { .nr_chunks = NR_CHUNKS };

	start_with(&config);
}

static void free_files(void)
{
	while (nr_files > 0)
		data_file_free(files[--nr_files]);
}

static void stop(void)
{
	free_files();
	data_volume_free(vol);
	ck_assert_uint_eq(fake_nr_vluns(sp), 0);
	ck_assert_uint_eq(fake_free(sp), 0);
}

static ssize_t run(struct data_file *file, enum data_op_kind kind, uint64_t offset, uint64_t bytes)
{
	static uint8_t bytes_of_ones[] = { 1, 1 };
	struct data_op op = {
		.file = file, .kind = kind, .offset = offset, .bytes = bytes, .buf = bytes_of_ones
	};

	return data_run(&op);
}

static struct data_file *new_file(void)
{
	return files[nr_files++] = data_file_new(vol);
}

static ssize_t write_new_file(void)
{
	return run(new_file(), DATA_OP_WRITE, 0, 1);
}

/** Waits until the worker has run all earlier jobs: only it refuses a size that never fits. */
static void ask_worker(void)
{
	struct data_file *file = data_file_new(vol);

	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, DATA_MAX_FILE_BYTES), -ENOSPC);
	data_file_free(file);
}

/** The worker opens one vLUN per job, so other jobs run in between. */
static void let_worker_fill(void)
{
	for (unsigned i = 0; i <= MAX_READY; i++)
		ask_worker();
}

static unsigned nr_ready(void)
{
	return fake_nr_vluns(sp) - nr_files;
}

static void make_some_ready(void)
{
	while (nr_files < 8) {
		ck_assert_int_eq(write_new_file(), 1);
		let_worker_fill();
	}
	ck_assert_uint_gt(nr_ready(), 0);
}

START_TEST(test_ready_none_for_a_single_file)
{
	ck_assert_int_eq(write_new_file(), 1);
	let_worker_fill();
	ck_assert_uint_eq(nr_ready(), 0);
}
END_TEST

START_TEST(test_ready_none_for_files_that_come_seldom)
{
	data_volume_set_idle_ms(vol, 0);
	for (unsigned i = 0; i < 8; i++) {
		ck_assert_int_eq(write_new_file(), 1);
		usleep(1000);
		let_worker_fill();
	}
	ck_assert_uint_eq(nr_ready(), 0);
}
END_TEST

START_TEST(test_ready_a_new_file_needs_no_ioctl)
{
	make_some_ready();
	fake_gate(sp, true);
	ck_assert_int_eq(write_new_file(), 1);
	fake_gate(sp, false);
	ck_assert_int_eq(run(files[nr_files - 1], DATA_OP_READ, 0, 2), 1);
}
END_TEST

START_TEST(test_ready_they_count_as_free)
{
	struct data_volume_stats stats;

	make_some_ready();
	data_volume_get_stats(vol, &stats);
	ck_assert_uint_eq(stats.nr_free_chunks, NR_CHUNKS - nr_files);
	ck_assert_uint_eq(stats.nr_free_handles, NR_HANDLES - nr_files);
}
END_TEST

START_TEST(test_ready_never_more_than_a_share)
{
	const struct fake_config config = { .nr_chunks = 2 * SHARE - 1 };

	stop();
	start_with(&config);
	make_some_ready();
	ck_assert_uint_eq(nr_ready(), 1);
	while (nr_files < 2 * SHARE - 1) {
		ck_assert_int_eq(write_new_file(), 1);
		let_worker_fill();
		ck_assert_uint_le(nr_ready(), 1);
	}
}
END_TEST

static void let_ready_ones_go(void)
{
	data_volume_set_idle_ms(vol, 10);
	ask_worker(); /* which would have slept longer */
	for (unsigned tries = 0; nr_ready() > 0 && tries < 5000; tries++)
		usleep(1000);
	ck_assert_uint_eq(nr_ready(), 0);
}

START_TEST(test_ready_they_go_back_when_no_file_comes)
{
	make_some_ready();
	let_ready_ones_go();
}
END_TEST

START_TEST(test_ready_every_chunk_can_be_had)
{
	uint64_t nr;

	make_some_ready();
	nr = NR_CHUNKS - nr_files;
	ck_assert_int_eq(run(new_file(), DATA_OP_ALLOCATE, 0, nr * CHUNK), 0);
	ck_assert_uint_eq(nr_ready(), 0);
}
END_TEST

START_TEST(test_ready_every_handle_can_be_had)
{
	const struct fake_config config = { .nr_luns = 2,
					    .nr_chunks = NR_CHUNKS,
					    .max_handles = FEW_HANDLES };

	stop();
	start_with(&config);
	make_some_ready();
	/* Two chunks each, so that no file takes a vLUN of the pool. */
	while (nr_files < 2 * FEW_HANDLES)
		ck_assert_int_eq(run(new_file(), DATA_OP_WRITE, CHUNK - 1, 2), 2);
	ck_assert_int_eq(run(files[0], DATA_OP_READ, 0, 2), 1);
}
END_TEST

START_TEST(test_ready_none_is_taken_on_a_lun_that_is_much_fuller)
{
	const struct fake_config config = { .nr_luns = 2, .nr_chunks = NR_CHUNKS };
	const uint64_t nr_big = NR_CHUNKS - 20;

	stop();
	start_with(&config);
	make_some_ready();
	free_files();
	ask_worker();
	ck_assert_uint_gt(nr_ready(), 0);
	ck_assert_int_eq(run(new_file(), DATA_OP_ALLOCATE, 0, nr_big * CHUNK), 0);
	while (nr_files < 8) {
		ck_assert_int_eq(write_new_file(), 1);
		let_worker_fill();
	}
	let_ready_ones_go();
	ck_assert_uint_eq(fake_free_chunks(sp, 0), NR_CHUNKS - nr_big);
	ck_assert_uint_eq(fake_free_chunks(sp, 1), NR_CHUNKS - (nr_files - 1));
}
END_TEST

START_TEST(test_ready_a_file_that_needs_more_gets_it)
{
	make_some_ready();
	ck_assert_int_eq(write_new_file(), 1);
	ck_assert_int_eq(run(files[nr_files - 1], DATA_OP_ALLOCATE, 0, 20 * CHUNK), 0);
	ck_assert_int_eq(run(files[nr_files - 1], DATA_OP_WRITE, 19 * CHUNK, 2), 2);
}
END_TEST

START_TEST(test_ready_failure_to_make_one_hurts_nobody)
{
	ck_assert_int_eq(write_new_file(), 1);
	ck_assert_int_eq(write_new_file(), 1); /* starts the worker */
	fake_fail_call(sp, FAKE_RESIZE, 1, -ENOSPC);
	let_worker_fill();
	fake_fail_call(sp, FAKE_RESIZE, 0, 0);
	ck_assert_int_eq(write_new_file(), 1);
	ck_assert_uint_le(nr_ready(), MAX_READY);
}
END_TEST

static void add_tests(TCase *ready)
{
	tcase_add_test(ready, test_ready_none_for_a_single_file);
	tcase_add_test(ready, test_ready_none_for_files_that_come_seldom);
	tcase_add_test(ready, test_ready_a_new_file_needs_no_ioctl);
	tcase_add_test(ready, test_ready_they_count_as_free);
	tcase_add_test(ready, test_ready_never_more_than_a_share);
	tcase_add_test(ready, test_ready_they_go_back_when_no_file_comes);
	tcase_add_test(ready, test_ready_every_chunk_can_be_had);
	tcase_add_test(ready, test_ready_every_handle_can_be_had);
	tcase_add_test(ready, test_ready_none_is_taken_on_a_lun_that_is_much_fuller);
	tcase_add_test(ready, test_ready_a_file_that_needs_more_gets_it);
	tcase_add_test(ready, test_ready_failure_to_make_one_hurts_nobody);
}

int main(void)
{
	Suite *suite = suite_create("ready");
	TCase *ready = tcase_create("ready");

	tcase_add_checked_fixture(ready, start, stop);
	add_tests(ready);
	suite_add_tcase(suite, ready);
	return run_suite(suite);
}
