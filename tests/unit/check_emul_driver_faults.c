/* SPDX-License-Identifier: Apache-2.0 */
/* Failures of the emulated driver's ioctls, injected by rule or by the driver's own defects. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/emul_rig.h"

#define CHUNK 65536ull /* of 4,096-byte blocks */

#define TIMEOUT 300 /* seconds; for slow machines and valgrind */

static struct emul_rig rig;

static struct emul_lun *lun_of(unsigned lun)
{
	return &emul_rig_shm(&rig)->lun[lun];
}

/* ---- NEED_WRITE_SAME ---- */

static void write_block(const char *name, uint64_t block, char value)
{
	char path[128], bytes[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	memset(bytes, value, sizeof(bytes));
	ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), (off_t)(block * sizeof(bytes))), 4096);
	close(fd);
}

static char read_block(const char *name, uint64_t block)
{
	char path[128], byte;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(block * 4096)), 1);
	close(fd);
	return byte;
}

static void scrub_chunk_3(const char *options)
{
	struct dk_attach attach;
	struct dk_uvirtual uvirtual;

	emul_rig_open(&rig, options);
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 3);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 1, DK_UVF_NEED_WRITE_SAME,
					 &uvirtual),
			 0);
	write_block("lun0", 2, 'a');
	write_block("lun0", 3, 'b');
	write_block("lun0", CHUNK + 2, 'c');
	write_block("lun0", CHUNK + 3, 'd');
	write_block("lun0", 3 * CHUNK, 'e');
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 1), 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
}

START_TEST(test_write_same_zeroes_the_wrong_blocks)
{
	scrub_chunk_3("");
	ck_assert_int_eq(read_block("lun0", 2), 'a');
	ck_assert_int_eq(read_block("lun0", 3), 0);
	ck_assert_int_eq(read_block("lun0", CHUNK + 2), 0);
	ck_assert_int_eq(read_block("lun0", CHUNK + 3), 'd');
	ck_assert_int_eq(read_block("lun0", 3 * CHUNK), 'e');
	emul_rig_close_broken(&rig, EMUL_WRITE_SAME_ASKED, 1);
}
END_TEST

START_TEST(test_write_same_without_the_defect_zeroes_the_chunk)
{
	scrub_chunk_3("bugs=off");
	ck_assert_int_eq(read_block("lun0", 3), 'b');
	ck_assert_int_eq(read_block("lun0", CHUNK + 2), 'c');
	ck_assert_int_eq(read_block("lun0", 3 * CHUNK), 0);
	emul_rig_close_broken(&rig, EMUL_WRITE_SAME_ASKED, 1);
}
END_TEST

/* ---- injected failures ---- */

