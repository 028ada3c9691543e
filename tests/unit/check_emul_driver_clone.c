/* SPDX-License-Identifier: Apache-2.0 */
/* VLUN_CLONE: which vLUNs of its parent a child gets, and when it fails. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/emul_rig.h"
#include "support/quiet_fork.h"

#define CHUNK 65536ull

#define TIMEOUT 300 /* seconds; for slow machines and valgrind */

static struct emul_rig rig;

static struct emul_lun *lun_of(unsigned lun)
{
	emul_housekeep(emul_rig_ad(&rig));
	return &emul_rig_shm(&rig)->lun[lun];
}

/* The child's part of a test; it may use rig.dp. */
typedef void (*child_fn)(const struct dk_attach *parent);

/** Run @fn in a child, with its own opening of LUN 0 in rig.dp; close the inherited fd2 after. */
static void in_child(child_fn fn, const struct dk_attach *parent)
{
	pid_t child = quiet_fork();

	if (!child) {
		emul_rig_in_child(&rig);
		fn(parent);
		ck_assert_int_eq(dk_close_adap_fd(rig.dp, parent->adap_fd), 0);
		emul_rig_end_child(&rig);
	}
	emul_rig_wait_child(child);
}

static struct dk_attach parent_with(unsigned nr_vluns, const char *options)
{
	struct dk_attach attach;

	emul_rig_open(&rig, options);
	attach = emul_rig_attach(rig.dp);
	for (unsigned i = 0; i < nr_vluns; i++)
		emul_rig_virtual(rig.dp, attach.context_id, i + 1);
	return attach;
}

static void end(const struct dk_attach *parent)
{
	emul_rig_detach(rig.dp, parent->context_id, parent->adap_fd);
	ck_assert_uint_eq(lun_of(0)->users, 0);
}

/* ---- what it does ---- */

static void clone_shares_and_diverges(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);
	uint64_t theirs[8], ours[8];
	struct dk_resize resize;

	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, parent->adap_fd), 0);
	for (unsigned i = 0; i < 3; i++) {
		if (i == 1)
			continue;
		ck_assert_uint_eq(emul_rig_chunks(&rig, parent->context_id, i, theirs, 8), i + 1);
		ck_assert_uint_eq(emul_rig_chunks(&rig, mine.context_id, i, ours, 8), i + 1);
		ck_assert_mem_eq(ours, theirs, (i + 1) * sizeof(ours[0]));
	}
	ck_assert_uint_eq(lun_of(0)->users, 4);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096 - 4);
	/* growth is private, and a shared chunk that is given up stays taken */
	ck_assert_int_eq(dk_resize(rig.dp, mine.context_id, 2, 5 * CHUNK, &resize), 0);
	ck_assert_uint_eq(emul_rig_chunks(&rig, parent->context_id, 2, theirs, 8), 3);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096 - 6);
	ck_assert_int_eq(dk_resize(rig.dp, mine.context_id, 2, 0, &resize), 0);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096 - 4);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096 - 4);
}

START_TEST(test_clone_shares_chunks_at_the_same_handles)
{
	struct dk_attach parent = parent_with(3, "");

	ck_assert_int_eq(dk_release(rig.dp, parent.context_id, 1), 0);
	in_child(clone_shares_and_diverges, &parent);
	ck_assert_uint_eq(lun_of(0)->users, 2);
	end(&parent);
	emul_rig_close(&rig);
}
END_TEST

static void clone_outlives_its_source(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);
	struct dk_verify verify;

	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, parent->adap_fd), 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, parent->adap_fd), 0);
	/* wait until the parent has detached */
	while (emul_rig_shm(&rig)->lun[0].users > 1)
		emul_housekeep(emul_rig_ad(&rig));
	ck_assert_int_eq(dk_verify(rig.dp, mine.context_id, 0, NULL, &verify), 0);
	ck_assert_uint_eq(verify.last_lba, CHUNK - 1);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4095);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
	ck_assert_uint_eq(lun_of(0)->users, 0);
	emul_rig_end_child(&rig);
}

START_TEST(test_clone_outlives_its_source)
{
	struct dk_attach parent = parent_with(1, "");
	pid_t child = quiet_fork();

	if (!child) {
		emul_rig_in_child(&rig);
		clone_outlives_its_source(&parent);
	}
	while (emul_rig_shm(&rig)->lun[0].users < 2)
		emul_housekeep(emul_rig_ad(&rig));
	emul_rig_detach(rig.dp, parent.context_id, parent.adap_fd);
	emul_rig_wait_child(child);
	emul_rig_close(&rig);
}
END_TEST

static void clone_read_only(const struct dk_attach *parent)
{
	struct emul_adapter *ad = emul_rig_ad(&rig);
	struct dk_attach mine;

	ck_assert_int_eq(dk_attach(rig.dp, O_RDONLY, &mine), 0);
	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, parent->adap_fd), 0);
	ck_assert_uint_eq(emul_rht_at(ad, &ad->shm->pe[(uint32_t)mine.context_id], 0)->fp,
			  EMUL_PERM_READ);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
}

