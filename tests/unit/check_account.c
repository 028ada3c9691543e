/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms, the tick clock, and the account of requests. */
#include <check.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/histogram.h"
#include "base/ticks.h"
#include "fuse/transport/account.h"

/* ---- histogram ---- */

START_TEST(test_buckets_cover_all_latencies_in_order)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		ck_assert_uint_gt(histogram_end_ns(i), end);
		ck_assert_uint_eq(histogram_bucket(end), i);
		end = histogram_end_ns(i);
		ck_assert_uint_eq(histogram_bucket(end - 1), i);
	}
	ck_assert_uint_eq(end, UINT64_MAX);
	ck_assert_uint_eq(histogram_end_ns(0), 256);
	ck_assert_uint_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}
END_TEST

START_TEST(test_bucket_is_a_quarter_of_a_power_of_two)
{
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t start = histogram_end_ns(i - 1), end = histogram_end_ns(i);

		ck_assert_uint_le((end - start) * 4, start);
	}
}
END_TEST

START_TEST(test_quantiles_are_near_the_truth)
{
	struct histogram h = { 0 };

	ck_assert_uint_eq(histogram_quantile_ns(&h, 500), 0);
	for (uint64_t us = 1; us <= 1000; us++)
		histogram_add(&h, us * 1000, 1);
	ck_assert_uint_eq(histogram_count(&h), 1000);
	ck_assert_uint_eq(h.max_ns, 1000000);
	ck_assert_uint_eq(h.sum_ns, 500500000);
	ck_assert_uint_ge(histogram_quantile_ns(&h, 500), 450000);
	ck_assert_uint_le(histogram_quantile_ns(&h, 500), 550000);
	ck_assert_uint_ge(histogram_quantile_ns(&h, 990), 900000);
	ck_assert_uint_le(histogram_quantile_ns(&h, 990), 1000000);
	ck_assert_uint_eq(histogram_quantile_ns(&h, 1000), 1000000);
}
END_TEST

START_TEST(test_merge_adds_up)
{
	struct histogram a = { 0 }, b = { 0 };

	histogram_add(&a, 1000, 3);
	histogram_add(&b, 5000, 2);
	histogram_merge(&a, &b);
	ck_assert_uint_eq(histogram_count(&a), 5);
	ck_assert_uint_eq(a.sum_ns, 13000);
	ck_assert_uint_eq(a.max_ns, 5000);
	ck_assert_uint_eq(histogram_count_below(&a, 1024), 3);
}
END_TEST

/* ---- ticks ---- */

START_TEST(test_ticks_agree_with_the_clock)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	uint64_t ticks, before_ns, outer_ns, inner_ns, took_ns;

	ticks_start();
	before_ns = clock_now_ns();
	ticks = ticks_now();
	inner_ns = clock_now_ns();
	nanosleep(&pause, NULL);
	inner_ns = clock_now_ns() - inner_ns;
	took_ns = ticks_to_ns(ticks_now() - ticks);
	outer_ns = clock_now_ns() - before_ns;
	/* Within a percent. */
	ck_assert_uint_ge(took_ns, inner_ns - inner_ns / 100);
	ck_assert_uint_le(took_ns, outer_ns + outer_ns / 100);
	ck_assert_uint_eq(ticks_to_ns((uint64_t)-5), 0);
	ck_assert_uint_ge(ticks_to_ns(ticks_from_ns(1000000)), 999000);
	ck_assert_uint_le(ticks_to_ns(ticks_from_ns(1000000)), 1001000);
}
END_TEST

/* ---- account ---- */

static struct account account;
static struct account_kind kinds[ACCOUNT_NR_KINDS];

static void set_up(void)
{
	account_init(&account);
}

static void tear_down(void)
{
	account_fini(&account);
}

static void begin(struct account_request *request, uint32_t opcode, uint64_t bytes)
{
	struct {
		struct fuse_in_header header;
		struct fuse_read_in in;
	} message = { .header = { .opcode = opcode, .nodeid = 7, .pid = 42 },
		      .in = { .offset = 4096, .size = (uint32_t)bytes } };

	account_begin(&account, request, &message.header);
}

static void run_one(uint32_t opcode, uint64_t bytes, int error)
{
	struct account_request request;

	begin(&request, opcode, bytes);
	request.nr_moved = error ? 0 : bytes;
	request.error = error;
	account_end(&request);
	account_end(&request); /* does nothing */
}

START_TEST(test_requests_are_counted_by_kind)
{
	run_one(FUSE_READ, 1000, 0);
	run_one(FUSE_READ, 24, 0);
	run_one(FUSE_READ, 24, -5);
	run_one(FUSE_LOOKUP, 0, -2);
	run_one(4096, 0, 0); /* none of ours */
	account_sum(&account, kinds);
	ck_assert_uint_eq(kinds[FUSE_READ].nr_started, 3);
	ck_assert_uint_eq(kinds[FUSE_READ].nr_ended, 3);
	ck_assert_uint_eq(kinds[FUSE_READ].nr_errors, 1);
	ck_assert_uint_eq(kinds[FUSE_READ].nr_bytes, 1024);
	ck_assert_uint_eq(histogram_count(&kinds[FUSE_READ].latency), 3);
	ck_assert_uint_eq(kinds[FUSE_LOOKUP].nr_errors, 1);
	ck_assert_uint_eq(kinds[0].nr_ended, 1);
	ck_assert_str_eq(account_kind_name(FUSE_READ), "read");
	ck_assert_ptr_null(account_kind_name(4096));
}
END_TEST

static void *end_elsewhere(void *request)
{
	account_end(request);
	return NULL;
}

