/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator does not use directories, files and links of other users. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devport/devport.h"
#include "support/emul_rig.h"

#define STRANGER 65534

static const char *const names[] = { ".", "adapter", "mmio", "lun0" };
#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static char dir[64], text[512];

static void explain(void *arg, const char *why)
{
	(void)arg;
	snprintf(text, sizeof(text), "%s", why);
}

static int try_open(const char *path)
{
	char device[512];
	struct devport *dp;
	int rc;

	text[0] = '\0';
	snprintf(device, sizeof(device), "emul:%s,size=256M", path);
	rc = devport_emul_ops.open(device, explain, NULL, &dp);
	if (!rc)
		dp->ops->close(dp);
	return rc;
}

static void must_open(void)
{
	int rc = try_open(dir);

	ck_assert_msg(!rc, "%d: %s", rc, text);
}

static void must_refuse(const char *words)
{
	int rc = try_open(dir);

	ck_assert_msg(rc == -EPERM, "%d: %s", rc, text);
	ck_assert_msg(strstr(text, words) && strstr(text, dir), "%s", text);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool is_there(const char *name)
{
	return !access(in_dir(name), F_OK);
}

static void setup(void)
{
	strcpy(dir, "/tmp/emul_safe_open.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	emul_rig_remove(dir);
}

START_TEST(test_what_others_can_write_is_refused)
{
	must_open();
	for (unsigned i = 0; i < NR_NAMES; i++) {
		mode_t good = i ? 0600 : 0700;

		ck_assert_int_eq(chmod(in_dir(names[i]), good | 020), 0);
		must_refuse("can be changed by other users");
		ck_assert_int_eq(chmod(in_dir(names[i]), good | 002), 0);
		must_refuse("can be changed by other users");
		ck_assert_int_eq(chmod(in_dir(names[i]), good | 055), 0);
		must_open();
		ck_assert_int_eq(chmod(in_dir(names[i]), good), 0);
	}
}
END_TEST

START_TEST(test_what_a_stranger_owns_is_refused)
{
	if (geteuid() != 0)
		return;
	/* Nothing is created in the directory of another user. */
	ck_assert_int_eq(chown(dir, STRANGER, 0), 0);
	must_refuse("belongs to user 65534");
	ck_assert(!is_there("adapter") && !is_there("mmio") && !is_there("lun0"));
	ck_assert_int_eq(chown(dir, 0, 0), 0);
	must_open();
	for (unsigned i = 0; i < NR_NAMES; i++) {
		ck_assert_int_eq(chown(in_dir(names[i]), STRANGER, 0), 0);
		must_refuse("belongs to user 65534");
		ck_assert_int_eq(chown(in_dir(names[i]), 0, 0), 0);
	}
	must_open();
}
END_TEST

START_TEST(test_what_is_left_of_a_maker_is_not_followed)
{
	char secret[64] = "/tmp/emul_secret.XXXXXX";
	struct stat st;
	int fd = mkstemp(secret);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "secret", 6), 6);
	ck_assert_int_eq(symlink(secret, in_dir(".adapter.new")), 0);
	must_open();
	ck_assert(!fstat(fd, &st) && st.st_size == 6);
	close(fd);
	unlink(secret);
}
END_TEST

START_TEST(test_link_to_a_medium_is_followed_if_it_is_ours)
{
	char secret[64] = "/tmp/emul_secret.XXXXXX";
	struct stat st;
	int fd = mkstemp(secret);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "secret", 6), 6);
	ck_assert_int_eq(symlink(secret, in_dir("lun0")), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(lchown(in_dir("lun0"), STRANGER, 0), 0);
		must_refuse("belongs to user 65534");
		ck_assert_int_eq(lchown(in_dir("lun0"), 0, 0), 0);
		/* The link belongs to us, its target does not. */
		ck_assert_int_eq(fchown(fd, STRANGER, 0), 0);
		must_refuse("belongs to user 65534");
		ck_assert_int_eq(fchown(fd, 0, 0), 0);
	}
	ck_assert(!fstat(fd, &st) && st.st_size == 6);
	must_open();
	ck_assert(!fstat(fd, &st) && st.st_size == 256 << 20);
	close(fd);
	unlink(secret);
}
END_TEST

START_TEST(test_link_to_the_directory_is_followed_if_it_is_ours)
{
	char there[64], with_slashes[80];

	strcpy(there, dir);
	strcat(dir, "-link");
	/* A relative link starts at its own directory. */
	ck_assert_int_eq(symlink(strrchr(there, '/') + 1, dir), 0);
	snprintf(with_slashes, sizeof(with_slashes), "%s//", dir);
	ck_assert_int_eq(try_open(with_slashes), 0);
	must_open();
	if (geteuid() == 0) {
		ck_assert_int_eq(lchown(dir, STRANGER, 0), 0);
		must_refuse("belongs to user 65534");
		ck_assert_int_eq(try_open(with_slashes), -EPERM);
	}
	ck_assert_int_eq(unlink(dir), 0);
	strcpy(dir, there);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emul_safe_open");
	TCase *tc = tcase_create("safe_open");

	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_what_others_can_write_is_refused);
	tcase_add_test(tc, test_what_a_stranger_owns_is_refused);
	tcase_add_test(tc, test_what_is_left_of_a_maker_is_not_followed);
	tcase_add_test(tc, test_link_to_a_medium_is_followed_if_it_is_ours);
	tcase_add_test(tc, test_link_to_the_directory_is_followed_if_it_is_ours);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
