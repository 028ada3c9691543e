/* SPDX-License-Identifier: Apache-2.0 */
/* A child takes over the vLUNs of its parent: fork, fork and exec, the refusals, and who closes. */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emul/store/shm.h"
#include "superpipe/clone.h"
#include "superpipe/dead_owner.h"
#include "superpipe/superpipe.h"
#include "support/emul_host.h"
#include "support/fake_port.h"
#include "support/quiet_fork.h"
#include "support/sp_wait.h"

static struct emul_host host;
static struct superpipe *sp;
static struct superpipe_vlun *vlun;
static char explained[512];

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	strncpy(explained, text, sizeof(explained) - 1);
}

static int try_open_sp(unsigned nr_luns, bool physical, struct superpipe **ret_sp)
{
	char names[2][300];
	const char *devices[2] = { names[0], names[1] };
	struct superpipe_options options = { .physical = physical, .recover_pause_ms = 2 };

	for (unsigned i = 0; i < 2; i++)
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", host.dir, i);
	return superpipe_open(devices, nr_luns, &options, on_explain, NULL, ret_sp);
}

static struct superpipe *open_sp(unsigned nr_luns, bool physical)
{
	struct superpipe *opened;

	ck_assert_int_eq(try_open_sp(nr_luns, physical, &opened), 0);
	return opened;
}

static void start(const char *more)
{
	char options[100];
	uint64_t granted;

	snprintf(options, sizeof(options), ",size=4G,luns=2%s", more);
	emul_host_make(&host, options);
	sp = open_sp(1, false);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 2, &granted), 0);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 5, 3, 0x11), 0);
}

/* Two processes take turns: a byte each way. */
static int to_child[2], to_parent[2];

static void make_pipes(void)
{
	ck_assert_int_eq(pipe(to_child), 0);
	ck_assert_int_eq(pipe(to_parent), 0);
}

/* Each side closes the ends it does not use, so that it reads end of file when the other exits. */
static void keep_pipes_of_child(void)
{
	close(to_child[1]);
	close(to_parent[0]);
}

static void keep_pipes_of_parent(void)
{
	close(to_child[0]);
	close(to_parent[1]);
}

static void pass(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(90);
}

static void await(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		_exit(91);
}

/* In the parent: checks the child's exit status. */
static void await_child(pid_t child)
{
	char byte;
	int status;

	if (read(to_parent[0], &byte, 1) == 1)
		return;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_abort_msg("the child ended too early, with status %#x", (unsigned)status);
}

static void require_success(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* libcheck does not work in a child, so it exits with the line number of the failure. */
#define CHILD(condition)                          \
	do {                                      \
		if (!(condition))                 \
			_exit(__LINE__ % 89 + 1); \
	} while (0)

static void child_after_takeover(void)
{
	uint64_t granted;

	CHILD(sp_wait_read(sp, vlun, 5, 3, 0x11) == 0);
	CHILD(sp_wait_write(sp, vlun, 6, 1, 0x22) == 0);
	pass(to_parent[1]);
	await(to_child[0]);
	CHILD(sp_wait_read(sp, vlun, 7, 1, 0x33) == 0);
	/* Growth is private. */
	CHILD(superpipe_vlun_resize(vlun, 4, &granted) == 0 && granted == 4);
	pass(to_parent[1]);
	/* The parent has exited; the data must still be there. */
	await(to_child[0]);
	CHILD(sp_wait_read(sp, vlun, 6, 1, 0x22) == 0);
	CHILD(sp_wait_read(sp, vlun, 7, 1, 0x33) == 0);
	CHILD(superpipe_vlun_close(vlun) == 0);
	superpipe_close(sp);
	_exit(0);
}

START_TEST(test_clone_child_takes_over_and_the_parent_may_end)
{
	uint32_t chunk_lbas;
	pid_t child;

	start(_i == 1 ? ",mode=ioarrin" : _i == 2 ? ",legacy_fd" : "");
	chunk_lbas = superpipe_lun_info(sp, 0)->chunk_lbas;
	make_pipes();
	child = quiet_fork();
	if (child == 0) {
		keep_pipes_of_child();
		CHILD(superpipe_takeover(sp) == 0);
		child_after_takeover();
	}
	keep_pipes_of_parent();
	await_child(child);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 6, 1, 0x22), 0);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 7, 1, 0x33), 0);
	pass(to_child[1]);
	await_child(child);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 3 * (uint64_t)chunk_lbas, 1, 0), -EIO);
	superpipe_close(sp);
	pass(to_child[1]);
	require_success(child);
	emul_host_destroy(&host);
}
END_TEST

