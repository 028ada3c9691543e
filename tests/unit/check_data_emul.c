/* SPDX-License-Identifier: Apache-2.0 */
/* The data layer on the real stack: superpipe and the emulated adapter. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "support/data_model.h"
#include "support/emul_host.h"

static struct emul_host host; /* creates the adapter, injects faults, runs the audit */
static struct superpipe *sp;
static struct data_volume *vol;

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

static void start(const char *options)
{
	struct superpipe_options sp_options = { .queue_depth = 0 };
	const char *devices[2];
	char names[2][300];

	emul_host_make(&host, options);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", host.dir, i);
		devices[i] = names[i];
	}
	ck_assert_int_eq(superpipe_open(devices, strstr(options, "luns=2") ? 2 : 1, &sp_options,
					on_explain, NULL, &sp),
			 0);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
}

static void finish(void)
{
	data_volume_free(vol);
	superpipe_close(sp);
	emul_host_destroy(&host);
}

static uint64_t chunk_bytes(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats.chunk_bytes;
}

static uint64_t free_chunks(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats.nr_free_chunks;
}

static ssize_t run(struct data_file *file, enum data_op_kind kind, uint64_t offset, uint64_t bytes,
		   void *buf)
{
	struct data_op op = {
		.file = file, .kind = kind, .offset = offset, .bytes = bytes, .buf = buf
	};

	return data_run(&op);
}

#define NR_CONFIGS 4

static void start_config(int config, const char *more)
{
	char options[200];

	snprintf(options, sizeof(options), ",size=8G,mode=%s,bs=512%s%s",
		 config & 1 ? "ioarrin" : "sq", config & 2 ? ",latency=48us/20us" : "", more);
	start(options);
}

START_TEST(test_data_on_the_emulator_equals_the_model)
{
	start_config(_i, "");
	data_model_run(vol, chunk_bytes() - 300 * 1024 - 77, data_model_seed(), 60);
	finish();
}
END_TEST

START_TEST(test_data_over_two_luns_equals_the_model)
{
	start(",luns=2,size=4G,bs=4096");
	data_model_run(vol, chunk_bytes() - 300 * 1024, data_model_seed(), 60);
	finish();
}
END_TEST

START_TEST(test_data_equals_the_model_under_resets)
{
	start_config(_i, "");
	emul_host_fault(&host, "at=command every=2003 times=5 action=reset kind=eeh");
	data_model_run(vol, chunk_bytes() - 300 * 1024, data_model_seed(), 60);
	finish();
}
END_TEST

#define SECRET 0x5e
#define PIECE  (1024u * 1024u)

static void fill_with_secret(uint8_t *buf, uint64_t bytes)
{
	struct data_file *file = data_file_new(vol);

	memset(buf, SECRET, PIECE);
	for (uint64_t at = 0; at < bytes; at += PIECE)
		ck_assert_int_eq(run(file, DATA_OP_WRITE, at, PIECE, buf), PIECE);
	ck_assert_uint_eq(free_chunks(), 0);
	data_file_free(file);
}

START_TEST(test_data_freed_chunks_keep_their_secret)
{
	uint8_t *buf = aligned_alloc(4096, PIECE);
	struct data_file *file;
	uint64_t chunk;

	start(",size=64M,bs=512"); /* two chunks */
	chunk = chunk_bytes();
	fill_with_secret(buf, 2 * chunk);
	file = data_file_new(vol);
	memset(buf, 1, PIECE);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, 2 * chunk, NULL), 0);
	for (uint64_t at = 0; at < 2 * chunk; at += 5 * PIECE + 4321)
		ck_assert_int_gt(run(file, DATA_OP_WRITE, at, 5000, buf), 0);
	ck_assert_int_eq(run(file, DATA_OP_TRUNCATE, chunk + 12345, 0, NULL), 0);
	ck_assert_int_eq(run(file, DATA_OP_TRUNCATE, 2 * chunk, 0, NULL), 0);
	for (uint64_t at = 0; at < 2 * chunk; at += PIECE) {
		ck_assert_int_eq(run(file, DATA_OP_READ, at, PIECE, buf), PIECE);
		ck_assert_ptr_null(memchr(buf, SECRET, PIECE));
	}
	data_file_free(file);
	ck_assert_uint_eq(free_chunks(), 2);
	finish();
	free(buf);
}
END_TEST

