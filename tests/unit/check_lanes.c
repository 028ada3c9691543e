/* SPDX-License-Identifier: Apache-2.0 */
/* What lanes are called for, and who of them is active. */
#include <check.h>
#include <sched.h>
#include <stdlib.h>

#include "fuse/transport/roster.h"
#include "fuse/transport/turns.h"

/* ---- turns ---- */

static struct turns turns;

static void forget(void)
{
	turns = (struct turns){ 0 };
}

/* Return: whether one of them called for another thread. */
static bool serve_in_a_row(pid_t tid, int nr_requests)
{
	bool called = false;

	while (nr_requests--)
		called |= turns_note(&turns, tid);
	return called;
}

START_TEST(test_turns_one_program_takes_none)
{
	ck_assert(!serve_in_a_row(1, 10 * TURNS_ALONE));
	ck_assert(!turns_are_taken(&turns));
}
END_TEST

START_TEST(test_turns_the_second_change_of_programs_calls)
{
	ck_assert(!turns_note(&turns, 1));
	ck_assert(!turns_note(&turns, 2));
	ck_assert(turns_are_taken(&turns));
	ck_assert(turns_note(&turns, 1));
	ck_assert(turns_note(&turns, 2));
	ck_assert(!turns_note(&turns, 2));
}
END_TEST

START_TEST(test_turns_programs_one_after_the_other_take_none)
{
	for (pid_t tid = 1; tid < 10; tid++)
		ck_assert(!serve_in_a_row(tid, TURNS_ALONE + 1));
	ck_assert(!turns_are_taken(&turns));
}
END_TEST

START_TEST(test_turns_a_change_counts_for_so_many_requests)
{
	(void)turns_note(&turns, 1);
	(void)serve_in_a_row(2, TURNS_ALONE);
	ck_assert(turns_are_taken(&turns));
	ck_assert(turns_note(&turns, 1));
	(void)serve_in_a_row(1, TURNS_ALONE);
	ck_assert(!turns_are_taken(&turns));
	ck_assert(!turns_note(&turns, 2));
}
END_TEST

/* ---- roster ---- */

#define NR_THREADS 4

static struct roster roster;
static pthread_t threads[NR_THREADS];
static _Atomic int nr_came, nr_ended, may_go;

/* Comes when it is called, stays as long as it is needed, and goes when it may. */
static void *member(void *arg)
{
	while (roster_wait(&roster)) {
		nr_came++;
		while (!roster_has_ended(&roster)) {
			if (may_go > 0 && roster_leave(&roster)) {
				may_go--;
				break;
			}
			sched_yield();
		}
	}
	nr_ended++;
	return arg;
}

static void gather(void)
{
	roster_init(&roster);
	nr_came = nr_ended = may_go = 0;
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, member, NULL), 0);
}

static void disperse(void)
{
	roster_end(&roster);
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(nr_ended, NR_THREADS);
	roster_fini(&roster);
}

static void wait_until_came(int nr)
{
	while (nr_came < nr)
		sched_yield();
}

START_TEST(test_roster_one_comes_uncalled)
{
	wait_until_came(1);
	ck_assert_uint_eq(roster.nr_active, 1);
}
END_TEST

START_TEST(test_roster_no_more_come_than_are_allowed)
{
	wait_until_came(1);
	for (int i = 0; i < 100; i++)
		roster_call(&roster, 3);
	wait_until_came(3);
	ck_assert_uint_eq(roster.nr_active, 3);
	ck_assert_uint_eq(roster.nr_calls, 0);
	ck_assert_int_eq(nr_came, 3);
}
END_TEST

START_TEST(test_roster_the_last_one_may_not_leave)
{
	wait_until_came(1);
	ck_assert(!roster_leave(&roster));
	roster_call(&roster, 2);
	wait_until_came(2);
	may_go = 1;
	while (may_go)
		sched_yield();
	ck_assert_uint_eq(roster.nr_active, 1);
	ck_assert(!roster_leave(&roster));
}
END_TEST

START_TEST(test_roster_callers_and_leavers_at_the_same_time)
{
	wait_until_came(1);
	may_go = 1000;
	while (may_go > 0) {
		roster_call(&roster, NR_THREADS);
		ck_assert_uint_le(roster.nr_active, NR_THREADS);
	}
	ck_assert_uint_ge(roster.nr_active, 1);
}
END_TEST

static Suite *lanes_suite(void)
{
	Suite *suite = suite_create("lanes");
	TCase *who = tcase_create("turns"), *active = tcase_create("roster");

	tcase_add_checked_fixture(who, forget, NULL);
	tcase_add_test(who, test_turns_one_program_takes_none);
	tcase_add_test(who, test_turns_the_second_change_of_programs_calls);
	tcase_add_test(who, test_turns_programs_one_after_the_other_take_none);
	tcase_add_test(who, test_turns_a_change_counts_for_so_many_requests);
	suite_add_tcase(suite, who);

	tcase_set_timeout(active, 60);
	tcase_add_checked_fixture(active, gather, disperse);
	tcase_add_test(active, test_roster_one_comes_uncalled);
	tcase_add_test(active, test_roster_no_more_come_than_are_allowed);
	tcase_add_test(active, test_roster_the_last_one_may_not_leave);
	tcase_add_test(active, test_roster_callers_and_leavers_at_the_same_time);
	suite_add_tcase(suite, active);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(lanes_suite());
	int nr_failed;

	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
