/* SPDX-License-Identifier: Apache-2.0 */
/* Fault rules: text, matching, and repeatable random choices. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/fault/fault.h"
#include "emul/fault/rule.h"

#define MS 1000000ull

static struct emul_fault_table *table;

static void setup(void)
{
	table = aligned_alloc(64, (sizeof(*table) + 63) / 64 * 64);
	memset(table, 0, sizeof(*table));
	emul_fault_seed(table, 1);
}

static void teardown(void)
{
	free(table);
}

static int add(const char *text)
{
	char why[EMUL_FAULT_TEXT_MAX] = "";
	int ret = emul_fault_add(table, text, 0, why);

	ck_assert_msg(ret >= 0, "%s: %s", text, why);
	return ret;
}

static bool take(enum emul_fault_point point, struct emul_fault *ret_fault)
{
	return emul_fault_take(table, point, NULL, ret_fault);
}

/* ---- text ---- */

static const char *const rules[] = {
	"at=command n=1000 action=reset kind=eeh",
	"at=write n=7 times=3 action=reset kind=host",
	"at=sync n=1 action=reset kind=freeze",
	"every=100ms action=reset kind=eeh",
	"every=2s action=link-down port=1 ms=300",
	"every=1500us times=4 action=spurious-interrupt",
	"every=7ns action=fail",
	"at=read lba=16-31 action=medium",
	"at=read media=18446744073709551615 action=medium",
	"at=command prob=1/1000 action=busy",
	"at=command every=10 times=3 ctx=2 handle=7 lun=1 lba=0-9 media=5-6 action=full",
	"at=command action=conflict",
	"at=read action=attention asc=29 ascq=00",
	"at=write action=attention asc=2a ascq=09",
	"at=read action=underrun resid=512",
	"at=read action=overrun",
	"at=write action=ioasa ioasc=80000200 sense=7000030000000000000000000c00 resid=9",
	"at=read action=ioasa ioasc=00310000 extra=0a0000",
	"at=command action=lose",
	"at=command action=late ms=20",
	"at=interrupt action=late ms=20",
	"at=detach action=late ms=20",
	"at=sync action=late ms=20",
	"at=interrupt prob=1/3 action=drop-interrupt",
	"at=resize n=3 action=kill",
	"at=resize n=2 action=eagain",
	"at=resize action=short chunks=1",
	"at=virtual action=short chunks=0",
	"at=attach action=enodev",
	"at=direct action=emfile",
	"at=recover times=3 action=enodev",
	"at=sync action=eagain",
	"at=ioctl action=eintr",
	"at=clone action=enomem",
	"at=release action=eagain",
	"at=detach action=reset kind=eeh",
	"at=verify action=eio",
	"at=manage action=enomem",
	"at=read action=link-up port=3",
};

START_TEST(test_a_rule_is_printed_as_it_was_given)
{
	struct emul_fault_rule rule;
	char text[EMUL_FAULT_TEXT_MAX], why[EMUL_FAULT_TEXT_MAX] = "";

	ck_assert_msg(emul_fault_parse(rules[_i], &rule, why) == 0, "%s: %s", rules[_i], why);
	emul_fault_format(&rule, text);
	ck_assert_str_eq(text, rules[_i]);
}
END_TEST

static const struct {
	const char *given, *canonical;
} spellings[] = {
	{ "action=reset at=command", "at=command action=reset kind=eeh" },
	{ "  at=read\tn=3   times=1 action=busy\n", "at=read n=3 action=busy" },
	{ "every=2000ms action=fail", "every=2s action=fail" },
	{ "at=read lba=0x10-0x1f action=medium", "at=read lba=16-31 action=medium" },
	{ "at=read lba=7-7 action=medium", "at=read lba=7 action=medium" },
	{ "at=read action=attention", "at=read action=attention asc=29 ascq=00" },
	{ "at=read action=attention asc=0x3F", "at=read action=attention asc=3f ascq=00" },
	{ "at=write action=ioasa ioasc=0x00130000", "at=write action=ioasa ioasc=00130000" },
};

START_TEST(test_other_spellings_mean_the_same)
{
	struct emul_fault_rule rule;
	char text[EMUL_FAULT_TEXT_MAX];

	ck_assert_int_eq(emul_fault_parse(spellings[_i].given, &rule, NULL), 0);
	emul_fault_format(&rule, text);
	ck_assert_str_eq(text, spellings[_i].canonical);
}
END_TEST

