/* SPDX-License-Identifier: Apache-2.0 */
/* What a process in the sandbox can and cannot do. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "daemon/sandbox.h"

static char dir[] = "/tmp/cxlfs-sandbox-XXXXXX";
static char device[64], inside[64];
static struct superpipe *sp;

static void start(void)
{
	const struct superpipe_options options = { 0 };
	const char *devices[] = { device };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(device, sizeof(device), "emul:%s,size=1G", dir);
	snprintf(inside, sizeof(inside), "%s/lun0", dir);
	ck_assert_int_eq(superpipe_open(devices, 1, &options, NULL, NULL, &sp), 0);
}

static void stop(void)
{
	superpipe_close(sp);
	(void)!system("rm -rf /tmp/cxlfs-sandbox-??????");
}

/* Return: errno of an open(2); 0: it could be opened. */
static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	strcpy(address.sun_path, path);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	return err;
}

static bool kernel_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

START_TEST(test_sandbox_only_the_files_of_the_adapter_can_be_opened)
{
	ck_assert_int_eq(sandbox_enter(sp, ""), 0);
	ck_assert_int_eq(try_open(inside, O_RDWR), 0);
	ck_assert_int_eq(try_open("/proc/self/mountinfo", O_RDONLY), 0);
	if (!kernel_has_landlock())
		return;
	ck_assert_int_eq(try_open("/etc/passwd", O_RDONLY), EACCES);
	ck_assert_int_eq(try_open("/tmp", O_RDONLY | O_DIRECTORY), EACCES);
	ck_assert_int_eq(try_open("/tmp", O_TMPFILE | O_RDWR), EACCES);
	ck_assert_int_eq(mount("none", dir, "tmpfs", 0, NULL), -1);
}
END_TEST

START_TEST(test_sandbox_sockets_can_be_made_in_one_directory)
{
	char sockets[] = "/tmp/cxlfs-sandbox-XXXXXX", path[64], other[64];

	ck_assert_ptr_nonnull(mkdtemp(sockets));
	snprintf(path, sizeof(path), "%s/socket", sockets);
	snprintf(other, sizeof(other), "%s/other", sockets);
	ck_assert_int_eq(sandbox_enter(sp, sockets), 0);
	ck_assert_int_eq(make_socket(path), 0);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(unlink(other), 0);
	if (!kernel_has_landlock())
		return;
	ck_assert_int_eq(make_socket("/tmp/cxlfs-sandbox-socket"), EACCES);
	ck_assert_int_eq(try_open(path, O_RDWR | O_CREAT), EACCES);
}
END_TEST

/* CAP_SYS_NICE stays where RLIMIT_NICE cannot be raised. */
static bool has_other_capabilities(const char *line)
{
	return strtoull(line, NULL, 16) & ~(1ull << CAP_SYS_NICE);
}

START_TEST(test_sandbox_no_capability_is_left_and_none_can_be_had)
{
	char line[256];
	FILE *file;

	ck_assert_int_eq(sandbox_enter(sp, ""), 0);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	file = fopen("/proc/self/status", "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "CapEff:", 7) || !strncmp(line, "CapPrm:", 7) ||
		    !strncmp(line, "CapInh:", 7))
			ck_assert_msg(!has_other_capabilities(line + 7), "%s", line);
	fclose(file);
}
END_TEST

/* The kernel's list of rules takes a descriptor, and so does each rule while it is added. */
START_TEST(test_sandbox_is_whole_or_fails)
{
	struct rlimit limit;
	int first = dup(0), second = dup(0);

	ck_assert_int_ge(second, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)second + (rlim_t)_i;
	close(first);
	close(second);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (kernel_has_landlock())
		ck_assert_int_eq(sandbox_enter(sp, ""), _i < 1 ? -EMFILE : 0);
}
END_TEST

static void *trace(void *arg)
{
	(void)arg;
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return NULL;
}

/* Started before the filter, with the mask of all threads of the daemon. */
static void *wait_and_trace(void *arg)
{
	(void)!read(*(int *)arg, &(char){ 0 }, 1);
	return trace(NULL);
}

/* Return: status of wait(2) of a child that runs @child; what it has logged is in @log. */
static int run_child(void (*child)(void), char *log, size_t bytes)
{
	int fds[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		(void)dup2(fds[1], STDERR_FILENO);
		child();
		_exit(EXIT_SUCCESS);
	}
	close(fds[1]);
	while ((got = read(fds[0], log + used, bytes - 1 - used)) > 0)
		used += (size_t)got;
	log[used] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void violate(void)
{
	sandbox_limit_calls();
	(void)trace(NULL);
}

static void violate_in_old_thread(void)
{
	pthread_t thread;
	int fds[2];

	(void)!pipe(fds);
	(void)thread_start(&thread, wait_and_trace, &fds[0], "test");
	sandbox_limit_calls();
	(void)!write(fds[1], "", 1);
	pthread_join(thread, NULL);
}

static void open_internet_socket(void)
{
	sandbox_limit_calls();
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static const struct {
	void (*child)(void);
	const char *call;
} violations[] = {
	{ violate, "system call ptrace (" },
	{ violate_in_old_thread, "system call ptrace (" },
	{ open_internet_socket, "system call socket (" },
};

START_TEST(test_sandbox_a_call_that_is_not_allowed_ends_the_process_and_is_named)
{
	char log[4096];
	int status = run_child(violations[_i].child, log, sizeof(log));

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%x: %s", status, log);
	ck_assert_msg(strstr(log, violations[_i].call), "%s", log);
}
END_TEST

static void serve(void)
{
	struct superpipe_vlun *vlun;

	if (sandbox_enter(sp, "") || superpipe_attach(sp))
		_exit(EXIT_FAILURE);
	sandbox_limit_calls();
	if (superpipe_vlun_open(sp, 0, &vlun))
		_exit(EXIT_FAILURE);
	(void)superpipe_vlun_close(vlun);
	superpipe_close(sp);
}

START_TEST(test_sandbox_an_adapter_works_in_it)
{
	char log[4096];
	int status = run_child(serve, log, sizeof(log));

	ck_assert_msg(status == 0, "%x: %s", status, log);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tcase;
	SRunner *runner;
	int failed;

#ifdef CXLFS_SANITIZED
	puts("skip: sanitizers need what the sandbox takes away");
	return 77;
#endif
	suite = suite_create("sandbox");
	tcase = tcase_create("sandbox");
	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, test_sandbox_only_the_files_of_the_adapter_can_be_opened);
	tcase_add_test(tcase, test_sandbox_sockets_can_be_made_in_one_directory);
	tcase_add_loop_test(tcase, test_sandbox_is_whole_or_fails, 0, 2);
	tcase_add_test(tcase, test_sandbox_no_capability_is_left_and_none_can_be_had);
	tcase_add_loop_test(tcase,
			    test_sandbox_a_call_that_is_not_allowed_ends_the_process_and_is_named,
			    0, sizeof(violations) / sizeof(violations[0]));
	tcase_add_test(tcase, test_sandbox_an_adapter_works_in_it);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	if (srunner_fork_status(runner) == CK_NOFORK) {
		puts("skip: no test can leave the sandbox of the one before, so each needs a "
		     "process");
		srunner_free(runner);
		return 77;
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
