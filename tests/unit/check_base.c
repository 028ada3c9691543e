/* SPDX-License-Identifier: Apache-2.0 */
/* Log messages: target, level, categories, rate limit, errno. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Captures what is written to stderr. */
static int saved_stderr, capture_pipe[2];

static void begin_capture(void)
{
	ck_assert_int_eq(pipe2(capture_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(dup2(capture_pipe[1], STDERR_FILENO), 0);
}

static const char *end_capture(void)
{
	static char text[16384];
	ssize_t length;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	length = read(capture_pipe[0], text, sizeof(text) - 1);
	text[length < 0 ? 0 : length] = '\0';
	close(capture_pipe[0]);
	close(capture_pipe[1]);
	return text;
}

static void open_log(enum log_level level, unsigned categories)
{
	log_open(&(struct log_config){ .target = LOG_TARGET_STDERR,
				       .level = level,
				       .debug_categories = categories,
				       .ident = "prog" });
}

START_TEST(test_log_line_has_ident_and_text)
{
	open_log(LOG_LEVEL_INFO, 0);
	begin_capture();
	log_err("disk %d: %s", 3, "gone");
	log_warning("careful");
	log_notice("ends with its own newline\n");
	log_info("detail");
	ck_assert_str_eq(end_capture(), "prog: disk 3: gone\n"
					"prog: warning: careful\n"
					"prog: ends with its own newline\n"
					"prog: detail\n");
}
END_TEST

START_TEST(test_log_level_drops_what_is_above_it)
{
	open_log(LOG_LEVEL_WARNING, 0);
	begin_capture();
	log_notice("no");
	log_info("no");
	log_message(LOG_LEVEL_DEBUG, "no");
	log_warning("yes");
	ck_assert_str_eq(end_capture(), "prog: warning: yes\n");
}
END_TEST

static int nr_evaluated;

static int evaluate(void)
{
	return ++nr_evaluated;
}

START_TEST(test_log_debug_goes_by_category_and_costs_nothing_when_off)
{
	open_log(LOG_LEVEL_ERR, LOGC_DATA);
	ck_assert(log_debug_enabled(LOGC_DATA));
	ck_assert(!log_debug_enabled(LOGC_FS));
	begin_capture();
	log_debug(LOGC_FS, "%d", evaluate());
	log_debug(LOGC_DATA, "seen %d", evaluate());
	ck_assert_str_eq(end_capture(), "prog: data: seen 1\n");
	ck_assert_int_eq(nr_evaluated, 1);
}
END_TEST

START_TEST(test_log_preserves_errno_and_prints_it)
{
	struct log_limit limit = { 0 };

	open_log(LOG_LEVEL_INFO, LOGC_FS);
	begin_capture();
	errno = ENOSPC;
	log_err("%m");
	ck_assert_int_eq(errno, ENOSPC);
	log_debug(LOGC_FS, "%m");
	ck_assert_int_eq(errno, ENOSPC);
	log_limited(&limit, LOG_LEVEL_ERR, "%m");
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_str_eq(end_capture(), "prog: No space left on device\n"
					"prog: fs: No space left on device\n"
					"prog: No space left on device\n");
	/* Also if the line cannot be written. */
	close(STDERR_FILENO);
	errno = ENOSPC;
	log_err("nowhere");
	ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

START_TEST(test_log_line_too_long_is_cut_and_still_ends)
{
	char text[5000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	open_log(LOG_LEVEL_INFO, 0);
	begin_capture();
	log_err("%s", text);
	line = end_capture();
	ck_assert_uint_lt(strlen(line), sizeof(text));
	ck_assert_int_eq(line[strlen(line) - 1], '\n');
}
END_TEST

START_TEST(test_log_categories_are_printed_as_they_are_parsed)
{
	char list[LOG_LIST_BYTES];
	unsigned mask;

	for (unsigned categories = 0; categories <= LOGC_ALL; categories++) {
		log_print_categories(categories, list);
		ck_assert_int_eq(log_parse_categories(list, &mask), 0);
		ck_assert_uint_eq(mask, categories);
	}
}
END_TEST

START_TEST(test_log_categories_are_parsed_or_refused)
{
	unsigned mask = 99;

	ck_assert_int_eq(log_parse_categories("fs", &mask), 0);
	ck_assert_uint_eq(mask, LOGC_FS);
	ck_assert_int_eq(log_parse_categories("tree,emul,data", &mask), 0);
	ck_assert_uint_eq(mask, LOGC_TREE | LOGC_EMUL | LOGC_DATA);
	ck_assert_int_eq(log_parse_categories("none", &mask), 0);
	ck_assert_uint_eq(mask, 0);
	ck_assert_int_eq(log_parse_categories("all", &mask), 0);
	ck_assert_uint_eq(mask, LOGC_ALL);
	mask = 99;
	ck_assert_int_eq(log_parse_categories("fs,none", &mask), -EINVAL);
	ck_assert_int_eq(log_parse_categories("", &mask), -EINVAL);
	ck_assert_int_eq(log_parse_categories("fs,", &mask), -EINVAL);
	ck_assert_int_eq(log_parse_categories(",fs", &mask), -EINVAL);
	ck_assert_int_eq(log_parse_categories("fsx", &mask), -EINVAL);
	ck_assert_int_eq(log_parse_categories("f", &mask), -EINVAL);
	ck_assert_uint_eq(mask, 99);
}
END_TEST

START_TEST(test_log_limit_lets_a_burst_pass_and_counts_the_rest)
{
	struct log_limit limit = { 0 };
	uint32_t nr_dropped = 77;

	for (unsigned i = 0; i < LOG_LIMIT_BURST; i++) {
		ck_assert(log_limit_pass(&limit, 1000 + i, &nr_dropped));
		ck_assert_uint_eq(nr_dropped, 0);
	}
	nr_dropped = 77;
	for (unsigned i = 0; i < 30; i++)
		ck_assert(!log_limit_pass(&limit, 2000 + i, &nr_dropped));
	ck_assert_uint_eq(nr_dropped, 77);
	ck_assert(!log_limit_pass(&limit, 1000 + LOG_LIMIT_SECONDS * 1000 - 1, &nr_dropped));
	ck_assert(log_limit_pass(&limit, 1000 + LOG_LIMIT_SECONDS * 1000, &nr_dropped));
	ck_assert_uint_eq(nr_dropped, 31);
	ck_assert(log_limit_pass(&limit, 1001 + LOG_LIMIT_SECONDS * 1000, &nr_dropped));
	ck_assert_uint_eq(nr_dropped, 0);
}
END_TEST

#define NR_THREADS 4
#define NR_EACH    1000

static struct log_limit shared_limit;
static uint32_t nr_passed;

static void *repeat(void *arg)
{
	uint32_t nr_dropped;

	(void)arg;
	for (unsigned i = 0; i < NR_EACH; i++) {
		if (log_limit_pass(&shared_limit, 5, &nr_dropped))
			__atomic_fetch_add(&nr_passed, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(test_log_limit_holds_among_threads)
{
	pthread_t threads[NR_THREADS];
	uint32_t nr_dropped;

	/* Open the window before the threads start. */
	ck_assert(log_limit_pass(&shared_limit, 5, &nr_dropped));
	for (unsigned i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, repeat, NULL), 0);
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(nr_passed, LOG_LIMIT_BURST - 1);
}
END_TEST

START_TEST(test_log_limited_tells_how_many_were_left_out)
{
	struct log_limit limit = { 0 };

	open_log(LOG_LEVEL_INFO, 0);
	begin_capture();
	for (unsigned i = 0; i < LOG_LIMIT_BURST + 3; i++)
		log_limited(&limit, LOG_LEVEL_ERR, "again");
	limit.window_start_ms = 0; /* time passes */
	log_limited(&limit, LOG_LEVEL_ERR, "later");
	ck_assert_str_eq(end_capture(), "prog: again\nprog: again\nprog: again\nprog: again\n"
					"prog: again\n"
					"prog: 3 messages like the next one were left out\n"
					"prog: later\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *core = tcase_create("log");

	tcase_add_test(core, test_log_line_has_ident_and_text);
	tcase_add_test(core, test_log_level_drops_what_is_above_it);
	tcase_add_test(core, test_log_debug_goes_by_category_and_costs_nothing_when_off);
	tcase_add_test(core, test_log_line_too_long_is_cut_and_still_ends);
	tcase_add_test(core, test_log_categories_are_parsed_or_refused);
	tcase_add_test(core, test_log_categories_are_printed_as_they_are_parsed);
	tcase_add_test(core, test_log_limit_lets_a_burst_pass_and_counts_the_rest);
	tcase_add_test(core, test_log_limit_holds_among_threads);
	tcase_add_test(core, test_log_limited_tells_how_many_were_left_out);
	tcase_add_test(core, test_log_preserves_errno_and_prints_it); /* last: closes stderr */
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