static const char *const nonsense[] = {
	"",
	"at=command",
	"action=reset",
	"at=command action=",
	"at=command action=explode",
	"at=nowhere action=reset",
	"at=command every=100ms action=reset",
	"at=command n=0 action=reset",
	"at=command n=-1 action=reset",
	"at=command n=1x action=reset",
	"at=command n=18446744073709551616 action=reset",
	"at=command prob=2/1 action=reset",
	"at=command prob=0/5 action=reset",
	"at=command prob=1 action=reset",
	"at=command times=0 action=reset",
	"every=0ms action=reset",
	"every=1h action=reset",
	"every=99999999999999s action=reset",
	"at=read lba=9-3 action=medium",
	"at=read lba=3- action=medium",
	"at=read lba=- action=medium",
	"at=read action=medium asc=11",
	"at=read action=ioasa",
	"at=read action=ioasa ioasc=1234",
	"at=read action=ioasa ioasc=0000000000",
	"at=read action=ioasa ioasc=80000200 sense=123",
	"at=read action=late",
	"at=read action=late ms=0",
	"at=read action=late ms=4294967296",
	"at=read action=link-down port=4",
	"at=read action=attention asc=1234",
	"at=read action=reset kind=soft",
	"at=read action=eagain",
	"at=attach action=medium",
	"at=attach action=short",
	"at=interrupt action=lose",
	"at=command action=drop-interrupt",
	"every=5ms action=medium",
	"at=read colour=red action=medium",
	"at=read medium",
	"at=read handle=4294967296 action=medium",
};

START_TEST(test_nonsense_is_refused_with_a_sentence)
{
	char why[EMUL_FAULT_TEXT_MAX] = "";

	ck_assert_int_eq(emul_fault_add(table, nonsense[_i], 0, why), -EINVAL);
	ck_assert_uint_gt(strlen(why), 10);
	ck_assert_uint_eq(atomic_load(&table->armed), 0);
}
END_TEST

START_TEST(test_a_rule_longer_than_the_limit_is_refused)
{
	char text[2 * EMUL_FAULT_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "at=read action=medium");

	memset(text + n, ' ', sizeof(text) - (size_t)n - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(emul_fault_add(table, text, 0, NULL), -EINVAL);
}
END_TEST

START_TEST(test_the_longest_rule_survives_printing)
{
	static const char longest[] =
		"at=command n=18446744073709551615 every=18446744073709551615 "
		"prob=4294967295/4294967295 times=18446744073709551615 ctx=2147483647 "
		"handle=2147483647 lun=2147483647 "
		"lba=18446744073709551614-18446744073709551615 "
		"media=18446744073709551614-18446744073709551615 action=ioasa ioasc=ffffffff "
		"sense=ffffffffffffffffffffffffffffffffffffffff resid=4294967295 extra=ffffff";
	struct emul_fault_rule rule;
	char text[EMUL_FAULT_TEXT_MAX];

	ck_assert_int_eq(emul_fault_parse(longest, &rule, NULL), 0);
	emul_fault_format(&rule, text);
	ck_assert_str_eq(text, longest);
}
END_TEST

/* ---- matching ---- */

START_TEST(test_an_empty_table_hits_nothing)
{
	struct emul_fault fault;

	for (unsigned p = 0; p < EMUL_FAULT_NR_POINTS; p++) {
		ck_assert(!emul_fault_armed(table, p));
		ck_assert(!take(p, &fault));
	}
}
END_TEST

START_TEST(test_n_hits_once_at_the_nth_match)
{
	struct emul_fault fault;
	unsigned hits = 0, when = 0;

	add("at=read n=5 action=busy");
	for (unsigned i = 1; i <= 20; i++)
		if (take(EMUL_FAULT_AT_READ, &fault)) {
			hits++;
			when = i;
		}
	ck_assert_uint_eq(hits, 1);
	ck_assert_uint_eq(when, 5);
	ck_assert_int_eq(fault.action, EMUL_FAULT_BUSY);
}
END_TEST

START_TEST(test_every_counts_matches_and_times_ends_it)
{
	struct emul_fault fault;
	unsigned hits = 0;

	add("at=write every=3 times=4 action=full");
	for (unsigned i = 1; i <= 30; i++)
		if (take(EMUL_FAULT_AT_WRITE, &fault)) {
			hits++;
			ck_assert_uint_eq(i % 3, 0);
			ck_assert_uint_le(i, 12);
		}
	ck_assert_uint_eq(hits, 4);
}
END_TEST

START_TEST(test_command_matches_reads_and_writes)
{
	struct emul_fault fault;

	add("at=command action=busy");
	ck_assert(take(EMUL_FAULT_AT_READ, &fault));
	ck_assert(take(EMUL_FAULT_AT_WRITE, &fault));
	ck_assert(take(EMUL_FAULT_AT_COMMAND, &fault));
	ck_assert(!take(EMUL_FAULT_AT_RESIZE, &fault));
}
END_TEST

START_TEST(test_ioctl_matches_every_ioctl_but_not_sync)
{
	struct emul_fault fault;

	add("at=ioctl action=eintr");
	for (unsigned p = EMUL_FAULT_AT_IOCTL; p <= EMUL_FAULT_AT_CLONE; p++)
		ck_assert(take(p, &fault));
	ck_assert_int_eq(fault.err, -EINTR);
	ck_assert(!take(EMUL_FAULT_AT_SYNC, &fault));
	ck_assert(!take(EMUL_FAULT_AT_READ, &fault));
}
END_TEST

static const struct {
	const char *rule;
	struct emul_fault_event event;
	bool hit;
} events[] = {
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 9, 0, 1 }, false },
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 9, 0, 2 }, true },
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 10, 0, 1 }, true },
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 19, 0, 8 }, true },
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 20, 0, 8 }, false },
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 0, 0, 100 }, true },
	{ "at=read lba=10-19 action=medium", { -1, -1, -1, 12, 0, 0 }, false },
	{ "at=read lba=0-18446744073709551615 action=medium", { -1, -1, -1, 5, 0, 1 }, true },
	{ "at=read media=7 action=medium", { -1, -1, -1, 7, 8, 1 }, false },
	{ "at=read media=7 action=medium", { -1, -1, -1, 0, 7, 1 }, true },
	{ "at=read lun=1 action=medium", { -1, -1, 0, 0, 0, 1 }, false },
	{ "at=read lun=1 action=medium", { -1, -1, 1, 0, 0, 1 }, true },
	{ "at=read handle=0 action=medium", { 5, 0, 1, 0, 0, 1 }, true },
	{ "at=read handle=0 action=medium", { 5, 1, 1, 0, 0, 1 }, false },
	{ "at=read ctx=5 handle=1 action=medium", { 5, 1, 1, 0, 0, 1 }, true },
	{ "at=read ctx=4 handle=1 action=medium", { 5, 1, 1, 0, 0, 1 }, false },
};