/* This program; /proc/self/exe may be valgrind's. */
static const char *program;

/* The state that the executed program needs, as one word of its command line. */
static void exec_taken_over(const struct superpipe_clone_source *source,
			    const struct superpipe_vlun_source *vlun_source)
{
	char word[400];

	snprintf(word, sizeof(word), "%llx,%d,%u,%llu,%d,%d,%s",
		 (unsigned long long)source->context_id, source->adap_fd, vlun_source->res_hndl,
		 (unsigned long long)vlun_source->nr_chunks, to_child[0], to_parent[1], host.dir);
	execl(program, "taken-over", word, (char *)NULL);
	_exit(92);
}

/* The other side of exec_taken_over(). */
static int main_taken_over(const char *word)
{
	struct superpipe_clone_source source;
	struct superpipe_vlun_source vlun_source = { 0 };
	unsigned long long context_id, nr_chunks;
	int dir_at = 0;

	if (sscanf(word, "%llx,%d,%u,%llu,%d,%d,%n", &context_id, &source.adap_fd,
		   &vlun_source.res_hndl, &nr_chunks, &to_child[0], &to_parent[1], &dir_at) != 6)
		return 93;
	source.context_id = context_id;
	source.nr_handles = 1;
	vlun_source.nr_chunks = nr_chunks;
	snprintf(host.dir, sizeof(host.dir), "%s", word + dir_at);
	CHILD(try_open_sp(1, false, &sp) == 0);
	CHILD(superpipe_attach_clone(sp, &source) == 0);
	CHILD(superpipe_vlun_import(sp, &vlun_source, &vlun) == 0);
	child_after_takeover();
	return 0;
}

/* _i 0: fork and drop what was inherited; 1: fork and exec. */
START_TEST(test_clone_of_an_exported_context_needs_nothing_inherited)
{
	struct superpipe_clone_source source;
	struct superpipe_vlun_source vlun_source;
	pid_t child;

	start("");
	make_pipes();
	ck_assert_int_eq(superpipe_clone_export(sp, &source), 0);
	superpipe_vlun_export(vlun, &vlun_source);
	child = quiet_fork();
	if (child == 0) {
		keep_pipes_of_child();
		if (_i)
			exec_taken_over(&source, &vlun_source);
		superpipe_drop_after_fork(sp);
		sp = open_sp(1, false);
		CHILD(superpipe_attach_clone(sp, &source) == 0);
		CHILD(superpipe_vlun_import(sp, &vlun_source, &vlun) == 0);
		child_after_takeover();
	}
	keep_pipes_of_parent();
	await_child(child);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 7, 1, 0x33), 0);
	pass(to_child[1]);
	await_child(child);
	superpipe_close(sp);
	pass(to_child[1]);
	require_success(child);
	emul_host_destroy(&host);
}
END_TEST

