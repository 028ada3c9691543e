/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduling policy a thread gets. The threads of these tests really change theirs. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/transport/cpus.h"
#include "fuse/transport/idle_sched.h"

enum { STOP, WAIT, ONE_AT_A_TIME, MANY_AT_A_TIME, HAS_WORK_BUT_SLEEPS };

static struct idle_sched *sched;
static struct idle_sched_thread thread;
static _Atomic int what;
static pthread_t worker;

/* Whether a thread has given itself SCHED_IDLE. */
static _Atomic bool idled_itself;

/* Instead of that of the C library. */
int sched_setscheduler(pid_t tid, int policy, const struct sched_param *param)
{
	if (policy == SCHED_IDLE && (!tid || tid == gettid()))
		idled_itself = true;
	return (int)syscall(SYS_sched_setscheduler, tid, policy, param);
}

static bool can_leave_idle(void)
{
	const struct sched_param param = { .sched_priority = 0 };
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(sched_setscheduler(0, SCHED_IDLE, &param) ||
		      sched_setscheduler(0, SCHED_OTHER, &param));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return !status;
}

static bool has_work(void *arg)
{
	return *(_Atomic int *)arg == HAS_WORK_BUT_SLEEPS;
}

static void work_once(int nr_requests)
{
	idle_sched_set_busy(&thread, true);
	for (int i = 0; i < nr_requests; i++)
		idle_sched_count(&thread);
	usleep(10);
	idle_sched_set_busy(&thread, false);
}

static void *worker_main(void *arg)
{
	int now;

	idle_sched_join(sched, &thread, has_work, &what);
	while ((now = what) != STOP) {
		if (now == ONE_AT_A_TIME)
			work_once(1);
		else if (now == MANY_AT_A_TIME)
			work_once(3);
		else
			usleep(1000000 / (now == WAIT ? 1000 : 1));
	}
	return arg;
}

static void wait_for_mode(enum idle_sched_mode mode)
{
	while (thread.mode != mode)
		usleep(1000);
}

static void setup(void)
{
	ck_assert_int_eq(idle_sched_new(&sched), 0);
	thread = (struct idle_sched_thread){ 0 };
	what = WAIT;
	ck_assert_int_eq(pthread_create(&worker, NULL, worker_main, NULL), 0);
}

static void teardown(void)
{
	idle_sched_stop(sched);
	what = STOP;
	ck_assert_int_eq(pthread_join(worker, NULL), 0);
	idle_sched_free(sched);
	ck_assert(!idled_itself); /* nobody would notice that it starves */
}

START_TEST(test_idle_while_it_works_and_rest_afterwards)
{
	what = ONE_AT_A_TIME;
	wait_for_mode(IDLE_SCHED_IDLE);
	ck_assert_int_eq(sched_getscheduler(thread.tid), SCHED_IDLE);
	what = WAIT;
	wait_for_mode(IDLE_SCHED_REST);
	ck_assert_int_eq(sched_getscheduler(thread.tid), SCHED_OTHER);
	what = ONE_AT_A_TIME; /* the monitor has slept */
	wait_for_mode(IDLE_SCHED_IDLE);
}
END_TEST

START_TEST(test_roam_with_many_requests_at_a_time)
{
	cpu_set_t set;

	what = MANY_AT_A_TIME;
	wait_for_mode(IDLE_SCHED_ROAM);
	ck_assert_int_eq(sched_getscheduler(thread.tid), SCHED_OTHER);
	ck_assert_int_eq(sched_getaffinity(thread.tid, sizeof(set), &set), 0);
	ck_assert_uint_eq((unsigned)CPU_COUNT(&set), cpus_usable());
	what = ONE_AT_A_TIME;
	wait_for_mode(IDLE_SCHED_IDLE);
}
END_TEST

/* The monitor takes it for a starved thread. */
START_TEST(test_rest_after_it_has_starved)
{
	what = ONE_AT_A_TIME;
	wait_for_mode(IDLE_SCHED_IDLE);
	what = HAS_WORK_BUT_SLEEPS;
	wait_for_mode(IDLE_SCHED_REST);
	what = ONE_AT_A_TIME;
	wait_for_mode(IDLE_SCHED_IDLE);
}
END_TEST

/* When it ends, nobody watches it any more. */
START_TEST(test_no_thread_idles_after_the_stop)
{
	what = ONE_AT_A_TIME;
	wait_for_mode(IDLE_SCHED_IDLE);
	idle_sched_stop(sched);
	ck_assert_int_eq(sched_getscheduler(thread.tid), SCHED_OTHER);
	what = STOP;
	ck_assert_int_eq(pthread_join(worker, NULL), 0);
	idle_sched_free(sched);
}
END_TEST

START_TEST(test_without_sched_nothing_happens)
{
	struct idle_sched_thread alone = { 0 };

	idle_sched_join(NULL, &alone, NULL, NULL);
	idle_sched_set_busy(&alone, true);
	ck_assert_ptr_null(alone.sched);
	idle_sched_free(NULL);
}
END_TEST

START_TEST(test_thread_with_a_policy_of_its_own_keeps_it)
{
	const struct sched_param param = { .sched_priority = 0 };
	struct idle_sched_thread batch = { 0 };

	ck_assert_int_eq(sched_setscheduler(0, SCHED_BATCH, &param), 0);
	idle_sched_join(sched, &batch, NULL, NULL);
	ck_assert_ptr_null(batch.sched);
	ck_assert_int_eq(sched_setscheduler(0, SCHED_OTHER, &param), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("idle_sched");
	TCase *tc = tcase_create("threads"), *alone = tcase_create("alone");
	TCase *stopped = tcase_create("stopped");

	tcase_set_timeout(tc, 60);
	tcase_set_timeout(stopped, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_checked_fixture(stopped, setup, NULL);
	tcase_add_test(alone, test_without_sched_nothing_happens);
	suite_add_tcase(suite, alone);
	/* Otherwise there is nothing to test. */
	if (cpus_usable() > 1 && can_leave_idle()) {
		tcase_add_test(tc, test_idle_while_it_works_and_rest_afterwards);
		tcase_add_test(tc, test_roam_with_many_requests_at_a_time);
		tcase_add_test(tc, test_rest_after_it_has_starved);
		tcase_add_test(tc, test_thread_with_a_policy_of_its_own_keeps_it);
		tcase_add_test(stopped, test_no_thread_idles_after_the_stop);
	}
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, stopped);
	return run_suite(suite);
}