START_TEST(test_filters_choose_the_event)
{
	struct emul_fault fault;

	add(events[_i].rule);
	ck_assert(emul_fault_take(table, EMUL_FAULT_AT_READ, &events[_i].event, &fault) ==
		  events[_i].hit);
}
END_TEST

START_TEST(test_filtered_events_do_not_count_for_n)
{
	struct emul_fault_event other = { -1, 3, -1, 0, 0, 1 }, mine = { -1, 4, -1, 0, 0, 1 };
	struct emul_fault fault;

	add("at=read n=2 handle=4 action=medium");
	for (unsigned i = 0; i < 5; i++)
		ck_assert(!emul_fault_take(table, EMUL_FAULT_AT_READ, &other, &fault));
	ck_assert(!emul_fault_take(table, EMUL_FAULT_AT_READ, &mine, &fault));
	ck_assert(emul_fault_take(table, EMUL_FAULT_AT_READ, &mine, &fault));
}
END_TEST

START_TEST(test_the_first_rule_that_hits_wins_and_both_count)
{
	struct emul_fault fault;
	uint64_t seen, taken;
	char text[EMUL_FAULT_TEXT_MAX];

	add("at=read n=2 action=busy");
	add("at=read action=full");
	ck_assert(take(EMUL_FAULT_AT_READ, &fault));
	ck_assert_int_eq(fault.action, EMUL_FAULT_FULL);
	ck_assert(take(EMUL_FAULT_AT_READ, &fault));
	ck_assert_int_eq(fault.action, EMUL_FAULT_BUSY);
	ck_assert_int_eq(emul_fault_print(table, 1, text, &seen, &taken), 0);
	ck_assert_uint_eq(seen, 2);
	ck_assert_uint_eq(taken, 1);
}
END_TEST

static unsigned draw(uint64_t seed, uint8_t *ret_pattern, unsigned nr)
{
	struct emul_fault fault;
	unsigned hits = 0;

	emul_fault_clear(table, -1);
	emul_fault_seed(table, seed);
	add("at=command prob=1/10 action=busy");
	for (unsigned i = 0; i < nr; i++) {
		ret_pattern[i] = take(EMUL_FAULT_AT_READ, &fault);
		hits += ret_pattern[i];
	}
	return hits;
}