/* The driver refuses to clone it, because its LUN is not in virtual mode. */
START_TEST(test_clone_of_a_context_without_handles_is_a_new_one)
{
	struct superpipe_clone_source source;
	pid_t child;

	start("");
	ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	ck_assert_int_eq(superpipe_clone_export(sp, &source), 0);
	ck_assert_uint_eq(source.nr_handles, 0);
	child = quiet_fork();
	if (child == 0) {
		uint64_t granted;

		superpipe_drop_after_fork(sp);
		sp = open_sp(1, false);
		CHILD(superpipe_attach_clone(sp, &source) == 0);
		CHILD(superpipe_vlun_open(sp, 0, &vlun) == 0);
		CHILD(superpipe_vlun_resize(vlun, 1, &granted) == 0 && granted == 1);
		superpipe_close(sp);
		_exit(0);
	}
	require_success(child);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

START_TEST(test_clone_is_repeated_when_a_sync_fails_or_the_child_loses_its_context)
{
	pid_t child;

	start("");
	make_pipes();
	emul_host_fault(&host,
			_i ? "at=clone n=1 action=eagain" : "at=attach n=1 action=reset kind=host");
	child = quiet_fork();
	if (child == 0) {
		int rc = superpipe_takeover(sp);

		/* A reset loses the parent's context and its number as well. */
		CHILD(rc == 0 || (!_i && rc == -EINVAL));
		if (!rc)
			CHILD(sp_wait_read(sp, vlun, 5, 3, 0x11) == 0);
		superpipe_close(sp);
		_exit(0);
	}
	require_success(child);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 5, 3, 0x11), 0);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

START_TEST(test_clone_child_that_wants_nothing_leaves_the_parent_alone)
{
	pid_t child;

	start(_i ? ",legacy_fd" : "");
	child = quiet_fork();
	if (child == 0) {
		superpipe_drop_after_fork(sp);
		_exit(0);
	}
	require_success(child);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 5, 3, 0x11), 0);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

START_TEST(test_clone_copy_of_fd2_may_outlive_a_parent_that_has_closed)
{
	pid_t child;

	start("");
	make_pipes();
	child = quiet_fork();
	if (child == 0) {
		keep_pipes_of_child();
		await(to_child[0]); /* keeps fd2 until the parent has closed its own */
		_exit(0);
	}
	keep_pipes_of_parent();
	superpipe_close(sp);
	/* The child holds the process element until it exits. */
	pass(to_child[1]);
	require_success(child);
	emul_host_destroy(&host);
}
END_TEST

static struct superpipe *open_two_luns(void)
{
	struct superpipe *opened;
	char names[2][300];
	const char *devices[2] = { names[0], names[1] };
	struct superpipe_options options = { .recover_pause_ms = 2 };

	for (unsigned i = 0; i < 2; i++)
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", host.dir, i);
	ck_assert_int_eq(superpipe_open(devices, 2, &options, on_explain, NULL, &opened), 0);
	return opened;
}

static struct superpipe_vlun *both[2];

static void start_two_luns(void)
{
	uint64_t granted;

	emul_host_make(&host, ",size=4G,luns=2");
	sp = open_two_luns();
	ck_assert_int_eq(superpipe_attach(sp), 0);
	for (unsigned lun = 0; lun < 2; lun++) {
		ck_assert_int_eq(superpipe_vlun_open(sp, lun, &both[lun]), 0);
		ck_assert_int_eq(superpipe_vlun_resize(both[lun], 1, &granted), 0);
		ck_assert_int_eq(sp_wait_write(sp, both[lun], 5, 3, (unsigned char)lun), 0);
	}
}

