/* SPDX-License-Identifier: Apache-2.0 */
/* Processes with the pid number of dead ones. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fork_with_pid.h"

#define TRIES 100

static char explained[256];

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	snprintf(explained, sizeof(explained), "%s", text);
}

static int status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static pid_t dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(status_of(pid), 0);
	return pid;
}

/* Another process may have got the number meanwhile. */
static pid_t make_proxy(pid_t *ret_number)
{
	pid_t proxy = -EEXIST;

	for (unsigned i = 0; proxy == -EEXIST && i < TRIES; i++) {
		*ret_number = dead_process();
		proxy = fork_with_pid(*ret_number);
	}
	return proxy;
}

/* As on kernels before Linux 5.5. */
static void forbid_clone3(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	ck_assert_ptr_nonnull(filter);
	ck_assert_int_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), 0);
	ck_assert_int_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

START_TEST(test_fork_with_pid_without_clone3)
{
	pid_t test = getpid(), number, proxy;

	forbid_clone3();
	proxy = make_proxy(&number);
	if (proxy == 0)
		_exit(getpid() == number && getppid() == test ? 0 : 1);
	ck_assert_int_eq(proxy, number);
	ck_assert_int_eq(status_of(proxy), 0);
	ck_assert_int_eq(fork_with_pid(getpid()), -EEXIST);
}
END_TEST

START_TEST(test_fork_with_pid_has_the_number_and_is_a_child)
{
	pid_t test = getpid(), number, proxy = make_proxy(&number);

	if (proxy == 0)
		_exit(getpid() == number && getppid() == test ? 0 : 1);
	ck_assert_int_eq(proxy, number);
	ck_assert_int_eq(status_of(proxy), 0);
}
END_TEST

START_TEST(test_number_of_a_living_process_is_refused)
{
	ck_assert_int_eq(fork_with_pid(getpid()), -EEXIST);
}
END_TEST

/* As an emulated adapter has one: shared by processes, and robust. */
static pthread_mutex_t *shared_mutex(void)
{
	pthread_mutex_t *mutex = mmap(NULL, sizeof(*mutex), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	ck_assert_ptr_ne(mutex, MAP_FAILED);
	ck_assert_int_eq(pthread_mutexattr_init(&attr), 0);
	ck_assert_int_eq(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
	ck_assert_int_eq(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
	ck_assert_int_eq(pthread_mutex_init(mutex, &attr), 0);
	return mutex;
}

START_TEST(test_mutex_of_a_dead_proxy_can_be_repaired)
{
	pthread_mutex_t *mutex = shared_mutex();
	pid_t number, proxy = make_proxy(&number);

	if (proxy == 0) {
		(void)pthread_mutex_lock(mutex);
		_exit(0);
	}
	ck_assert_int_eq(status_of(proxy), 0);
	ck_assert_int_eq(pthread_mutex_lock(mutex), EOWNERDEAD);
	ck_assert_int_eq(munmap(mutex, sizeof(*mutex)), 0);
}
END_TEST

static void *lock_and_end(void *mutex)
{
	return pthread_mutex_lock(mutex) ? NULL : mutex;
}

START_TEST(test_fork_with_pid_may_start_threads_and_fork)
{
	pthread_mutex_t *mutex = shared_mutex();
	pid_t number, proxy = make_proxy(&number);

	if (proxy == 0) {
		pthread_t thread;
		void *locked;

		if (pthread_create(&thread, NULL, lock_and_end, mutex) ||
		    pthread_join(thread, &locked) || !locked ||
		    pthread_mutex_lock(mutex) != EOWNERDEAD)
			_exit(1);
		_exit(dead_process() > 0 ? 0 : 2);
	}
	ck_assert_int_eq(status_of(proxy), 0);
	ck_assert_int_eq(munmap(mutex, sizeof(*mutex)), 0);
}
END_TEST

START_TEST(test_fork_with_pid_needs_a_privilege)
{
	pid_t child = fork();

	if (child == 0) {
		int rc;

		if (setuid(65534))
			_exit(1);
		rc = fork_with_pid_check(true, on_explain, NULL);
		_exit(rc == -EPERM && strstr(explained, "CAP_CHECKPOINT_RESTORE") ? 0 : 2);
	}
	ck_assert_int_eq(status_of(child), 0);
}
END_TEST

START_TEST(test_initial_namespace_is_known)
{
	int rc = fork_with_pid_check(true, on_explain, NULL);

	ck_assert(rc == 0 || (rc == -EOPNOTSUPP && strstr(explained, "pid namespace")));
}
END_TEST

static bool is_possible(void)
{
	pid_t number, proxy = make_proxy(&number);

	if (proxy == 0)
		_exit(0);
	if (proxy > 0)
		return status_of(proxy) == 0;
	printf("skip: a process cannot be given a number: %s\n", strerror(-proxy));
	return false;
}

int main(void)
{
	Suite *suite;
	TCase *core;

#ifdef __SANITIZE_THREAD__
	printf("skip: ThreadSanitizer has a thread of its own\n");
	return 77;
#endif
	if (!is_possible())
		return 77;
	suite = suite_create("fork with pid");
	core = tcase_create("core");
	tcase_add_test(core, test_fork_with_pid_has_the_number_and_is_a_child);
	tcase_add_test(core, test_fork_with_pid_without_clone3);
	tcase_add_test(core, test_number_of_a_living_process_is_refused);
	tcase_add_test(core, test_mutex_of_a_dead_proxy_can_be_repaired);
	tcase_add_test(core, test_fork_with_pid_may_start_threads_and_fork);
	tcase_add_test(core, test_fork_with_pid_needs_a_privilege);
	tcase_add_test(core, test_initial_namespace_is_known);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
