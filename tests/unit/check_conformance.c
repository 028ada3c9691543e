/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the results of the conformance program on the emulated adapter with stored ones. */
#include <check.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/emul_rig.h"

#define LINE 512

/* Adapters to run it on, and the files with the expected results. */
static const struct {
	const char *options, *expected;
} rows[] = {
	{ "luns=2,size=8G,handles=256,mode=sq,bs=4096", "tests/conformance/expected-sq-4096" },
	{ "luns=2,size=8G,handles=4096,mode=ioarrin,bs=512",
	  "tests/conformance/expected-ioarrin-512" },
};

static struct emul_rig rig;

/** The program is in the directory of this one. */
static void program(char path[PATH_MAX])
{
	char self[PATH_MAX] = "";

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	snprintf(path, PATH_MAX, "%.2000s/../conformance/conformance", dirname(self));
}

static FILE *start(void)
{
	char path[PATH_MAX], wwid[2 * DK_WWID_LEN + 1], command[PATH_MAX + 512];
	FILE *answers;

	program(path);
	for (unsigned i = 0; i < DK_WWID_LEN; i++)
		snprintf(wwid + 2 * i, 3, "%02x", emul_rig_shm(&rig)->disk[0].wwid[i]);
	snprintf(command, sizeof(command), "%.2000s -w %s emul:%s emul:%s,lun=1", path, wwid,
		 rig.dir, rig.dir);
	answers = popen(command, "re");
	ck_assert_ptr_nonnull(answers);
	return answers;
}

START_TEST(test_answers_are_the_expected_ones)
{
	char line[LINE], want[LINE];
	FILE *expected = fopen(rows[_i].expected, "re"), *answers;
	struct emul_shm *shm;

	ck_assert_ptr_nonnull(expected);
	emul_rig_open(&rig, rows[_i].options);
	answers = start();
	while (fgets(line, sizeof(line), answers)) {
		ck_assert_ptr_nonnull(fgets(want, sizeof(want), expected));
		ck_assert_str_eq(line, want);
	}
	ck_assert_ptr_null(fgets(want, sizeof(want), expected));
	ck_assert_int_eq(pclose(answers), 0);
	fclose(expected);
	/* Some cases break rules on purpose, but none may leave resources allocated. */
	emul_housekeep(emul_rig_ad(&rig));
	shm = emul_rig_shm(&rig);
	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		ck_assert_uint_eq(shm->pe[i].flags, 0);
	ck_assert_uint_eq(shm->lun[0].users + shm->lun[1].users, 0);
	emul_audit_clear(emul_rig_ad(&rig));
	emul_rig_close(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conformance");
	TCase *tc = tcase_create("emul");

#ifdef __SANITIZE_THREAD__
	puts("skip: ThreadSanitizer cannot follow threads that begin in a forked child");
	return 77;
#endif
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_answers_are_the_expected_ones, 0,
			    sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
