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
#define NR_CHUNKS    8u /* of each LUN, as are handles */
#define NR_HANDLES   16u
#define ALL          (NR_LUNS * NR_CHUNKS * CHUNK)
#define NR_FILES     8u

static const struct {
	unsigned pack_blocks, stripe_blocks;
} kinds[] = { { 0, 0 }, { 4, 0 }, { 0, 4 }, { 4, 4 }, { 15, 1 } };

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *files[NR_FILES];
static uint8_t *buf;

static void start(unsigned kind)
{
	struct fake_config config = { .nr_threads = 1,
				      .nr_luns = NR_LUNS,
				      .nr_chunks = NR_CHUNKS,
				      .max_handles = NR_HANDLES };

	sp = fake_new(&config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, kinds[kind].pack_blocks * BLOCK);
	data_volume_set_stripe_bytes(vol, kinds[kind].stripe_blocks * BLOCK);
	for (unsigned i = 0; i < NR_FILES; i++)
		files[i] = data_file_new(vol);
	buf = aligned_alloc(BLOCK, ALL + CHUNK);
	data_volume_set_idle_ms(vol, 20);
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

static void stop_with(unsigned nr_good_luns)
{
	const uint64_t nr_free_chunks = nr_good_luns * NR_CHUNKS;
	const uint64_t nr_free_handles = nr_good_luns * NR_HANDLES;
	struct data_volume_stats stats;

	for (unsigned i = 0; i < NR_FILES; i++)
		free_file(i);
	stats = stats_of();
	/* A job that runs may still hold a freed file. */
	for (int tries = 0; tries < 10000 && (stats.nr_free_chunks != nr_free_chunks ||
					      stats.nr_free_handles != nr_free_handles);
	     tries++) {
		usleep(1000);
		stats = stats_of();
	}
	ck_assert_uint_eq(stats.nr_free_chunks, nr_free_chunks);
	ck_assert_uint_eq(stats.nr_free_handles, nr_free_handles);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
	free(buf);
}

static void stop(void)
{
	stop_with(NR_LUNS);
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

/** Blocks that are being moved from a segment into a slot take both for a moment. */
static void put_surely(unsigned i, uint64_t offset, uint64_t bytes, int value)
{
	ssize_t got = put(i, offset, bytes, value);

	for (int tries = 0; got != (ssize_t)bytes && tries < 2000; tries++) {
		usleep(1000);
		got = put(i, offset, bytes, value);
	}
	ck_assert_int_eq(got, (ssize_t)bytes);
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
		put_surely(0, at, CHUNK / 2, 1 + (int)(at / CHUNK));
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

#define GROUP (NR_LUNS * CHUNK) /* one begins behind the first three chunks */

START_TEST(test_luns_punched_chunks_are_used_again)
{
	start((unsigned)_i);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, ALL), 0);
	for (uint64_t at = GROUP; at < ALL; at += 2 * GROUP) {
		ck_assert_int_eq(run(0, DATA_OP_PUNCH, at, GROUP), 0);
		ck_assert_int_eq(put(0, ALL + at, GROUP, 5), GROUP);
		expect(0, ALL + at, GROUP, 5);
		expect(0, at, GROUP, 0);
	}
	stop();
}
END_TEST

static uint64_t nr_used_on(unsigned lun)
{
	return NR_CHUNKS - fake_free_chunks(sp, lun);
}

/** Waits for what is held ahead to go back. */
static void ck_used_on(unsigned lun, uint64_t nr)
{
	for (int tries = 0; nr_used_on(lun) != nr && tries < 2000; tries++)
		usleep(1000);
	ck_assert_uint_eq(nr_used_on(lun), nr);
}

START_TEST(test_luns_stripes_use_all_alike)
{
	start(2);
	ck_assert_int_eq(put(0, 0, CHUNK, 1), CHUNK);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS - 1);
	for (uint64_t at = CHUNK; at < 6 * CHUNK; at += CHUNK)
		ck_assert_int_eq(put(0, at, CHUNK, 1), CHUNK);
	for (unsigned lun = 0; lun < NR_LUNS; lun++)
		ck_used_on(lun, 2);
	expect(0, 0, 6 * CHUNK, 1);
	stop();
}
END_TEST

