/* SPDX-License-Identifier: Apache-2.0 */
/* When a thread gives way, when it does not, and which mode is found best. */
#include <check.h>
#include <stdlib.h>

#include "fuse/transport/manners.h"
#include "fuse/transport/trial.h"

#define PERIOD_MS 5

static struct manners manners;
static struct trial trial;
static enum manners_mode best;
static uint64_t now_ms;

static void setup(void)
{
	manners = (struct manners){ 0 };
	trial = (struct trial){ 0 };
	best = MANNERS_ROAMS;
	now_ms = 1000;
}

static enum manners_mode mode_after(struct manners_look what)
{
	what.now_ms = now_ms += PERIOD_MS;
	return manners_judge(&manners, &what, best);
}

/* A look one period after the last. Return: whether it gives way. */
static bool look(struct manners_look what)
{
	return mode_after(what) == MANNERS_GIVES_WAY;
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

static const struct manners_look few = { .nr_passes = 10, .nr_requests = 15 };
static const struct manners_look many = { .nr_passes = 10, .nr_requests = 16 };

START_TEST(test_manners_a_thread_that_serves_many_at_a_time_runs_as_was_found_best)
{
	ck_assert_int_eq(mode_after(few), MANNERS_GIVES_WAY);
	ck_assert(!manners_has_many(&manners, now_ms));
	for (int mode = 0; mode < MANNERS_NR_MODES; mode++) {
		best = (enum manners_mode)mode;
		ck_assert_int_eq(mode_after(many), mode);
		ck_assert(manners_has_many(&manners, now_ms));
	}
}
END_TEST

START_TEST(test_manners_many_at_a_time_are_remembered_for_a_while)
{
	ck_assert_int_eq(mode_after(many), MANNERS_ROAMS);
	ck_assert_uint_ge(until_it_gives_way(), MANNERS_LEAN_MS - PERIOD_MS);
	ck_assert(!manners_has_many(&manners, now_ms));
}
END_TEST

START_TEST(test_manners_who_waits_too_long_does_not_give_way_even_if_that_is_best)
{
	best = MANNERS_GIVES_WAY;
	ck_assert_int_eq(mode_after(many), MANNERS_GIVES_WAY);
	ck_assert(!starves());
	ck_assert_int_eq(mode_after(many), MANNERS_AS_STARTED);
	best = MANNERS_ROAMS;
	ck_assert_int_eq(mode_after(many), MANNERS_ROAMS);
}
END_TEST

START_TEST(test_manners_a_thread_at_rest_does_not_roam)
{
	ck_assert_int_eq(mode_after(many), MANNERS_ROAMS);
	for (uint64_t pause = 0; pause < MANNERS_REST_MS; pause += PERIOD_MS)
		(void)does_nothing();
	ck_assert_int_eq(manners.mode, MANNERS_AS_STARTED);
}
END_TEST

START_TEST(test_manners_a_thread_that_leans_on_others_does_not_roam)
{
	struct manners_look leans = many;

	leans.leaned = true;
	ck_assert_int_eq(mode_after(leans), MANNERS_AS_STARTED);
}
END_TEST

/* ---- trial ---- */

/* Serve at the rate of each mode until the trial decides. Return: for how long it tried, in ms. */
static uint64_t try_all(const uint64_t rate[MANNERS_NR_MODES])
{
	uint64_t from = now_ms;

	do {
		now_ms += PERIOD_MS;
		(void)trial_judge(&trial, now_ms, rate[trial.mode] * PERIOD_MS);
		ck_assert_uint_lt(now_ms - from, 1000);
	} while (!trial.decided);
	return now_ms - from;
}

/* Return: for how long the decision lasted, in ms. */
static uint64_t until_the_next_trial(void)
{
	uint64_t from = now_ms;

	while (trial.decided) {
		now_ms += PERIOD_MS;
		(void)trial_judge(&trial, now_ms, 1);
		ck_assert_uint_le(now_ms - from, TRIAL_MAX_KEEP_MS);
	}
	return now_ms - from;
}

START_TEST(test_trial_the_mode_that_serves_most_wins)
{
	uint64_t rate[MANNERS_NR_MODES] = { 50, 50, 50 };

	rate[_i] = 51;
	(void)try_all(rate);
	ck_assert_int_eq(trial.mode, _i);
	ck_assert_int_eq(trial_judge(&trial, ++now_ms, 0), _i);
}
END_TEST

START_TEST(test_trial_is_short)
{
	const uint64_t rate[MANNERS_NR_MODES] = { 1, 2, 3 };

	ck_assert_uint_le(try_all(rate), MANNERS_NR_MODES *
			  (TRIAL_SETTLE_MS + TRIAL_COUNT_MS + 2 * PERIOD_MS));
}
END_TEST

START_TEST(test_trial_what_was_served_right_after_a_change_does_not_count)
{
	const uint64_t rate[MANNERS_NR_MODES] = { 2, 1, 1 };

	do {
		bool begins = !trial.counting;

		now_ms += PERIOD_MS;
		(void)trial_judge(&trial, now_ms,
				  begins && trial.mode == 1 ? 1000 : rate[trial.mode] * PERIOD_MS);
	} while (!trial.decided);
	ck_assert_int_eq(trial.mode, 0);
}
END_TEST

START_TEST(test_trial_the_same_result_stays_longer_up_to_a_limit)
{
	const uint64_t rate[MANNERS_NR_MODES] = { 1, 3, 2 };
	uint64_t kept = 0, before;

	for (int i = 0; i < 8; i++) {
		(void)try_all(rate);
		before = kept;
		kept = until_the_next_trial();
		ck_assert_uint_ge(kept, before);
		ck_assert(i != 0 || kept == TRIAL_MIN_KEEP_MS);
	}
	ck_assert_uint_eq(kept, TRIAL_MAX_KEEP_MS);
}
END_TEST

START_TEST(test_trial_another_result_starts_small)
{
	const uint64_t rate[MANNERS_NR_MODES] = { 1, 3, 2 };
	const uint64_t other[MANNERS_NR_MODES] = { 1, 2, 3 };

	for (int i = 0; i < 4; i++) {
		(void)try_all(rate);
		(void)until_the_next_trial();
	}
	(void)try_all(other);
	ck_assert_int_eq(trial.mode, MANNERS_ROAMS);
	ck_assert_uint_eq(until_the_next_trial(), TRIAL_MIN_KEEP_MS);
}
END_TEST

static Suite *manners_suite(void)
{
	Suite *suite = suite_create("manners");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");
	TCase *trials = tcase_create("trials");

	tcase_add_checked_fixture(core, setup, NULL);
	tcase_add_test(core, test_manners_a_thread_at_rest_keeps_its_policy);
	tcase_add_test(core, test_manners_a_thread_that_works_gives_way);
	tcase_add_test(core, test_manners_a_short_pause_changes_nothing_a_long_one_is_rest);
	tcase_add_test(core, test_manners_a_starving_thread_stops_at_once_and_stays_so);
	tcase_add_test(core, test_manners_long_waits_are_as_bad_as_starving);
	tcase_add_test(core,
		       test_manners_waits_of_a_thread_that_does_not_give_way_are_not_held_against_it);
	tcase_add_test(core, test_manners_a_thread_that_leans_on_others_waits_a_while);
	tcase_add_test(core,
		       test_manners_a_thread_that_serves_many_at_a_time_runs_as_was_found_best);
	tcase_add_test(core, test_manners_many_at_a_time_are_remembered_for_a_while);
	tcase_add_test(core,
		       test_manners_who_waits_too_long_does_not_give_way_even_if_that_is_best);
	tcase_add_test(core, test_manners_a_thread_at_rest_does_not_roam);
	tcase_add_test(core, test_manners_a_thread_that_leans_on_others_does_not_roam);
	suite_add_tcase(suite, core);

	tcase_add_checked_fixture(limits, setup, NULL);
	tcase_add_test(limits, test_manners_each_failure_doubles_the_time_up_to_a_limit);
	tcase_add_test(limits, test_manners_a_good_while_forgives_earlier_failures);
	suite_add_tcase(suite, limits);

	tcase_add_checked_fixture(trials, setup, NULL);
	tcase_add_loop_test(trials, test_trial_the_mode_that_serves_most_wins, 0, MANNERS_NR_MODES);
	tcase_add_test(trials, test_trial_is_short);
	tcase_add_test(trials, test_trial_what_was_served_right_after_a_change_does_not_count);
	tcase_add_test(trials, test_trial_the_same_result_stays_longer_up_to_a_limit);
	tcase_add_test(trials, test_trial_another_result_starts_small);
	suite_add_tcase(suite, trials);
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