START_TEST(test_clone_can_only_reduce_permission)
{
	struct dk_attach parent = parent_with(1, "");

	in_child(clone_read_only, &parent);
	end(&parent);
	emul_rig_close(&rig);
}
END_TEST

static void clone_nothing(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);

	/* somebody keeps the LUN in virtual mode */
	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, parent->adap_fd), 0);
	ck_assert_uint_eq(lun_of(0)->users, 1);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
}

START_TEST(test_clone_of_nothing_succeeds)
{
	struct dk_attach parent = parent_with(0, ""), other = emul_rig_attach(rig.dp);

	emul_rig_virtual(rig.dp, other.context_id, 1);
	in_child(clone_nothing, &parent);
	end(&other);
	end(&parent);
	/* the child had a copy of this one, too, until it ended */
	emul_rig_close(&rig);
}
END_TEST

/* ---- limits ---- */

static void clone_255_times(const struct dk_attach *parent)
{
	static struct dk_attach mine[256];

	for (unsigned i = 0; i < 256; i++) {
		mine[i] = emul_rig_attach(rig.dp);
		ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine[i].context_id, 0),
				 i < 255 ? 0 : -EIO);
	}
	ck_assert_uint_eq(lun_of(0)->users, 256);
	/* one owner less, and there is room again */
	ck_assert_int_eq(dk_release(rig.dp, mine[0].context_id, 0), 0);
	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine[255].context_id, 0), 0);
	for (unsigned i = 0; i < 256; i++)
		emul_rig_detach(rig.dp, mine[i].context_id, mine[i].adap_fd);
}

START_TEST(test_a_chunk_has_at_most_256_owners)
{
	struct dk_attach parent = parent_with(1, "handles=16");

	in_child(clone_255_times, &parent);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4095);
	end(&parent);
	emul_rig_close(&rig);
}
END_TEST

/* ---- errors ---- */

static void clone_wrongly(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp), used = emul_rig_attach(rig.dp);
	uint64_t src = parent->context_id, dst = mine.context_id;
	struct devport *other = emul_rig_path(&rig, "lun=1");

	emul_rig_virtual(rig.dp, used.context_id, 0);
	ck_assert_int_eq(dk_clone(rig.dp, src, src, 0), -EINVAL);
	ck_assert_int_eq(dk_clone(rig.dp, dst, dst, 0), -EINVAL);
	ck_assert_int_eq(dk_clone(rig.dp, src, used.context_id, 0), -EINVAL);
	ck_assert_int_eq(dk_clone(rig.dp, used.context_id, dst, 0), -EINVAL);
	ck_assert_int_eq(dk_clone(rig.dp, src + (1ull << 32), dst, 0), -EINVAL);
	ck_assert_int_eq(dk_clone(rig.dp, src, dst + (1ull << 32), 0), -EINVAL);
	ck_assert_int_eq(dk_clone(other, src, dst, 0), -EINVAL);
	ck_assert_uint_eq(lun_of(0)->users, 3);
	ck_assert_int_eq(dk_clone(rig.dp, src, dst, 0), 0);
	other->ops->close(other);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
	emul_rig_detach(rig.dp, used.context_id, used.adap_fd);
}

START_TEST(test_clone_wants_a_parent_and_a_pristine_child)
{
	struct dk_attach parent = parent_with(2, "luns=2");

	in_child(clone_wrongly, &parent);
	end(&parent);
	/* its own context is not its parent's, so the driver refuses */
	emul_rig_close_broken(&rig, EMUL_FOREIGN_IOCTL, 1);
}
END_TEST

static void clone_grandparents(const struct dk_attach *grandparent)
{
	struct dk_attach mine;
	pid_t child = quiet_fork();

	if (!child) {
		emul_rig_in_child(&rig);
		mine = emul_rig_attach(rig.dp);
		ck_assert_int_eq(dk_clone(rig.dp, grandparent->context_id, mine.context_id, 0),
				 -EINVAL);
		emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
		ck_assert_int_eq(dk_close_adap_fd(rig.dp, grandparent->adap_fd), 0);
		emul_rig_end_child(&rig);
	}
	emul_rig_wait_child(child);
}

START_TEST(test_grandchild_cannot_clone)
{
	struct dk_attach parent = parent_with(1, "");

	in_child(clone_grandparents, &parent);
	end(&parent);
	emul_rig_close_broken(&rig, EMUL_FOREIGN_IOCTL, 1);
}
END_TEST

static void clone_with_failed_sync(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);

	emul_rig_fault(&rig, "at=sync n=3 action=eagain");
	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, 0), -EAGAIN);
	ck_assert_uint_eq(lun_of(0)->users, 3);
	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, 0), 0);
	ck_assert_uint_eq(lun_of(0)->users, 6);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
}