START_TEST(test_chance_is_the_same_for_the_same_seed)
{
	uint8_t a[10000], b[10000], c[10000];
	unsigned hits = draw(42, a, sizeof(a));

	ck_assert_uint_eq(draw(42, b, sizeof(b)), hits);
	ck_assert_mem_eq(a, b, sizeof(a));
	draw(43, c, sizeof(c));
	ck_assert_mem_ne(a, c, sizeof(a));
	/* 1000 expected; ten standard deviations are 300 */
	ck_assert_uint_gt(hits, 700);
	ck_assert_uint_lt(hits, 1300);
}
END_TEST

struct counted {
	pthread_t thread;
	unsigned hits;
};

static void *take_many(void *arg)
{
	struct counted *counted = arg;
	struct emul_fault fault;

	for (unsigned i = 0; i < 10000; i++)
		counted->hits += take(EMUL_FAULT_AT_WRITE, &fault);
	return NULL;
}

START_TEST(test_threads_together_never_exceed_times)
{
	struct counted counted[4] = { 0 };
	unsigned hits = 0;

	add("at=write every=7 times=1000 action=busy");
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&counted[i].thread, NULL, take_many, &counted[i]);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(counted[i].thread, NULL);
		hits += counted[i].hits;
	}
	ck_assert_uint_eq(hits, 1000);
}
END_TEST

static void *take_until_cleared(void *arg)
{
	struct emul_fault fault;

	while (!atomic_load((_Atomic bool *)arg))
		if (take(EMUL_FAULT_AT_READ, &fault))
			ck_assert(fault.action == EMUL_FAULT_BUSY ||
				  fault.action == EMUL_FAULT_MEDIUM);
	return NULL;
}