START_TEST(test_data_full_lun_cuts_the_write_and_recovers)
{
	uint8_t *buf = aligned_alloc(4096, PIECE);
	struct data_file *file, *other;
	uint64_t chunk;

	start(",size=96M,bs=512"); /* three chunks */
	chunk = chunk_bytes();
	file = data_file_new(vol);
	other = data_file_new(vol);
	memset(buf, 3, PIECE);
	ck_assert_int_eq(run(other, DATA_OP_ALLOCATE, 0, 2 * chunk, NULL), 0);
	ck_assert_int_eq(run(file, DATA_OP_WRITE, chunk - 1000, PIECE, buf), 1000);
	ck_assert_int_eq(run(file, DATA_OP_WRITE, chunk, PIECE, buf), -ENOSPC);
	ck_assert_int_eq(run(other, DATA_OP_TRUNCATE, 0, 0, NULL), 0);
	ck_assert_int_eq(run(file, DATA_OP_WRITE, chunk, PIECE, buf), PIECE);
	data_file_free(file);
	data_file_free(other);
	ck_assert_uint_eq(free_chunks(), 3);
	finish();
	free(buf);
}
END_TEST

START_TEST(test_data_handles_end_before_the_space_does)
{
	struct data_file *files[17];

	start(",size=8G,bs=512,handles=16");
	for (unsigned i = 0; i < 17; i++) {
		files[i] = data_file_new(vol);
		ck_assert_int_eq(run(files[i], DATA_OP_WRITE, 0, 1, "x"), i < 16 ? 1 : -ENOSPC);
	}
	data_file_free(files[0]);
	ck_assert_int_eq(run(files[16], DATA_OP_WRITE, 0, 1, "x"), 1);
	for (unsigned i = 1; i < 17; i++)
		data_file_free(files[i]);
	finish();
}
END_TEST

START_TEST(test_data_failed_adapter_is_eio_and_everything_can_be_freed)
{
	uint8_t *buf = aligned_alloc(4096, PIECE);
	struct data_file *file;

	start(",size=8G,bs=512");
	file = data_file_new(vol);
	memset(buf, 4, PIECE);
	ck_assert_int_eq(run(file, DATA_OP_WRITE, 0, PIECE, buf), PIECE);
	emul_host_fault(&host, "at=command n=10 action=fail");
	ck_assert_int_lt(run(file, DATA_OP_READ, 0, PIECE, buf), PIECE);
	ck_assert_int_eq(run(file, DATA_OP_READ, 0, PIECE, buf), -EIO);
	ck_assert_int_eq(run(file, DATA_OP_WRITE, 2 * chunk_bytes(), 1, buf), -EIO);
	data_file_free(file);
	finish();
	free(buf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_emul");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");

	tcase_set_timeout(core, 0);
	tcase_add_loop_test(core, test_data_on_the_emulator_equals_the_model, 0, NR_CONFIGS);
	tcase_add_test(core, test_data_over_two_luns_equals_the_model);
	tcase_add_test(core, test_data_freed_chunks_keep_their_secret);
	suite_add_tcase(suite, core);
	tcase_set_timeout(errors, 0);
	tcase_add_loop_test(errors, test_data_equals_the_model_under_resets, 0, NR_CONFIGS);
	tcase_add_test(errors, test_data_full_lun_cuts_the_write_and_recovers);
	tcase_add_test(errors, test_data_handles_end_before_the_space_does);
	tcase_add_test(errors, test_data_failed_adapter_is_eio_and_everything_can_be_freed);
	suite_add_tcase(suite, errors);
	return run_suite(suite);
}
