/* SPDX-License-Identifier: Apache-2.0 */
/* Active threads of a pool, request slots, and the number of processors. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuse/transport/ring.h"
#include "fuse/transport/slot.h"
#include "fuse/transport/thread_pool.h"

/* ---- the pool ---- */

#define NR_THREADS 4

static struct thread_pool pool;
static pthread_t threads[NR_THREADS];
static _Atomic int nr_came, nr_ended, may_go;

/* Joins when called, works while needed, and leaves when allowed. */
static void *member(void *arg)
{
	while (thread_pool_wait(&pool)) {
		nr_came++;
		bool needed = true;

		while (needed && thread_pool_goes_on(&pool)) {
			if (may_go > 0 && thread_pool_leave(&pool)) {
				may_go--;
				needed = false;
			}
			sched_yield();
		}
		if (needed)
			thread_pool_rest(&pool);
	}
	nr_ended++;
	return arg;
}

static void gather(void)
{
	thread_pool_init(&pool);
	thread_pool_set(&pool, THREAD_POOL_RUNS);
	nr_came = nr_ended = may_go = 0;
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, member, NULL), 0);
}

static void disperse(void)
{
	thread_pool_set(&pool, THREAD_POOL_ENDED);
	for (int i = 0; i < NR_THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(nr_ended, NR_THREADS);
	thread_pool_fini(&pool);
}

static void wait_until_came(int nr)
{
	while (nr_came < nr)
		sched_yield();
}

START_TEST(test_pool_one_comes_uncalled)
{
	wait_until_came(1);
	ck_assert_uint_eq(pool.nr_active, 1);
}
END_TEST

START_TEST(test_pool_no_more_come_than_are_allowed)
{
	wait_until_came(1);
	for (int i = 0; i < 100; i++)
		thread_pool_call(&pool, 3);
	wait_until_came(3);
	ck_assert_uint_eq(pool.nr_active, 3);
	ck_assert_uint_eq(pool.nr_calls, 0);
	ck_assert_int_eq(nr_came, 3);
}
END_TEST

START_TEST(test_pool_the_last_one_may_not_leave)
{
	wait_until_came(1);
	ck_assert(!thread_pool_leave(&pool));
	thread_pool_call(&pool, 2);
	wait_until_came(2);
	may_go = 1;
	while (may_go)
		sched_yield();
	ck_assert_uint_eq(pool.nr_active, 1);
	ck_assert(!thread_pool_leave(&pool));
}
END_TEST

START_TEST(test_pool_callers_and_leavers_at_the_same_time)
{
	wait_until_came(1);
	may_go = 1000;
	while (may_go > 0) {
		thread_pool_call(&pool, NR_THREADS);
		ck_assert_uint_le(pool.nr_active, NR_THREADS);
	}
	ck_assert_uint_ge(pool.nr_active, 1);
}
END_TEST

START_TEST(test_pool_nobody_is_active_in_a_pause)
{
	wait_until_came(1);
	thread_pool_call(&pool, 2);
	wait_until_came(2);
	thread_pool_set(&pool, THREAD_POOL_PAUSED);
	ck_assert(thread_pool_await_rest(&pool, UINT64_MAX));
	ck_assert_uint_eq(pool.nr_active, 0);
	thread_pool_call(&pool, 2); /* waits for the end of the pause */
	ck_assert_int_eq(nr_came, 2);
	thread_pool_set(&pool, THREAD_POOL_RUNS);
	wait_until_came(3);
	ck_assert_uint_ge(pool.nr_active, 1);
}
END_TEST

START_TEST(test_pool_a_pause_of_a_busy_pool_times_out)
{
	struct thread_pool busy;

	thread_pool_init(&busy);
	thread_pool_set(&busy, THREAD_POOL_RUNS);
	ck_assert(thread_pool_wait(&busy)); /* this thread is active, and does not rest */
	thread_pool_set(&busy, THREAD_POOL_PAUSED);
	ck_assert(!thread_pool_goes_on(&busy));
	ck_assert(!thread_pool_await_rest(&busy, clock_now_ns() + 1000000));
	thread_pool_set(&busy, THREAD_POOL_RUNS);
	ck_assert(thread_pool_goes_on(&busy));
	thread_pool_fini(&busy);
}
END_TEST

START_TEST(test_pool_ends_in_a_pause)
{
	wait_until_came(1);
	thread_pool_set(&pool, THREAD_POOL_PAUSED);
	ck_assert(thread_pool_await_rest(&pool, UINT64_MAX));
}
END_TEST

/* ---- slots ---- */

#define NR_SLOTS 3

static struct slot_region region;
static struct slot_pool *slots;

static void make_slots(void)
{
	ck_assert_int_eq(slot_region_init(&region, NR_SLOTS), 0);
	slots = slot_pool_new(&region, NR_SLOTS);
	ck_assert_ptr_nonnull(slots);
}

static void free_slots(void)
{
	slot_pool_free(slots);
	slot_region_fini(&region);
}

START_TEST(test_slot_memory_is_apart_and_on_pages)
{
	struct slot *slot[NR_SLOTS];

	for (int i = 0; i < NR_SLOTS; i++) {
		slot[i] = slot_pool_get(slots, false);
		ck_assert_uint_eq((uintptr_t)slot[i]->payload % 4096, 0);
		memset(slot[i]->payload - SLOT_FRONT_BYTES, i,
		       SLOT_FRONT_BYTES + SLOT_PAYLOAD_BYTES);
	}
	for (int i = 0; i < NR_SLOTS; i++) {
		ck_assert_int_eq(slot[i]->payload[-SLOT_FRONT_BYTES], i);
		ck_assert_int_eq(slot[i]->payload[SLOT_PAYLOAD_BYTES - 1], i);
	}
	ck_assert_ptr_null(slot_pool_get(slots, false));
	slot_put(slot[1]);
	ck_assert_ptr_eq(slot_pool_get(slots, false), slot[1]);
}
END_TEST

START_TEST(test_slot_kept_is_free_after_both_references)
{
	struct slot *slot = slot_pool_get(slots, false);

	slot_keep(slot);
	slot_put(slot);
	ck_assert_ptr_ne(slot_pool_get(slots, false), slot);
	slot_release(slot);
	ck_assert_ptr_eq(slot_pool_get(slots, false), slot);
}
END_TEST

static uint64_t distance(const void *a, const void *b)
{
	return a > b ? (uintptr_t)a - (uintptr_t)b : (uintptr_t)b - (uintptr_t)a;
}

/* Another process has its memory where this one has: on POWER within a GiB. */
START_TEST(test_slot_shared_memory_is_far_from_all_other)
{
	struct slot_region first, second, *const regions[] = { &first, &second };
	void *heap = malloc(1 << 24);
	int here;
	const void *const others[] = { heap, &here, &region, region.memory };

	ck_assert_int_eq(slot_region_share(&first, NR_SLOTS), 0);
	ck_assert_int_eq(slot_region_share(&second, NR_SLOTS), 0);
	ck_assert_ptr_ne(first.memory, second.memory);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			ck_assert_uint_ge(distance(regions[i]->memory, others[k]), 1ull << 40);
	slot_region_fini(&first);
	slot_region_fini(&second);
	free(heap);
}
END_TEST

START_TEST(test_slot_shared_memory_is_not_adopted_where_other_memory_is)
{
	struct slot_region made, adopted;

	ck_assert_int_eq(slot_region_share(&made, NR_SLOTS), 0);
	ck_assert_int_eq(slot_region_adopt(&adopted, NR_SLOTS, made.memory, dup(made.fd)),
			 -EADDRINUSE);
	slot_region_fini(&made);
}
END_TEST

START_TEST(test_slot_shared_memory_is_adopted_where_it_was)
{
	struct slot_region made, adopted;
	char *memory;

	ck_assert_int_eq(slot_region_share(&made, NR_SLOTS), 0);
	memory = made.memory;
	memory[1] = 'x';
	ck_assert_int_eq(munmap(memory, NR_SLOTS * (SLOT_FRONT_BYTES + SLOT_PAYLOAD_BYTES)), 0);
	ck_assert_int_eq(slot_region_adopt(&adopted, NR_SLOTS, memory, made.fd), 0);
	ck_assert_ptr_eq(adopted.memory, memory);
	ck_assert_int_eq(memory[1], 'x');
	slot_region_fini(&adopted);
}
END_TEST

static void *release_later(void *arg)
{
	usleep(20000);
	slot_release(arg);
	return NULL;
}

START_TEST(test_slot_is_waited_for)
{
	struct slot *slot = NULL;
	pthread_t thread;

	for (int i = 0; i < NR_SLOTS; i++)
		slot = slot_pool_get(slots, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, release_later, slot), 0);
	ck_assert_ptr_eq(slot_pool_get(slots, true), slot);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

static void count(void *arg)
{
	++*(int *)arg;
}

START_TEST(test_slot_without_a_ring_resumes_here)
{
	struct slot *slot = slot_pool_get(slots, false);
	int nr_resumed = 0;

	ck_assert_ptr_null(slot_here());
	slot_set_here(slot);
	ck_assert_ptr_eq(slot_here(), slot);
	slot_set_here(NULL);
	slot_resume(slot, count, &nr_resumed);
	ck_assert_int_eq(nr_resumed, 1);
}
END_TEST

static Suite *transport_suite(void)
{
	Suite *suite = suite_create("transport");
	TCase *active = tcase_create("thread_pool"), *memory = tcase_create("slot");

	tcase_set_timeout(active, 60);
	tcase_add_checked_fixture(active, gather, disperse);
	tcase_add_test(active, test_pool_one_comes_uncalled);
	tcase_add_test(active, test_pool_no_more_come_than_are_allowed);
	tcase_add_test(active, test_pool_the_last_one_may_not_leave);
	tcase_add_test(active, test_pool_callers_and_leavers_at_the_same_time);
	tcase_add_test(active, test_pool_nobody_is_active_in_a_pause);
	tcase_add_test(active, test_pool_a_pause_of_a_busy_pool_times_out);
	tcase_add_test(active, test_pool_ends_in_a_pause);
	suite_add_tcase(suite, active);

	tcase_add_checked_fixture(memory, make_slots, free_slots);
	tcase_add_test(memory, test_slot_memory_is_apart_and_on_pages);
#ifndef __SANITIZE_THREAD__ /* which says itself where memory may lie */
	tcase_add_test(memory, test_slot_shared_memory_is_far_from_all_other);
#endif
	tcase_add_test(memory, test_slot_shared_memory_is_not_adopted_where_other_memory_is);
	tcase_add_test(memory, test_slot_shared_memory_is_adopted_where_it_was);
	tcase_add_test(memory, test_slot_kept_is_free_after_both_references);
	tcase_add_test(memory, test_slot_is_waited_for);
	tcase_add_test(memory, test_slot_without_a_ring_resumes_here);
	suite_add_tcase(suite, memory);

	return suite;
}

int main(void)
{
	return run_suite(transport_suite());
}

/* ---- instead of rings ---- */

#if FS_HAVE_IO_URING
void ring_keep(struct ring *ring)
{
	(void)ring;
}

void ring_release(struct ring *ring)
{
	(void)ring;
}

bool ring_is_here(const struct ring *ring)
{
	return !ring;
}

void ring_post(struct ring *ring, struct slot *slot)
{
	(void)ring;
	(void)slot;
}
#endif