START_TEST(test_clone_child_takes_over_every_context)
{
	pid_t child;

	start_two_luns();
	child = quiet_fork();
	if (child == 0) {
		CHILD(superpipe_takeover(sp) == 0);
		for (unsigned lun = 0; lun < 2; lun++) {
			CHILD(sp_wait_read(sp, both[lun], 5, 3, (unsigned char)lun) == 0);
			CHILD(sp_wait_write(sp, both[lun], 9, 1, 0x40 + (unsigned char)lun) == 0);
			CHILD(superpipe_vlun_close(both[lun]) == 0);
		}
		superpipe_close(sp);
		_exit(0);
	}
	require_success(child);
	for (unsigned lun = 0; lun < 2; lun++)
		ck_assert_int_eq(sp_wait_read(sp, both[lun], 9, 1, 0x40 + (unsigned char)lun), 0);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

START_TEST(test_clone_attach_of_every_context_or_none)
{
	struct superpipe_clone_source sources[2];
	struct superpipe_vlun_source vlun_source;
	pid_t child;

	start_two_luns();
	ck_assert_int_eq(superpipe_clone_export(sp, sources), 0);
	superpipe_vlun_export(both[1], &vlun_source);
	ck_assert_uint_eq(vlun_source.lun, 1);
	child = quiet_fork();
	if (child == 0) {
		superpipe_drop_after_fork(sp);
		sp = open_two_luns();
		sources[1].context_id ^= 1ull << 40;
		CHILD(superpipe_attach_clone(sp, sources) == -EINVAL);
		sources[1].context_id ^= 1ull << 40;
		CHILD(superpipe_attach_clone(sp, sources) == 0);
		CHILD(superpipe_vlun_import(sp, &vlun_source, &both[1]) == 0);
		CHILD(sp_wait_read(sp, both[1], 5, 3, 1) == 0);
		superpipe_close(sp);
		_exit(0);
	}
	require_success(child);
	for (unsigned lun = 0; lun < 2; lun++)
		ck_assert_int_eq(sp_wait_read(sp, both[lun], 5, 3, (unsigned char)lun), 0);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

START_TEST(test_whole_lun_is_opened_again_rather_than_cloned)
{
	struct superpipe_clone_source source;
	pid_t child;

	emul_host_make(&host, ",size=4G,luns=2");
	sp = open_sp(1, true);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	ck_assert_int_eq(superpipe_plun_open(sp, 0, &vlun), 0);
	ck_assert_int_eq(superpipe_clone_export(sp, &source), 0);
	ck_assert_uint_eq(source.nr_handles, 0);
	child = quiet_fork();
	if (child == 0) {
		CHILD(superpipe_takeover(sp) == -EOPNOTSUPP);
		CHILD(strstr(explained, "as a whole") != NULL);
		superpipe_close(sp);
		sp = open_sp(1, true);
		CHILD(superpipe_attach_clone(sp, &source) == 0);
		CHILD(superpipe_plun_open(sp, 0, &vlun) == 0);
		superpipe_close(sp);
		_exit(0);
	}
	require_success(child);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

static int send_nothing(void *arg, unsigned lun, const struct superpipe_context *context)
{
	(void)arg;
	(void)lun;
	(void)context;
	return 0;
}

static void require_sending_refused(const char *device, struct superpipe_options options,
				    const char *why)
{
	options.send_context = send_nothing;
	ck_assert_int_eq(superpipe_open(&device, 1, &options, on_explain, NULL, &sp), 0);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	if (options.physical)
		ck_assert_int_eq(superpipe_plun_open(sp, 0, &vlun), 0);
	ck_assert_int_eq(superpipe_send_contexts(sp), -EOPNOTSUPP);
	ck_assert_msg(strstr(explained, why) != NULL, "%s", explained);
	superpipe_close(sp);
}

START_TEST(test_sending_what_cannot_be_cloned_is_refused_with_a_message)
{
	char device[300];

	emul_host_make(&host, ",size=4G");
	snprintf(device, sizeof(device), "emul:%s,lun=0", host.dir);
	require_sending_refused(device, (struct superpipe_options){ .physical = true },
				"as a whole");
	emul_host_destroy(&host);
	emul_host_make(&host, ",legacy_fd");
	snprintf(device, sizeof(device), "emul:%s", host.dir);
	require_sending_refused(device, (struct superpipe_options){ 0 }, "closes the adapter fd");
	emul_host_destroy(&host);
}
END_TEST

START_TEST(test_clone_of_a_stranger_or_a_stale_context_is_einval)
{
	struct superpipe_clone_source source;
	pid_t child;

	start("");
	ck_assert_int_eq(superpipe_clone_export(sp, &source), 0);
	source.context_id ^= 1ull << 40;
	child = quiet_fork();
	if (child == 0) {
		superpipe_drop_after_fork(sp);
		sp = open_sp(1, false);
		CHILD(superpipe_attach_clone(sp, &source) == -EINVAL);
		CHILD(strstr(explained, "cannot take over"));
		superpipe_close(sp);
		_exit(0);
	}
	require_success(child);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

/* ---- the order of calls, on an adapter that keeps a record ---- */

START_TEST(test_clone_order_is_unmap_attach_clone_close)
{
	struct fake_port_config config = { .sq_mode = true, .driver_closes_fd = _i };
	struct superpipe_options options = { .ops = &fake_port_ops };
	struct fake_port *fake = fake_port_new(&config);
	const char *device = fake_port_device(fake, 0);
	pid_t child;

	ck_assert_int_eq(superpipe_open(&device, 1, &options, on_explain, NULL, &sp), 0);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	fake_port_trace_clear(fake);
	child = quiet_fork();
	if (child == 0) {
		CHILD(superpipe_takeover(sp) == 0);
		CHILD(strcmp(fake_port_trace(fake), _i ? " unmap open attach map clone"
						       : " unmap open attach map clone close-fd") ==
		      0);
		_exit(0);
	}
	require_success(child);
	child = quiet_fork();
	if (child == 0) {
		superpipe_drop_after_fork(sp);
		CHILD(strcmp(fake_port_trace(fake), " unmap close-fd") == 0);
		_exit(0);
	}
	require_success(child);
	superpipe_close(sp);
	fake_port_free(fake);
}
END_TEST

/*
 * Their children allocate and start threads. ThreadSanitizer forbids that after a fork, and
 * AddressSanitizer's allocator may be left locked in the child for ever. Valgrind has no objection.
 */
static void add_takeovers(TCase *core)
{
	tcase_add_loop_test(core, test_clone_child_takes_over_and_the_parent_may_end, 0, 3);
	tcase_add_loop_test(core, test_clone_of_an_exported_context_needs_nothing_inherited, 0, 2);
	tcase_add_loop_test(core,
			    test_clone_is_repeated_when_a_sync_fails_or_the_child_loses_its_context,
			    0, 2);
	tcase_add_loop_test(core, test_clone_order_is_unmap_attach_clone_close, 0, 2);
	tcase_add_test(core, test_clone_of_a_context_without_handles_is_a_new_one);
	tcase_add_test(core, test_clone_child_takes_over_every_context);
	tcase_add_test(core, test_clone_attach_of_every_context_or_none);
	tcase_add_test(core, test_clone_of_a_stranger_or_a_stale_context_is_einval);
}

int main(int argc, char *argv[])
{
	Suite *suite;
	TCase *core = tcase_create("core");
	TCase *refusals = tcase_create("refusals");

	if (argc == 2)
		return main_taken_over(argv[1]);
	program = argv[0];
	suite = suite_create("superpipe clone");
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	add_takeovers(core);
#else
	(void)add_takeovers;
#endif
	tcase_add_loop_test(core, test_clone_child_that_wants_nothing_leaves_the_parent_alone, 0,
			    2);
	tcase_add_test(core, test_clone_copy_of_fd2_may_outlive_a_parent_that_has_closed);
	tcase_set_timeout(core, 60);
	suite_add_tcase(suite, core);
#ifdef __SANITIZE_THREAD__ /* it cannot follow threads that begin in a forked child */
	(void)test_whole_lun_is_opened_again_rather_than_cloned;
#else
	tcase_add_test(refusals, test_whole_lun_is_opened_again_rather_than_cloned);
#endif
	tcase_add_test(refusals, test_sending_what_cannot_be_cloned_is_refused_with_a_message);
	tcase_set_timeout(refusals, 60);
	suite_add_tcase(suite, refusals);
	return run_suite(suite);
}