START_TEST(test_rules_may_change_while_others_take)
{
	_Atomic bool stop = false;
	pthread_t thread;

	pthread_create(&thread, NULL, take_until_cleared, &stop);
	for (unsigned i = 0; i < 500; i++) {
		int a = add("at=read prob=1/2 action=busy");
		int b = add("at=read lba=3-9 action=medium");

		ck_assert_int_eq(emul_fault_clear(table, a), 0);
		ck_assert_int_eq(emul_fault_clear(table, b), 0);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}
END_TEST

/* ---- clock ---- */

START_TEST(test_a_timed_rule_is_taken_once_for_each_period)
{
	struct emul_fault fault;
	uint64_t next;

	add("every=10ms action=reset");
	ck_assert(!emul_fault_take_due(table, 9 * MS, &fault, &next));
	ck_assert_uint_eq(next, 10 * MS);
	ck_assert(emul_fault_take_due(table, 10 * MS, &fault, &next));
	ck_assert_int_eq(fault.action, EMUL_FAULT_RESET);
	ck_assert(!emul_fault_take_due(table, 10 * MS, &fault, &next));
	ck_assert_uint_eq(next, 20 * MS);
}
END_TEST

START_TEST(test_missed_periods_are_not_made_up_for)
{
	struct emul_fault fault;
	uint64_t next;

	add("every=10ms action=reset");
	ck_assert(emul_fault_take_due(table, 95 * MS, &fault, &next));
	ck_assert(!emul_fault_take_due(table, 96 * MS, &fault, &next));
	ck_assert_uint_eq(next, 100 * MS);
}
END_TEST

START_TEST(test_a_timed_rule_ends_after_its_times)
{
	struct emul_fault fault;
	uint64_t next;

	add("every=10ms times=2 action=reset");
	ck_assert(emul_fault_take_due(table, 10 * MS, &fault, &next));
	ck_assert(emul_fault_take_due(table, 20 * MS, &fault, &next));
	ck_assert(!emul_fault_take_due(table, 30 * MS, &fault, &next));
	ck_assert_uint_eq(next, UINT64_MAX);
}
END_TEST

/* ---- links ---- */

START_TEST(test_a_link_comes_back_after_its_time)
{
	struct emul_fault down = { .action = EMUL_FAULT_LINK_DOWN, .port = 1, .ms = 5 };

	emul_fault_link(table, &down, 100 * MS);
	ck_assert_uint_eq(emul_fault_links_down(table, 100 * MS), 2);
	ck_assert_uint_eq(emul_fault_links_down(table, 104 * MS), 2);
	ck_assert_uint_eq(emul_fault_links_down(table, 105 * MS), 0);
	ck_assert_uint_eq(atomic_load(&table->links_down), 0);
}
END_TEST

START_TEST(test_a_link_without_time_stays_down_until_raised)
{
	struct emul_fault down = { .action = EMUL_FAULT_LINK_DOWN, .port = 0 };
	struct emul_fault up = { .action = EMUL_FAULT_LINK_UP, .port = 0 };

	emul_fault_link(table, &down, 0);
	ck_assert_uint_eq(emul_fault_links_down(table, UINT64_MAX), 1);
	emul_fault_link(table, &up, 0);
	ck_assert_uint_eq(emul_fault_links_down(table, 0), 0);
}
END_TEST

/* ---- table ---- */

START_TEST(test_a_full_table_refuses_and_a_freed_slot_is_used_again)
{
	char why[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;
	char text[EMUL_FAULT_TEXT_MAX];

	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++)
		ck_assert_int_eq(add("at=read action=medium"), (int)i);
	ck_assert_int_eq(emul_fault_add(table, "at=read action=busy", 0, why), -ENOSPC);
	ck_assert_int_eq(emul_fault_clear(table, 5), 0);
	ck_assert_int_eq(emul_fault_print(table, 5, text, &seen, &taken), -ENOENT);
	ck_assert_int_eq(emul_fault_clear(table, 5), -ENOENT);
	ck_assert_int_eq(add("at=write action=busy"), 5);
	ck_assert_int_eq(emul_fault_print(table, 5, text, &seen, &taken), 0);
	ck_assert_str_eq(text, "at=write action=busy");
}
END_TEST

START_TEST(test_clear_all_also_raises_the_links)
{
	struct emul_fault down = { .action = EMUL_FAULT_LINK_DOWN, .port = 2 };

	add("at=read action=medium");
	emul_fault_link(table, &down, 0);
	ck_assert_int_eq(emul_fault_clear(table, -1), 0);
	ck_assert_uint_eq(emul_fault_links_down(table, 0), 0);
	ck_assert(!emul_fault_armed(table, EMUL_FAULT_AT_READ));
}
END_TEST

START_TEST(test_numbers_that_are_no_rule_are_not_found)
{
	uint64_t seen, taken;
	char text[EMUL_FAULT_TEXT_MAX];

	ck_assert_int_eq(emul_fault_clear(table, EMUL_FAULT_RULES), -ENOENT);
	ck_assert_int_eq(emul_fault_print(table, EMUL_FAULT_RULES, text, &seen, &taken), -ENOENT);
}
END_TEST

#define NR(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *text = tcase_create("text"), *core = tcase_create("core");
	TCase *limits = tcase_create("limits");

	tcase_add_checked_fixture(text, setup, teardown);
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_loop_test(text, test_a_rule_is_printed_as_it_was_given, 0, NR(rules));
	tcase_add_loop_test(text, test_other_spellings_mean_the_same, 0, NR(spellings));
	tcase_add_loop_test(text, test_nonsense_is_refused_with_a_sentence, 0, NR(nonsense));
	tcase_add_test(text, test_a_rule_longer_than_the_limit_is_refused);
	tcase_add_test(text, test_the_longest_rule_survives_printing);
	tcase_add_test(core, test_an_empty_table_hits_nothing);
	tcase_add_test(core, test_n_hits_once_at_the_nth_match);
	tcase_add_test(core, test_every_counts_matches_and_times_ends_it);
	tcase_add_test(core, test_command_matches_reads_and_writes);
	tcase_add_test(core, test_ioctl_matches_every_ioctl_but_not_sync);
	tcase_add_loop_test(core, test_filters_choose_the_event, 0, NR(events));
	tcase_add_test(core, test_filtered_events_do_not_count_for_n);
	tcase_add_test(core, test_the_first_rule_that_hits_wins_and_both_count);
	tcase_add_test(core, test_chance_is_the_same_for_the_same_seed);
	tcase_add_test(core, test_threads_together_never_exceed_times);
	tcase_add_test(core, test_rules_may_change_while_others_take);
	tcase_add_test(core, test_a_timed_rule_is_taken_once_for_each_period);
	tcase_add_test(core, test_missed_periods_are_not_made_up_for);
	tcase_add_test(core, test_a_timed_rule_ends_after_its_times);
	tcase_add_test(core, test_a_link_comes_back_after_its_time);
	tcase_add_test(core, test_a_link_without_time_stays_down_until_raised);
	tcase_add_test(limits, test_a_full_table_refuses_and_a_freed_slot_is_used_again);
	tcase_add_test(limits, test_clear_all_also_raises_the_links);
	tcase_add_test(limits, test_numbers_that_are_no_rule_are_not_found);
	suite_add_tcase(suite, text);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	return run_suite(suite);
}
