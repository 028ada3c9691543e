/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm emul: create, status, audit and faults of adapters in use and not in use. */
#include <check.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adm/adm.h"
#include "emul/adapter.h"
#include "support/emul_host.h"

static char *output; /* of the last command */

typedef int command_fn(int argc, char *argv[], FILE *out);

/* Run a command with the words of @line. */
static int run(command_fn *command, const char *line)
{
	char words[1024], *argv[32], *save;
	size_t bytes;
	FILE *out;
	int argc = 0, status;

	free(output);
	out = open_memstream(&output, &bytes);
	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	status = command(argc, argv, out);
	fclose(out);
	return status;
}

static int run_on(command_fn *command, const char *dir, const char *rest)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s %s", dir, rest);
	return run(command, line);
}

static void make_dir(char *dir)
{
	strcpy(dir, "/tmp/adm_emul.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_adapter(const char *dir)
{
	struct emul_host host = { 0 };

	snprintf(host.dir, sizeof(host.dir), "%s", dir);
	emul_host_remove(&host);
	free(output);
	output = NULL;
}

static int64_t number(const char *object, const char *key)
{
	struct json_object *whole = json_tokener_parse(output), *part = whole, *value;
	int64_t n;

	ck_assert_ptr_nonnull(whole);
	if (object)
		ck_assert(json_object_object_get_ex(whole, object, &part));
	ck_assert(json_object_object_get_ex(part, key, &value));
	n = json_object_is_type(value, json_type_array) ? (int64_t)json_object_array_length(value)
							: json_object_get_int64(value);
	json_object_put(whole);
	return n;
}

START_TEST(test_create_makes_what_was_asked_for)
{
	char dir[64];

	make_dir(dir);
	ck_assert_int_eq(run_on(adm_emul_create, dir, "size=2G luns=3,bs=512 mode=ioarrin"),
			 ADM_OK);
	ck_assert_int_eq(run_on(adm_emul_status, dir, "--json"), ADM_OK);
	ck_assert_int_eq(number("geometry", "luns"), 3);
	ck_assert_int_eq(number("geometry", "block_bytes"), 512);
	ck_assert_int_eq(number(NULL, "luns"), 3);
	ck_assert_int_eq(number(NULL, "breaches"), 0);
	ck_assert_int_eq(run_on(adm_emul_create, dir, "luns=3"), ADM_OK); /* agrees */
	ck_assert_int_eq(run_on(adm_emul_create, dir, "luns=2"), ADM_FAILED);
	remove_adapter(dir);
}
END_TEST

START_TEST(test_looking_never_makes_an_adapter)
{
	char dir[64], path[128];
	struct stat st;

	make_dir(dir);
	ck_assert_int_eq(run_on(adm_emul_status, dir, ""), ADM_FAILED);
	ck_assert_int_eq(run_on(adm_emul_audit, dir, ""), ADM_FAILED);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "list"), ADM_FAILED);
	snprintf(path, sizeof(path), "%s/adapter", dir);
	ck_assert_int_ne(stat(path, &st), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static const struct {
	command_fn *command;
	const char *line;
} misuses[] = {
	{ adm_emul_create, "" },        { adm_emul_create, "--help" },  { adm_emul_status, "" },
	{ adm_emul_status, "a b" },     { adm_emul_status, "a --xml" }, { adm_emul_audit, "" },
	{ adm_emul_audit, "a --json" }, { adm_emul_fault, "" },
};

START_TEST(test_misuse_is_told_apart_from_failure)
{
	ck_assert_int_eq(run(misuses[_i].command, misuses[_i].line), ADM_USAGE);
}
END_TEST

START_TEST(test_rules_are_added_listed_and_removed)
{
	char dir[64];

	make_dir(dir);
	ck_assert_int_eq(run_on(adm_emul_create, dir, "size=1G"), ADM_OK);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "add at=write n=5 action=medium"), ADM_OK);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "every=1s action=reset"), ADM_OK);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, ""), ADM_OK);
	ck_assert_str_eq(output, " 0: at=write n=5 action=medium (0 of 0)\n"
				 " 1: every=1s action=reset kind=eeh (0 of 0)\n");
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "clear 0"), ADM_OK);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "clear 0"), ADM_FAILED);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "clear x"), ADM_FAILED);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "list"), ADM_OK);
	ck_assert_str_eq(output, " 1: every=1s action=reset kind=eeh (0 of 0)\n");
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "clear"), ADM_OK);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "list"), ADM_OK);
	ck_assert_str_eq(output, "");
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "add at=write"), ADM_FAILED);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "explode"), ADM_USAGE);
	ck_assert_int_eq(run_on(adm_emul_fault, dir, "reset softly"), ADM_USAGE);
	remove_adapter(dir);
}
END_TEST