/* The first chunk, then two, then three at once. */
START_TEST(test_luns_stripes_take_a_group_at_once)
{
	static const uint64_t taken[] = { 1, 3, 3, 6, 6, 6, 9 };

	start(2);
	for (uint64_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		ck_assert_int_eq(put(0, i * CHUNK, BLOCK, 1), BLOCK);
		ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS - taken[i]);
	}
	ck_assert_int_eq(run(0, DATA_OP_PUNCH, 3 * CHUNK, BLOCK), 0);
	ck_assert_int_eq(run(0, DATA_OP_PUNCH, 5 * CHUNK, BLOCK), 0);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_LUNS * NR_CHUNKS - 9);
	ck_assert_int_eq(run(0, DATA_OP_PUNCH, 4 * CHUNK, BLOCK), 0);
	ck_assert_int_eq(put(1, 0, (NR_LUNS * NR_CHUNKS - 9) * CHUNK, 2),
			 (NR_LUNS * NR_CHUNKS - 9) * CHUNK);
	ck_assert_int_eq(put(0, 7 * CHUNK, BLOCK, 3), BLOCK);
	stop();
}
END_TEST

/** Leaves so many chunks free, less than a group of three. */
static void fill_but(unsigned nr_chunks)
{
	const uint64_t groups = ALL - GROUP;

	ck_assert_int_eq(put(0, 0, groups, 1), (ssize_t)groups);
	for (unsigned i = 0; i < NR_LUNS - nr_chunks; i++)
		ck_assert_int_eq(put(2 + i, 0, CHUNK, 1), CHUNK);
	ck_assert_uint_eq(stats_of().nr_free_chunks, nr_chunks);
}

START_TEST(test_luns_group_lies_in_order_when_chunks_are_few)
{
	start(2);
	fill_but(2);
	ck_assert_int_eq(put(1, GROUP + BLOCK, BLOCK, 2), BLOCK);
	ck_assert_uint_eq(stats_of().nr_free_chunks, 1);
	ck_assert_int_eq(put(1, GROUP, CHUNK, 3), CHUNK);
	ck_assert_int_eq(put(1, GROUP + 2 * CHUNK, CHUNK, 4), CHUNK);
	ck_assert_int_eq(put(1, GROUP + CHUNK, BLOCK, 2), -ENOSPC);
	expect(1, GROUP, CHUNK, 3);
	expect(1, GROUP + CHUNK, CHUNK, 0);
	expect(1, GROUP + 2 * CHUNK, CHUNK, 4);
	stop();
}
END_TEST

START_TEST(test_luns_reservation_of_a_part_of_a_group_takes_what_it_needs)
{
	start(2);
	fill_but(1);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, GROUP, CHUNK + 1), -ENOSPC);
	ck_assert_uint_eq(stats_of().nr_free_chunks, 1);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, GROUP + CHUNK, CHUNK), 0);
	ck_assert_int_eq(put(1, GROUP + CHUNK, CHUNK, 4), CHUNK);
	ck_assert_int_eq(put(1, GROUP, CHUNK, 4), -ENOSPC);
	expect(1, GROUP + CHUNK, CHUNK, 4);
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

/** Return: how many blocks of a file cannot be read; the others hold @value. */
static unsigned nr_lost(unsigned i, uint64_t bytes, uint8_t value)
{
	unsigned nr = 0;

	for (uint64_t at = 0; at < bytes; at += BLOCK) {
		memset(buf, 0xEE, BLOCK);
		if (run(i, DATA_OP_READ, at, BLOCK) == -EIO) {
			nr++;
			continue;
		}
		ck_assert_uint_eq(buf[0], value);
		ck_assert_mem_eq(buf, buf + 1, BLOCK - 1);
	}
	return nr;
}

