/* SPDX-License-Identifier: Apache-2.0 */
/* When a thread gives way, and when it does not. */
#include <check.h>
#include <stdlib.h>

#include "fs/manners.h"

#define PERIOD_MS 5

static struct manners manners;
static uint64_t now_ms;

static void setup(void)
{
	manners = (struct manners){ 0 };
	now_ms = 1000;
}

/* A look one period after the last. */
static bool look(struct manners_look what)
{
	what.now_ms = now_ms += PERIOD_MS;
	return manners_judge(&manners, &what);
}

static bool works(void)
{
	return look((struct manners_look){ .nr_passes = 10, .nr_requests = 10, .nr_runs = 100, .delay_ns = 100000 });
}

static bool does_nothing(void)
{
	return look((struct manners_look){ 0 });
}

static bool starves(void)
{
	return look((struct manners_look){ .starved = true });
}

/* Works until it gives way. Return: for how long it did not, in ms. */
static uint64_t until_it_gives_way(void)
{
	uint64_t from = now_ms;

	while (!works())
		ck_assert_uint_lt(now_ms - from, 10 * MANNERS_MAX_HOLD_MS);
	return now_ms - from;
}

START_TEST(test_manners_a_thread_at_rest_keeps_its_policy)
{
	for (int i = 0; i < 100; i++)
		ck_assert(!does_nothing());
	ck_assert(manners_at_rest(&manners, now_ms));
}
END_TEST

START_TEST(test_manners_a_thread_that_works_gives_way)
{
	ck_assert(works());
	ck_assert(!manners_at_rest(&manners, now_ms));
	ck_assert(works());
}
END_TEST

START_TEST(test_manners_a_short_pause_changes_nothing_a_long_one_is_rest)
{
	ck_assert(works());
	for (uint64_t pause = PERIOD_MS; pause < MANNERS_REST_MS; pause += PERIOD_MS)
		ck_assert(does_nothing());
	ck_assert(!does_nothing());
	ck_assert(manners_at_rest(&manners, now_ms));
	ck_assert(works());
}
END_TEST

START_TEST(test_manners_a_starving_thread_stops_at_once_and_stays_so)
{
	ck_assert(works());
	ck_assert(!starves());
	ck_assert_uint_ge(until_it_gives_way(), MANNERS_MIN_HOLD_MS);
}
END_TEST

START_TEST(test_manners_long_waits_are_as_bad_as_starving)
{
	const struct manners_look good = { .nr_passes = 10, .nr_requests = 10, .nr_runs = 10,
					   .delay_ns = 10 * MANNERS_MAX_DELAY_NS };
	const struct manners_look bad = { .nr_passes = 10, .nr_requests = 10, .nr_runs = 10,
					  .delay_ns = 11 * MANNERS_MAX_DELAY_NS };

	ck_assert(works());
	ck_assert(look(good));
	ck_assert(!look(bad));
	ck_assert(!works());
}
END_TEST

START_TEST(test_manners_waits_of_a_thread_that_does_not_give_way_are_not_held_against_it)
{
	ck_assert(look((struct manners_look){ .nr_passes = 10, .nr_requests = 10, .starved = true }));
}
END_TEST

START_TEST(test_manners_each_failure_doubles_the_time_up_to_a_limit)
{
	uint64_t before = 0, held;

	ck_assert(works());
	for (int i = 0; i < 12; i++) {
		ck_assert(!starves());
		held = until_it_gives_way();
		ck_assert_uint_ge(held, before);
		ck_assert_uint_le(held, MANNERS_MAX_HOLD_MS + PERIOD_MS);
		before = held;
	}
	ck_assert_uint_ge(before, MANNERS_MAX_HOLD_MS);
}
END_TEST

START_TEST(test_manners_a_good_while_forgives_earlier_failures)
{
	ck_assert(works());
	for (int i = 0; i < 5; i++) {
		ck_assert(!starves());
		(void)until_it_gives_way();
	}
	for (uint64_t good = 0; good < MANNERS_GOOD_MS; good += PERIOD_MS)
		ck_assert(works());
	ck_assert(!starves());
	ck_assert_uint_le(until_it_gives_way(), MANNERS_MIN_HOLD_MS + PERIOD_MS);
}
END_TEST

START_TEST(test_manners_a_thread_that_leans_on_others_waits_a_while)
{
	const struct manners_look leans = { .nr_passes = 10, .nr_requests = 10, .leaned = true };

	ck_assert(works());
	ck_assert(!look(leans));
	ck_assert_uint_ge(until_it_gives_way(), MANNERS_LEAN_MS - PERIOD_MS);
	ck_assert(!look(leans));
	/* That is no failure: the time does not double. */
	ck_assert_uint_le(until_it_gives_way(), MANNERS_LEAN_MS + PERIOD_MS);
}
END_TEST

START_TEST(test_manners_a_thread_that_serves_many_at_a_time_waits_a_while)
{
	const struct manners_look few = { .nr_passes = 10,
					  .nr_requests = 10 * MANNERS_MAX_REQUESTS };
	const struct manners_look many = { .nr_passes = 10,
					   .nr_requests = 10 * MANNERS_MAX_REQUESTS + 1 };

	ck_assert(look(few));
	ck_assert(!look(many));
	ck_assert_uint_ge(until_it_gives_way(), MANNERS_LEAN_MS - PERIOD_MS);
}
END_TEST

static Suite *manners_suite(void)
{
	Suite *suite = suite_create("manners");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, setup, NULL);
	tcase_add_test(core, test_manners_a_thread_at_rest_keeps_its_policy);
	tcase_add_test(core, test_manners_a_thread_that_works_gives_way);
	tcase_add_test(core, test_manners_a_short_pause_changes_nothing_a_long_one_is_rest);
	tcase_add_test(core, test_manners_a_starving_thread_stops_at_once_and_stays_so);
	tcase_add_test(core, test_manners_long_waits_are_as_bad_as_starving);
	tcase_add_test(core,
		       test_manners_waits_of_a_thread_that_does_not_give_way_are_not_held_against_it);
	tcase_add_test(core, test_manners_a_thread_that_leans_on_others_waits_a_while);
	tcase_add_test(core, test_manners_a_thread_that_serves_many_at_a_time_waits_a_while);
	suite_add_tcase(suite, core);

	tcase_add_checked_fixture(limits, setup, NULL);
	tcase_add_test(limits, test_manners_each_failure_doubles_the_time_up_to_a_limit);
	tcase_add_test(limits, test_manners_a_good_while_forgives_earlier_failures);
	suite_add_tcase(suite, limits);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(manners_suite());
	int nr_failed;

	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
