/* SPDX-License-Identifier: Apache-2.0 */
/* A full volume: writes that fail cost few ioctls, and none fails when there is space again. */
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
#define NR_CHUNKS    8u /* of each LUN */
#define NR_WRITES    1000u
#define LARGE        0u /* numbers of files */
#define EMPTY        1u
#define SMALL        2u
#define NR_FILES     3u

static const struct {
	unsigned nr_luns, pack_blocks, stripe_blocks;
} kinds[] = { { 1, 0, 0 }, { 1, 4, 0 }, { 2, 0, 0 }, { 2, 4, 0 }, { 2, 0, 4 }, { 2, 4, 4 } };

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *files[NR_FILES];
static uint8_t *buf;
static unsigned nr_luns;

static void start(int kind)
{
	struct fake_config config = { .nr_threads = 1,
				      .nr_luns = kinds[kind].nr_luns,
				      .nr_chunks = NR_CHUNKS };

	nr_luns = kinds[kind].nr_luns;
	sp = fake_new(&config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, kinds[kind].pack_blocks * BLOCK);
	data_volume_set_stripe_bytes(vol, kinds[kind].stripe_blocks * BLOCK);
	data_volume_set_idle_ms(vol, 5);
	for (unsigned i = 0; i < NR_FILES; i++)
		files[i] = data_file_new(vol);
	buf = calloc(nr_luns * NR_CHUNKS, CHUNK);
}

static void stop(void)
{
	for (unsigned i = 0; i < NR_FILES; i++)
		data_file_free(files[i]);
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

static ssize_t put(unsigned i, uint64_t offset, uint64_t bytes)
{
	return run(i, DATA_OP_WRITE, offset, bytes);
}

static uint64_t nr_ioctls(void)
{
	uint64_t nr = 0;

	for (unsigned call = 0; call < FAKE_NR_CALLS; call++)
		nr += fake_nr_calls(sp, call);
	return nr;
}

/** What is moved from a segment to a slot takes space twice until then. */
static void fill(void)
{
	uint64_t at = 0;

	ck_assert_int_eq(put(SMALL, 0, BLOCK), BLOCK);
	for (unsigned tries = 0; tries < 50; tries++) {
		ssize_t got = put(LARGE, at, nr_luns * NR_CHUNKS * CHUNK);

		ck_assert(got > 0 || got == -ENOSPC);
		at += got > 0 ? (uint64_t)got : 0;
		usleep(2000);
	}
}

static void fail_to_write(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		ck_assert_int_eq(put(EMPTY, i * CHUNK, BLOCK), -ENOSPC);
		ck_assert_int_eq(put(LARGE, (100 + i) * CHUNK, 3 * BLOCK), -ENOSPC);
	}
}

START_TEST(test_full_writes_that_fail_cost_no_ioctl)
{
	uint64_t before;

	start(_i);
	fill();
	before = nr_ioctls();
	fail_to_write(NR_WRITES / 2);
	ck_assert_uint_eq(nr_ioctls(), before);
	stop();
}
END_TEST

START_TEST(test_full_what_is_freed_can_be_written)
{
	start(_i);
	fill();
	for (unsigned i = 0; i < 20; i++) {
		fail_to_write(2);
		ck_assert_int_eq(run(SMALL, DATA_OP_TRUNCATE, 0, 0), 0);
		ck_assert_int_eq(put(EMPTY, 0, BLOCK), BLOCK);
		ck_assert_int_eq(run(EMPTY, DATA_OP_TRUNCATE, 0, 0), 0);
		ck_assert_int_eq(put(SMALL, 0, BLOCK), BLOCK);
	}
	stop();
}
END_TEST

/** Somebody else has half of each LUN. */
static void open_others(struct superpipe_vlun *others[2])
{
	uint64_t nr;

	for (unsigned lun = 0; lun < nr_luns; lun++) {
		ck_assert_int_eq(superpipe_vlun_open(sp, lun, &others[lun]), 0);
		ck_assert_int_eq(superpipe_vlun_resize(others[lun], NR_CHUNKS / 2, &nr), 0);
	}
}

START_TEST(test_full_writes_ask_once_for_what_others_use)
{
	struct superpipe_vlun *others[2];
	uint64_t before, nr;

	start(_i);
	open_others(others);
	fill();
	for (unsigned i = 1; i <= 3; i++) {
		before = nr_ioctls();
		fail_to_write(NR_WRITES / 2);
		/* Open, resize and close a vLUN; some more in the background. */
		ck_assert_uint_le(nr_ioctls() - before, 3 * NR_WRITES * nr_luns + 50);
		ck_assert_int_eq(superpipe_vlun_resize(others[0], NR_CHUNKS / 2 - i, &nr), 0);
		ck_assert_int_eq(put(LARGE, 2000 * i * CHUNK, CHUNK), CHUNK);
	}
	for (unsigned lun = 0; lun < nr_luns; lun++)
		ck_assert_int_eq(superpipe_vlun_close(others[lun]), 0);
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_full");
	TCase *core = tcase_create("core");
	const int nr = (int)(sizeof(kinds) / sizeof(kinds[0]));

	tcase_set_timeout(core, 0);
	tcase_add_loop_test(core, test_full_writes_that_fail_cost_no_ioctl, 0, nr);
	tcase_add_loop_test(core, test_full_what_is_freed_can_be_written, 0, nr);
	tcase_add_loop_test(core, test_full_writes_ask_once_for_what_others_use, 0, nr);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
