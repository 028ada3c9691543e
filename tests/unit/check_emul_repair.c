/* SPDX-License-Identifier: Apache-2.0 */
/* Repair of an adapter's state while memory is short. Linked with realloc() wrapped. */
#include <check.h>
#include <stdlib.h>

#include "emul/store/heap.h"
#include "emul/store/state.h"
#include "support/emul_rig.h"

static bool is_short;

void *__real_realloc(void *at, size_t bytes);
void *__wrap_realloc(void *at, size_t bytes);

void *__wrap_realloc(void *at, size_t bytes)
{
	return is_short ? NULL : __real_realloc(at, bytes);
}

START_TEST(test_table_in_use_is_not_given_out_again)
{
	struct emul_rig rig;
	struct emul_adapter *ad;
	struct dk_attach attach;
	uint64_t chunk;

	emul_rig_open(&rig, "size=4G");
	ad = emul_rig_ad(&rig);
	attach = emul_rig_attach(rig.dp);
	for (unsigned i = 0; i < 3; i++)
		(void)emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_lock(ad);
	is_short = true;
	emul_state_repair(ad->shm);
	is_short = false;
	emul_unlock(ad);
	/* A new table that overwrites one in use would map another chunk. */
	(void)emul_rig_virtual(rig.dp, attach.context_id, 1);
	for (uint64_t handle = 0; handle < 4; handle++) {
		ck_assert_uint_eq(emul_rig_chunks(&rig, attach.context_id, handle, &chunk, 1), 1);
		ck_assert_uint_eq(chunk, handle);
	}
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emul_repair");
	TCase *tc = tcase_create("short memory");

	tcase_add_test(tc, test_table_in_use_is_not_given_out_again);
	tcase_set_timeout(tc, 300);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