START_TEST(test_a_reset_reaches_contexts_in_use)
{
	struct emul_host host;

	emul_host_make(&host, "size=1G");
	emul_host_attach(&host, 8, 9);
	ck_assert_int_eq(run_on(adm_emul_fault, host.dir, "reset host"), ADM_OK);
	ck_assert_uint_eq(host.ops->read64(host.mmio, SISL_CMD_ROOM), SISL_ALL_ONES);
	ck_assert_int_eq(emul_host_recover(&host), 1);
	ck_assert_int_eq(run_on(adm_emul_status, host.dir, "--json"), ADM_OK);
	ck_assert_int_eq(number(NULL, "contexts"), 1);
	ck_assert_int_eq(number(NULL, "recoveries"), 1);
	ck_assert_int_eq(run_on(adm_emul_fault, host.dir, "fail"), ADM_OK);
	ck_assert_uint_eq(host.ops->read64(host.mmio, SISL_CMD_ROOM), SISL_ALL_ONES);
	ck_assert_int_eq(run_on(adm_emul_status, host.dir, ""), ADM_OK);
	ck_assert_ptr_nonnull(strstr(output, "failed"));
	emul_host_destroy(&host);
	free(output);
	output = NULL;
}
END_TEST

START_TEST(test_a_rule_added_from_outside_hits_commands)
{
	struct emul_host host;
	uint32_t handle;
	uint8_t *buf = calloc(1, 4096);

	emul_host_make(&host, "size=1G");
	emul_host_attach(&host, 8, 9);
	handle = emul_host_virtual(&host, 1);
	ck_assert_int_eq(run_on(adm_emul_fault, host.dir, "at=read n=2 action=busy"), ADM_OK);
	emul_host_io(&host, false, handle, 0, 1, buf);
	emul_host_fill(&host, 0, false, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x00000800);
	ck_assert_int_eq(run_on(adm_emul_fault, host.dir, ""), ADM_OK);
	ck_assert_str_eq(output, " 0: at=read n=2 action=busy (1 of 2)\n");
	emul_host_destroy(&host);
	free(output);
	output = NULL;
	free(buf);
}
END_TEST

START_TEST(test_audit_fails_when_rules_were_broken_and_clear_forgets)
{
	struct emul_host host;

	emul_host_make(&host, "size=1G");
	emul_host_attach(&host, 8, 9);
	ck_assert_int_eq(run_on(adm_emul_audit, host.dir, ""), ADM_OK);
	ck_assert_str_eq(output, "");
	host.ops->read64(host.mmio, 3); /* no register */
	ck_assert_int_eq(run_on(adm_emul_audit, host.dir, "--clear"), ADM_FAILED);
	ck_assert_ptr_nonnull(strstr(output, "1 x access to something that is not a register"));
	ck_assert_int_eq(run_on(adm_emul_audit, host.dir, ""), ADM_OK);
	emul_host_destroy(&host);
	free(output);
	output = NULL;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adm_emul");
	TCase *tc = tcase_create("core");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_create_makes_what_was_asked_for);
	tcase_add_test(tc, test_looking_never_makes_an_adapter);
	tcase_add_loop_test(tc, test_misuse_is_told_apart_from_failure, 0,
			    (int)(sizeof(misuses) / sizeof(misuses[0])));
	tcase_add_test(tc, test_rules_are_added_listed_and_removed);
	tcase_add_test(tc, test_a_reset_reaches_contexts_in_use);
	tcase_add_test(tc, test_a_rule_added_from_outside_hits_commands);
	tcase_add_test(tc, test_audit_fails_when_rules_were_broken_and_clear_forgets);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
