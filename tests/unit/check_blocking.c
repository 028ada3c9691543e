/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for work that blocks. */
#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuse/io.h"

static struct fs_blocking *blocking;
static struct fs_io ios[100];
static sem_t may_end; /* one for each io that may end */
static _Atomic unsigned nr_ended;

static void run(struct fs_io *io)
{
	(void)io;
	ck_assert_int_eq(sem_wait(&may_end), 0);
	nr_ended++;
}

static void setup(void)
{
	nr_ended = 0;
	for (size_t i = 0; i < sizeof(ios) / sizeof(ios[0]); i++)
		ios[i].run = run;
	ck_assert_int_eq(sem_init(&may_end, 0, 0), 0);
	ck_assert_int_eq(fs_blocking_new(&blocking), 0);
}

static void teardown(void)
{
	fs_blocking_free(blocking);
	sem_destroy(&may_end);
}

static void wait_until_ended(unsigned nr)
{
	for (int i = 0; i < 5000 && nr_ended < nr; i++)
		usleep(1000);
	ck_assert_uint_eq(nr_ended, nr);
}

START_TEST(test_blocking_all_run)
{
	const unsigned nr = sizeof(ios) / sizeof(ios[0]);

	for (unsigned i = 0; i < nr; i++)
		fs_blocking_run(blocking, &ios[i]);
	for (unsigned i = 0; i < nr; i++)
		sem_post(&may_end);
	wait_until_ended(nr);
}
END_TEST

START_TEST(test_blocking_what_is_queued_runs_before_the_end)
{
	for (unsigned i = 0; i < 20; i++) {
		fs_blocking_run(blocking, &ios[i]);
		sem_post(&may_end);
	}
	fs_blocking_free(blocking);
	ck_assert_uint_eq(nr_ended, 20);
	blocking = NULL;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("blocking");
	TCase *tcase = tcase_create("threads");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_blocking_all_run);
	tcase_add_test(tcase, test_blocking_what_is_queued_runs_before_the_end);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