START_TEST(test_failed_sync_undoes_the_clone)
{
	struct dk_attach parent = parent_with(3, "");
	uint64_t chunks[8];

	in_child(clone_with_failed_sync, &parent);
	ck_assert_uint_eq(emul_rig_chunks(&rig, parent.context_id, 2, chunks, 8), 3);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096 - 6);
	end(&parent);
	emul_rig_close(&rig);
}
END_TEST

static void clone_lost_source(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);

	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, 0), -EINVAL);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
}

START_TEST(test_source_on_the_error_list_cannot_be_cloned)
{
	struct dk_attach parent = parent_with(1, "");

	emul_reset(emul_rig_ad(&rig), EMUL_RESET_HOST, 0);
	in_child(clone_lost_source, &parent);
	end(&parent);
	emul_rig_close(&rig);
}
END_TEST

/* ---- unsound clones ---- */

/** A parent with LUN 0 (one chunk) and LUN 1 (one chunk) in one context. */
static struct dk_attach parent_of_two(struct devport **ret_other, const char *options)
{
	struct dk_attach attach, reuse;

	emul_rig_open(&rig, options);
	*ret_other = emul_rig_path(&rig, "lun=1");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_attach_reuse(*ret_other, attach.context_id, &reuse), 0);
	return attach;
}

static void clone_two_luns(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);
	struct devport *other = emul_rig_path(&rig, "lun=1");
	bool bugs = emul_geometry(emul_rig_ad(&rig))->bugs;

	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, 0), 0);
	ck_assert_uint_eq(lun_of(0)->users, bugs ? 3 : 2);
	ck_assert_uint_eq(lun_of(1)->users, bugs ? 1 : 2);
	/* The merged LUN is not counted: the context goes with the first detach. */
	ck_assert_int_eq(dk_detach(other, mine.context_id), 0);
	ck_assert_int_eq(dk_detach(rig.dp, mine.context_id), bugs ? -EINVAL : 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, mine.adap_fd), 0);
	other->ops->close(other);
}

START_TEST(test_clone_of_several_luns_miscounts)
{
	bool bugs = _i;
	struct devport *other;
	struct dk_attach parent = parent_of_two(&other, bugs ? "luns=2" : "luns=2,bugs=off");

	emul_rig_virtual(rig.dp, parent.context_id, 1);
	emul_rig_virtual(other, parent.context_id, 1);
	in_child(clone_two_luns, &parent);
	if (!bugs) {
		ck_assert_uint_eq(lun_of(0)->free_chunks, 4095);
		ck_assert_uint_eq(lun_of(1)->free_chunks, 4095);
	}
	ck_assert_int_eq(dk_detach(other, parent.context_id), 0);
	emul_rig_detach(rig.dp, parent.context_id, parent.adap_fd);
	other->ops->close(other);
	emul_rig_close_broken(&rig, EMUL_CLONE_MULTI_LUN, 1);
}
END_TEST

static void clone_physical(const struct dk_attach *parent)
{
	struct dk_attach mine = emul_rig_attach(rig.dp);

	ck_assert_int_eq(dk_clone(rig.dp, parent->context_id, mine.context_id, 0), -EINVAL);
	emul_rig_detach(rig.dp, mine.context_id, mine.adap_fd);
}

START_TEST(test_clone_of_a_physical_handle_is_audited)
{
	struct devport *other;
	struct dk_attach parent = parent_of_two(&other, "luns=2");
	struct dk_udirect udirect;

	emul_rig_virtual(rig.dp, parent.context_id, 1);
	ck_assert_int_eq(dk_user_direct(other, parent.context_id, &udirect), 0);
	in_child(clone_physical, &parent);
	ck_assert_int_eq(dk_detach(other, parent.context_id), 0);
	emul_rig_detach(rig.dp, parent.context_id, parent.adap_fd);
	other->ops->close(other);
	emul_rig_close_broken(&rig, EMUL_CLONE_PHYSICAL, 1);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

int main(void)
{
	Suite *suite = suite_create("emul_driver_clone");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");

	tcase_add_test(core, test_clone_shares_chunks_at_the_same_handles);
	tcase_add_test(core, test_clone_outlives_its_source);
	tcase_add_test(core, test_clone_can_only_reduce_permission);
	tcase_add_test(core, test_clone_of_nothing_succeeds);
	tcase_add_test(core, test_a_chunk_has_at_most_256_owners);
	tcase_add_test(errors, test_clone_wants_a_parent_and_a_pristine_child);
	tcase_add_test(errors, test_grandchild_cannot_clone);
	tcase_add_test(errors, test_failed_sync_undoes_the_clone);
	tcase_add_test(errors, test_source_on_the_error_list_cannot_be_cloned);
	tcase_add_loop_test(errors, test_clone_of_several_luns_miscounts, 0, 2);
	tcase_add_test(errors, test_clone_of_a_physical_handle_is_audited);
	tcase_set_timeout(core, TIMEOUT);
	suite_add_tcase(suite, core);
	tcase_set_timeout(errors, TIMEOUT);
	suite_add_tcase(suite, errors);
	return run_suite(suite);
}