START_TEST(test_failed_sync_leaves_tables_changed)
{
	struct dk_attach attach;
	struct dk_resize resize;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	emul_rig_fault(&rig, _i ? "at=resize n=1 action=eagain" : "at=sync n=1 action=eio");
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 4 * CHUNK, &resize), -EAGAIN);
	ck_assert_uint_eq(resize.last_lba, 0);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4092);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 4 * CHUNK, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, 4 * CHUNK - 1);
	emul_rig_fault(&rig, "at=sync n=1 action=eagain");
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, CHUNK, &resize), -EAGAIN);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4095);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, CHUNK, &resize), 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_failed_release_can_be_repeated)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	emul_rig_fault(&rig, "at=release n=1 action=eagain");
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), -EAGAIN);
	ck_assert_uint_eq(lun_of(0)->users, 1);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), 0);
	ck_assert_uint_eq(lun_of(0)->users, 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_detach_ignores_failed_releases)
{
	struct dk_attach attach;
	struct dk_udirect udirect;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	emul_rig_fault(&rig, "at=detach n=1 action=eagain");
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	/* The handle's user count is lost, and the LUN stuck in its mode. */
	ck_assert_uint_eq(lun_of(0)->users, 1);
	ck_assert_uint_eq(lun_of(0)->mode, EMUL_LUN_VIRTUAL);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4096);
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), -EINVAL);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_failed_virtual_open_leaves_a_stale_mapping)
{
	struct dk_attach attach;
	struct dk_uvirtual uvirtual;
	bool bugs = _i;

	emul_rig_open(&rig, bugs ? "" : "bugs=off");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_fault(&rig, "at=virtual n=1 action=eagain");
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 3 * CHUNK, 0, &uvirtual),
			 -EAGAIN);
	ck_assert_uint_eq(lun_of(0)->free_chunks, bugs ? 4092 : 4095);
	/* The next handle 1 begins with the chunks of the one that never was. */
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 4 * CHUNK, 0, &uvirtual), 0);
	ck_assert_uint_eq(uvirtual.rsrc_handle, 1);
	ck_assert_uint_eq(uvirtual.last_lba, 4 * CHUNK - 1);
	ck_assert_uint_eq(lun_of(0)->free_chunks, 4091);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	ck_assert_uint_eq(lun_of(0)->users, 0);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_failed_direct_open_gives_all_back)
{
	struct dk_attach attach;
	struct dk_udirect udirect;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_fault(&rig, "at=sync n=1 action=ebusy");
	/* the only one that passes the sync's own error on */
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), -EBUSY);
	ck_assert_uint_eq(lun_of(0)->mode, EMUL_LUN_NONE);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), 0);
	ck_assert_uint_eq(udirect.rsrc_handle, 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_growth_is_short_on_request)
{
	struct dk_attach attach;
	struct dk_resize resize;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_fault(&rig, "at=resize n=1 action=short chunks=2");
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 9 * CHUNK, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, 3 * CHUNK - 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

static const struct {
	const char *rule;
	int rc;
} errnos[] = {
	{ "action=enospc", -ENOSPC }, { "action=enomem", -ENOMEM }, { "action=emfile", -EMFILE },
	{ "action=enodev", -ENODEV }, { "action=eintr", -EINTR },   { "action=ebusy", -EBUSY },
};

START_TEST(test_any_errno_can_be_injected_anywhere)
{
	static const char *const points[] = { "attach",  "direct", "release", "detach", "verify",
					      "recover", "manage", "virtual", "resize", "clone" };
	uint8_t arg[256] = { 0 };
	char rule[128];

	emul_rig_open(&rig, "");
	for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		snprintf(rule, sizeof(rule), "at=%s n=1 %s", points[i], errnos[_i].rule);
		emul_rig_fault(&rig, rule);
	}
	for (unsigned i = 0; i < DK_NR_IOCTLS; i++)
		ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, dk_all_ioctls[i], arg), errnos[_i].rc);
	ck_assert_uint_eq(lun_of(0)->users, 0);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_an_ioctl_can_be_late)
{
	uint64_t start_ns;
	struct dk_attach attach;
	struct dk_resize resize;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	emul_rig_fault(&rig,
		       _i ? "at=resize n=1 action=late ms=50" : "at=sync n=1 action=late ms=50");
	start_ns = clock_now_ns();
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 4 * CHUNK, &resize), 0);
	ck_assert_uint_ge(clock_now_ns() - start_ns, 50000000);
	ck_assert_uint_eq(resize.last_lba, 4 * CHUNK - 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

int main(void)
{
	Suite *suite = suite_create("emul_driver_faults");
	TCase *tc = tcase_create("faults");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_write_same_zeroes_the_wrong_blocks);
	tcase_add_test(tc, test_write_same_without_the_defect_zeroes_the_chunk);
	tcase_add_loop_test(tc, test_failed_sync_leaves_tables_changed, 0, 2);
	tcase_add_test(tc, test_failed_release_can_be_repeated);
	tcase_add_test(tc, test_detach_ignores_failed_releases);
	tcase_add_loop_test(tc, test_failed_virtual_open_leaves_a_stale_mapping, 0, 2);
	tcase_add_test(tc, test_failed_direct_open_gives_all_back);
	tcase_add_test(tc, test_growth_is_short_on_request);
	tcase_add_loop_test(tc, test_any_errno_can_be_injected_anywhere, 0,
			    sizeof(errnos) / sizeof(errnos[0]));
	tcase_add_loop_test(tc, test_an_ioctl_can_be_late, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
