/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line of cxlfs means. Mount tests try each option. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/options.h"

static struct options options;

static enum options_result parse(const char *device, const char *list)
{
	char *argv[] = { "cxlfs", (char *)(uintptr_t)device, "/mnt",
			 "-o",    (char *)(uintptr_t)list,   NULL };

	const struct explainer to = { NULL, NULL };

	return options_parse(5, argv, &to, &options);
}

static void stop(void)
{
	options_free(&options);
}

START_TEST(test_options_a_comma_before_a_device_splits_the_list)
{
	ck_assert_int_eq(parse("emul:/a,lun=1,/dev/sdb,emul:/c", "rw"), OPTIONS_RUN);
	ck_assert_uint_eq(options.nr_devices, 3);
	ck_assert_str_eq(options.devices[0], "emul:/a,lun=1");
	ck_assert_str_eq(options.devices[1], "/dev/sdb");
	ck_assert_str_eq(options.devices[2], "emul:/c");
}
END_TEST

START_TEST(test_options_an_escaped_comma_does_not_split_it)
{
	ck_assert_int_eq(parse("emul:/a\\,/b", "rw"), OPTIONS_RUN);
	ck_assert_uint_eq(options.nr_devices, 1);
}
END_TEST

START_TEST(test_options_a_comma_after_an_escaped_backslash_splits_it)
{
	ck_assert_int_eq(parse("emul:/a\\\\,emul:/b", "rw"), OPTIONS_RUN);
	ck_assert_uint_eq(options.nr_devices, 2);
	ck_assert_str_eq(options.devices[0], "emul:/a\\\\");
}
END_TEST

START_TEST(test_options_a_device_without_a_name_is_refused)
{
	ck_assert_int_eq(parse("", "rw"), OPTIONS_WRONG);
	options_free(&options);
	ck_assert_int_eq(parse(",/dev/sda", "rw"), OPTIONS_WRONG);
}
END_TEST

START_TEST(test_options_a_remount_may_change_flags_alone)
{
	ck_assert_int_eq(parse("emul:/a", "remount,ro"), OPTIONS_RUN);
	ck_assert(options.remount);
	ck_assert_str_eq(options.words, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");

	tcase_add_checked_fixture(tcase, NULL, stop);
	tcase_add_test(tcase, test_options_a_comma_before_a_device_splits_the_list);
	tcase_add_test(tcase, test_options_an_escaped_comma_does_not_split_it);
	tcase_add_test(tcase, test_options_a_comma_after_an_escaped_backslash_splits_it);
	tcase_add_test(tcase, test_options_a_device_without_a_name_is_refused);
	tcase_add_test(tcase, test_options_a_remount_may_change_flags_alone);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