#define LARGE 0 /* numbers of files */
#define SMALL 1
#define NEW   4

static void fill_and_lose(unsigned kind, unsigned lun)
{
	unsigned lost = 0;
	uint64_t nr_free;

	start(kind);
	put_surely(LARGE, 0, 6 * CHUNK, 0x11);
	for (unsigned i = SMALL; i < NEW; i++)
		put_surely(i, 0, 2 * BLOCK, 0x20 + (int)i);
	fake_fail_lun(sp, lun);
	/* Counts at once what is left, before any write has found out. */
	ck_assert_uint_le(stats_of().nr_free_handles, (NR_LUNS - 1) * NR_HANDLES);
	ck_assert_uint_le(stats_of().nr_free_chunks, (NR_LUNS - 1) * NR_CHUNKS);
	lost += nr_lost(LARGE, 6 * CHUNK, 0x11);
	for (unsigned i = SMALL; i < NEW; i++)
		lost += nr_lost(i, 2 * BLOCK, (uint8_t)(0x20 + i));
	if (kinds[kind].stripe_blocks > 0) {
		ck_assert_uint_gt(lost, 0);
		ck_assert_uint_lt(lost, 6 * CHUNK_BLOCKS);
	}

	for (unsigned i = NEW; i + 1 < NR_FILES; i++)
		put_surely(i, 0, 2 * BLOCK, 0x40 + (int)i);
	put_surely(LARGE, 6 * CHUNK, 2 * CHUNK, 0x12);
	expect(LARGE, 6 * CHUNK, 2 * CHUNK, 0x12);
	for (unsigned i = NEW; i + 1 < NR_FILES; i++)
		expect(i, 0, 2 * BLOCK, (uint8_t)(0x40 + i));
	nr_free = stats_of().nr_free_blocks * BLOCK;
	ck_assert_uint_lt(nr_free, (NR_LUNS - 1) * NR_CHUNKS * CHUNK);
	put_surely(NR_FILES - 1, 0, nr_free, 0x50);
	ck_assert_int_eq(put(NR_FILES - 1, nr_free, BLOCK, 0x50), -ENOSPC);
	expect(NR_FILES - 1, 0, nr_free, 0x50);
	stop_with(NR_LUNS - 1);
}

START_TEST(test_luns_one_that_fails_takes_only_what_lies_on_it)
{
	for (unsigned lun = 0; lun < NR_LUNS; lun++)
		fill_and_lose((unsigned)_i, lun);
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
	const int nr = (int)(sizeof(kinds) / sizeof(kinds[0]));

	tcase_set_timeout(core, 0);
	tcase_add_loop_test(core, test_luns_one_file_fills_them_all, 0, nr);
	tcase_add_loop_test(core, test_luns_one_write_takes_what_there_is_on_all, 0, nr);
	tcase_add_loop_test(core, test_luns_reservation_takes_all_or_nothing, 0, nr);
	tcase_add_loop_test(core, test_luns_truncate_gives_back_on_each, 0, nr);
	tcase_add_loop_test(core, test_luns_deleted_file_gives_back_on_each, 0, nr);
	tcase_add_loop_test(core, test_luns_punched_chunks_are_used_again, 0, nr);
	tcase_add_test(core, test_luns_stripes_use_all_alike);
	tcase_add_test(core, test_luns_stripes_take_a_group_at_once);
	tcase_add_test(core, test_luns_group_lies_in_order_when_chunks_are_few);
	tcase_add_test(core, test_luns_reservation_of_a_part_of_a_group_takes_what_it_needs);
	tcase_add_loop_test(core, test_luns_data_pass_over_one_that_fails, 0, nr);
	tcase_add_loop_test(core, test_luns_one_that_fails_takes_only_what_lies_on_it, 0, nr);
	tcase_add_loop_test(core, test_luns_what_is_held_ahead_goes_to_a_file_that_needs_it, 0, nr);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
