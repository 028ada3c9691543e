/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on the data layer over a fake that completes now, later, or in any order. */
#include <check.h>
#include <stdlib.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"
#include "support/data_model.h"

static unsigned idle_ms = 2000; /* files that have been idle for as long share their vLUNs */

static void run_on_luns(unsigned nr_luns, unsigned nr_threads, uint32_t chunk_lbas, uint64_t base,
			uint64_t pack_lbas, uint64_t stripe_lbas)
{
	struct fake_config config = { .nr_luns = nr_luns,
				      .nr_threads = nr_threads,
				      .chunk_lbas = chunk_lbas,
				      .scrub = true,
				      .nr_chunks = (40 * 16 / chunk_lbas + nr_luns - 1) / nr_luns,
				      .seed = data_model_seed() };
	struct superpipe *sp = fake_new(&config);
	struct data_volume *vol;

	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, pack_lbas * DATA_BLOCK_BYTES);
	data_volume_set_stripe_bytes(vol, stripe_lbas * DATA_BLOCK_BYTES);
	data_volume_set_idle_ms(vol, idle_ms);
	data_model_run(vol, base, config.seed, 100);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
}

static void run_packed(unsigned nr_threads, uint32_t chunk_lbas, uint64_t base, uint64_t pack_lbas)
{
	run_on_luns(1, nr_threads, chunk_lbas, base, pack_lbas, 0);
}

static void run_model(unsigned nr_threads, uint32_t chunk_lbas, uint64_t base)
{
	run_packed(nr_threads, chunk_lbas, base, 0);
}

START_TEST(test_data_equals_model_when_ios_end_in_the_submitter)
{
	run_model(0, 16, 0);
}
END_TEST

START_TEST(test_data_equals_model_when_ios_end_late_and_out_of_order)
{
	run_model(1, 16, 0);
}
END_TEST

START_TEST(test_data_equals_model_when_several_threads_complete)
{
	run_model(3, 16, 0);
}
END_TEST

START_TEST(test_data_equals_model_far_into_a_sparse_file)
{
	run_model(2, 4, (UINT64_C(1) << 62) + 12345);
}
END_TEST

static const uint64_t packs[] = { 1, 4, 12, 16 };

START_TEST(test_data_equals_model_when_chunks_are_packed)
{
	run_packed(2, 16, 0, packs[_i]);
}
END_TEST

START_TEST(test_data_equals_model_when_small_chunks_are_packed)
{
	run_packed(1, 4, 12345, 3);
}
END_TEST

/* So little on each LUN that files get slots on all. */
START_TEST(test_data_equals_model_on_several_luns)
{
	run_on_luns(2 + (unsigned)_i, 2, 16, 0, 0, 0);
	run_on_luns(2 + (unsigned)_i, 2, 4, 777, 3, 0);
}
END_TEST

static const uint64_t stripes[] = { 1, 2, 8, 16 };

START_TEST(test_data_equals_model_in_stripes)
{
	run_on_luns(2, 2, 16, 0, 0, stripes[_i]);
	run_on_luns(3, 1, 16, 1234567, 4, stripes[_i]);
	run_on_luns(4, 2, 16, 4096, 16, stripes[_i]);
}
END_TEST

START_TEST(test_data_equals_model_in_stripes_far_into_a_sparse_file)
{
	run_on_luns(3, 2, 4, (UINT64_C(1) << 62) + 12345, 0, 2);
}
END_TEST

START_TEST(test_data_equals_model_when_idle_files_share_their_chunks)
{
	idle_ms = 0;
	run_packed(2, 16, 0, packs[_i]);
	run_on_luns(3, 2, 64, 777, 1, 0);
	run_on_luns(2, 2, 16, 0, packs[_i], stripes[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_model");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 0);
	tcase_add_test(core, test_data_equals_model_when_ios_end_in_the_submitter);
	tcase_add_test(core, test_data_equals_model_when_ios_end_late_and_out_of_order);
	tcase_add_test(core, test_data_equals_model_when_several_threads_complete);
	tcase_add_test(core, test_data_equals_model_far_into_a_sparse_file);
	tcase_add_loop_test(core, test_data_equals_model_when_chunks_are_packed, 0,
			    (int)(sizeof(packs) / sizeof(packs[0])));
	tcase_add_test(core, test_data_equals_model_when_small_chunks_are_packed);
	tcase_add_loop_test(core, test_data_equals_model_on_several_luns, 0, 2);
	tcase_add_loop_test(core, test_data_equals_model_in_stripes, 0,
			    (int)(sizeof(stripes) / sizeof(stripes[0])));
	tcase_add_test(core, test_data_equals_model_in_stripes_far_into_a_sparse_file);
	tcase_add_loop_test(core, test_data_equals_model_when_idle_files_share_their_chunks, 0, 4);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