START_TEST(test_request_may_end_on_another_thread)
{
	struct account_request request;
	pthread_t thread;

	begin(&request, FUSE_WRITE, 10);
	account_sum(&account, kinds);
	ck_assert_uint_eq(kinds[FUSE_WRITE].nr_started, 1);
	ck_assert_uint_eq(kinds[FUSE_WRITE].nr_ended, 0);
	pthread_create(&thread, NULL, end_elsewhere, &request);
	pthread_join(thread, NULL);
	account_sum(&account, kinds);
	ck_assert_uint_eq(kinds[FUSE_WRITE].nr_ended, 1);
}
END_TEST

#define NR_THREADS  8
#define NR_REQUESTS 20000

static void *load(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < NR_REQUESTS; i++)
		run_one(FUSE_WRITE, 1, 0);
	return NULL;
}

START_TEST(test_no_count_is_lost_between_threads)
{
	pthread_t threads[NR_THREADS];

	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, load, NULL);
	for (unsigned i = 0; i < 100; i++) {
		account_sum(&account, kinds);
		ck_assert_uint_le(kinds[FUSE_WRITE].nr_ended, kinds[FUSE_WRITE].nr_started);
	}
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	account_sum(&account, kinds);
	ck_assert_uint_eq(kinds[FUSE_WRITE].nr_ended, NR_THREADS * NR_REQUESTS);
	ck_assert_uint_eq(kinds[FUSE_WRITE].nr_bytes, NR_THREADS * NR_REQUESTS);
	ck_assert_uint_eq(histogram_count(&kinds[FUSE_WRITE].latency), NR_THREADS * NR_REQUESTS);
}
END_TEST

/* ---- records ---- */

struct seen {
	unsigned nr;
	struct account_record last;
};

static void see(void *arg, const struct account_record *record)
{
	struct seen *seen = arg;

	seen->nr++;
	seen->last = *record;
}

START_TEST(test_last_requests_are_remembered)
{
	struct seen seen = { 0 };

	run_one(FUSE_READ, 512, -5);
	account_recent(&account, see, &seen);
	ck_assert_uint_eq(seen.nr, 1);
	ck_assert_uint_eq(seen.last.kind, FUSE_READ);
	ck_assert_uint_eq(seen.last.inode, 7);
	ck_assert_uint_eq(seen.last.pid, 42);
	ck_assert_uint_eq(seen.last.offset, 4096);
	ck_assert_uint_eq(seen.last.bytes, 512);
	ck_assert_int_eq(seen.last.error, -5);
	for (unsigned i = 0; i < 3 * ACCOUNT_NR_RECENT; i++)
		run_one(FUSE_WRITE, i, 0);
	seen.nr = 0;
	account_recent(&account, see, &seen);
	/* The oldest might be overwritten just now. */
	ck_assert_uint_eq(seen.nr, ACCOUNT_NR_RECENT - 1);
	ck_assert_uint_eq(seen.last.bytes, 3 * ACCOUNT_NR_RECENT - 1);
}
END_TEST

START_TEST(test_only_slow_requests_are_traced)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct account_request request;
	struct seen seen = { 0 };

	run_one(FUSE_READ, 1, 0);
	account_traced(&account, 0, see, &seen);
	ck_assert_uint_eq(seen.nr, 0); /* nobody has asked */
	account_trace(&account, 5000000, 60000000000);
	run_one(FUSE_READ, 2, 0);
	begin(&request, FUSE_WRITE, 3);
	request.command_ticks = ticks_now();
	nanosleep(&pause, NULL);
	account_end(&request);
	account_traced(&account, 0, see, &seen);
	ck_assert_uint_eq(seen.nr, 1);
	ck_assert_uint_eq(seen.last.bytes, 3);
	ck_assert_uint_ge(seen.last.latency_ns, 5000000);
	ck_assert_uint_ge(seen.last.command_ns, 4000000);
	ck_assert_uint_le(seen.last.command_ns, seen.last.latency_ns);
	account_traced(&account, seen.last.end_ticks, see, &seen);
	ck_assert_uint_eq(seen.nr, 1);           /* none after it */
	account_trace(&account, 0, 60000000000); /* the smaller time counts */
	account_trace(&account, 5000000, 60000000000);
	run_one(FUSE_READ, 4, 0);
	account_traced(&account, seen.last.end_ticks, see, &seen);
	ck_assert_uint_eq(seen.nr, 2);
	ck_assert_uint_eq(seen.last.bytes, 4);
}
END_TEST

START_TEST(test_trace_ends_by_itself)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct seen seen = { 0 };

	account_trace(&account, 0, 1000000);
	nanosleep(&pause, NULL);
	run_one(FUSE_READ, 1, 0);
	account_traced(&account, 0, see, &seen);
	ck_assert_uint_eq(seen.nr, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("account");
	TCase *histogram = tcase_create("histogram"), *requests = tcase_create("requests");

	tcase_add_test(histogram, test_buckets_cover_all_latencies_in_order);
	tcase_add_test(histogram, test_bucket_is_a_quarter_of_a_power_of_two);
	tcase_add_test(histogram, test_quantiles_are_near_the_truth);
	tcase_add_test(histogram, test_merge_adds_up);
	tcase_add_test(histogram, test_ticks_agree_with_the_clock);
	suite_add_tcase(suite, histogram);
	tcase_add_checked_fixture(requests, set_up, tear_down);
	tcase_set_timeout(requests, 60);
	tcase_add_test(requests, test_requests_are_counted_by_kind);
	tcase_add_test(requests, test_request_may_end_on_another_thread);
	tcase_add_test(requests, test_no_count_is_lost_between_threads);
	tcase_add_test(requests, test_last_requests_are_remembered);
	tcase_add_test(requests, test_only_slow_requests_are_traced);
	tcase_add_test(requests, test_trace_ends_by_itself);
	suite_add_tcase(suite, requests);
	return run_suite(suite);
}
