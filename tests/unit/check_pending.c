/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a process leaves in its slots when it dies, and the process that goes on. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuse/takeover/pending.h"
#include "fuse/transport/internal.h"

#define NR_SLOTS 4

/* ---- slots: the dead process, the one that stands by, and the next one, all here ---- */

static struct slot_region dead, next;
static struct slot_pool *dead_pool, *next_pool;
static struct account account;
static struct pending pending;

static void make_slots(void)
{
	account_init(&account);
	ck_assert_int_eq(slot_region_share(&dead, NR_SLOTS), 0);
	dead_pool = slot_pool_new(&dead, NR_SLOTS);
	ck_assert_ptr_nonnull(dead_pool);
	ck_assert_int_eq(pending_open(&pending, dup(dead.fd), -1), 0);
}

static void take_over(void)
{
	ck_assert_int_eq(slot_region_map(&next, dup(dead.fd)), 0);
	ck_assert_uint_eq(next.nr_slots, NR_SLOTS);
	next_pool = slot_pool_new(&next, NR_SLOTS);
	ck_assert_ptr_nonnull(next_pool);
}

static void free_slots(void)
{
	pending_close(&pending);
	slot_pool_free(next_pool);
	next_pool = NULL;
	slot_region_fini(&next);
	slot_pool_free(dead_pool);
	slot_region_fini(&dead);
	account_fini(&account);
}

/* As if it had been read. */
static struct slot *arrive(uint64_t unique, uint32_t opcode)
{
	struct slot *slot = slot_pool_get(dead_pool, false);

	*slot_header(slot->payload) = (struct fuse_in_header){
		.len = sizeof(struct fuse_in_header),
		.opcode = opcode,
		.unique = unique,
		.nodeid = unique + 1,
		.pid = 77,
	};
	return slot;
}

static void begin(struct slot *slot)
{
	slot_begin(slot, &account, slot_header(slot->payload));
}

static unsigned nr_pending(void)
{
	struct pending_request request;
	uint32_t from = 0;
	unsigned nr = 0;

	while (pending_next(&pending, &from, &request))
		nr++;
	return nr;
}

static struct pending_request only_pending(void)
{
	struct pending_request request;
	uint32_t from = 0;

	ck_assert_uint_eq(nr_pending(), 1);
	ck_assert(pending_next(&pending, &from, &request));
	return request;
}

static unsigned nr_free(struct slot_pool *pool)
{
	struct slot *slots[NR_SLOTS];
	unsigned nr = 0;

	while (nr < NR_SLOTS && (slots[nr] = slot_pool_get(pool, false)))
		nr++;
	for (unsigned i = nr; i-- > 0;)
		slot_put(slots[i]);
	return nr;
}

START_TEST(test_slots_a_request_is_there_until_it_is_done)
{
	struct slot *slot = arrive(10, FUSE_GETATTR);
	struct pending_request request = only_pending();

	ck_assert_uint_eq(request.unique, 10);
	ck_assert_uint_eq(request.opcode, FUSE_GETATTR);
	ck_assert_uint_eq(request.inode, 11);
	ck_assert_uint_eq(request.pid, 77);
	ck_assert(!request.is_damaged);
	begin(slot);
	ck_assert_uint_eq(nr_pending(), 1);
	slot_end(slot);
	ck_assert_uint_eq(nr_pending(), 0);
}
END_TEST

START_TEST(test_slots_a_kept_request_is_there_until_it_is_answered)
{
	struct slot *slot = arrive(10, FUSE_READ);

	begin(slot);
	slot_keep(slot);
	slot_end(slot);
	slot_put(slot);
	ck_assert_uint_eq(only_pending().unique, 10);
	slot_release(slot);
	ck_assert_uint_eq(nr_pending(), 0);
	ck_assert_uint_eq(nr_free(dead_pool), NR_SLOTS);
}
END_TEST

START_TEST(test_slots_with_requests_are_not_free_before_they_are_served)
{
	struct slot *slot = NULL;

	arrive(10, FUSE_GETATTR);
	arrive(12, FUSE_LOOKUP);
	arrive(14, FUSE_FORGET);
	take_over();
	ck_assert_uint_eq(nr_free(next_pool), NR_SLOTS - 3);
	for (uint64_t unique = 10; (slot = slot_pool_next_recovered(next_pool, slot));
	     unique += 2) {
		ck_assert_uint_eq(slot_header(slot->payload)->unique, unique);
		begin(slot);
		slot_end(slot);
		slot_put(slot);
		slot_await_free(slot);
	}
	ck_assert_uint_eq(nr_pending(), 0);
	ck_assert_uint_eq(nr_free(next_pool), NR_SLOTS);
	ck_assert_ptr_null(slot_pool_next_recovered(next_pool, NULL));
}
END_TEST

static void *release_later(void *arg)
{
	usleep(20000);
	slot_release(arg);
	return NULL;
}

START_TEST(test_slots_a_found_request_that_is_answered_later_is_waited_for)
{
	pthread_t thread;
	struct slot *slot;

	arrive(10, FUSE_WRITE);
	take_over();
	slot = slot_pool_next_recovered(next_pool, NULL);
	begin(slot);
	slot_keep(slot);
	slot_end(slot);
	slot_put(slot);
	ck_assert_int_eq(pthread_create(&thread, NULL, release_later, slot), 0);
	slot_await_free(slot);
	ck_assert_uint_eq(nr_pending(), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(nr_free(next_pool), NR_SLOTS);
}
END_TEST

START_TEST(test_slots_damaged_requests_are_told_and_not_served)
{
	struct slot *slot = arrive(10, FUSE_LOOKUP);

	slot_header(slot->payload)->len = sizeof(struct fuse_in_header) - 1;
	ck_assert(only_pending().is_damaged);
	slot_header(slot->payload)->len = SLOT_HEADER_BYTES + SLOT_PAYLOAD_BYTES;
	ck_assert(!only_pending().is_damaged);
	slot_header(slot->payload)->len = SLOT_HEADER_BYTES + SLOT_PAYLOAD_BYTES + 1;
	ck_assert(only_pending().is_damaged);
	take_over();
	ck_assert_ptr_null(slot_pool_next_recovered(next_pool, NULL));
	ck_assert_uint_eq(nr_free(next_pool), NR_SLOTS);
	ck_assert_uint_eq(nr_pending(), 0);
}
END_TEST

START_TEST(test_slots_have_an_outcome_of_their_request_only)
{
	struct replica_outcome outcome = { .unique = 10, .kind = REPLICA_OUTCOME_ERROR };
	struct pending_request request;
	struct slot *slot;

	arrive(10, FUSE_UNLINK);
	request = only_pending();
	outcome.error = -ENOENT;
	pending_set_outcome(&pending, &request, &outcome);
	take_over();
	slot = slot_pool_next_recovered(next_pool, NULL);
	begin(slot);
	ck_assert_ptr_nonnull(slot_outcome(slot));
	ck_assert_int_eq(slot_outcome(slot)->error, -ENOENT);
	slot_end(slot);
	ck_assert_ptr_null(slot_outcome(slot));
	ck_assert_ptr_null(slot_outcome(NULL));
}
END_TEST

START_TEST(test_slots_forget_an_outcome_that_is_removed_or_of_another_request)
{
	struct replica_outcome outcome = { .unique = 8, .kind = REPLICA_OUTCOME_ERROR };
	struct pending_request request;
	struct slot *slot;

	arrive(10, FUSE_UNLINK);
	request = only_pending();
	pending_set_outcome(&pending, &request, &outcome);
	take_over();
	slot = slot_pool_next_recovered(next_pool, NULL);
	begin(slot);
	ck_assert_ptr_null(slot_outcome(slot));
	outcome.unique = 10;
	pending_set_outcome(&pending, &request, &outcome);
	ck_assert_ptr_nonnull(slot_outcome(slot));
	pending_set_outcome(&pending, &request, NULL);
	ck_assert_ptr_null(slot_outcome(slot));
}
END_TEST

START_TEST(test_slots_have_the_number_that_the_standby_sees)
{
	struct slot *first = slot_pool_get(dead_pool, false), *second = arrive(12, FUSE_RMDIR);

	ck_assert_uint_ne(first->number, second->number);
	ck_assert_uint_eq(only_pending().slot, second->number);
	begin(second);
	ck_assert_uint_eq(second->unique, 12);
	slot_end(second);
}
END_TEST

/* Whole pages within @bytes at @start. */
static size_t count_resident(const char *start, size_t bytes, size_t *ret_nr_pages)
{
	const uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)start + page_bytes - 1) / page_bytes * page_bytes;
	uintptr_t to = ((uintptr_t)start + bytes) / page_bytes * page_bytes;
	unsigned char resident[SLOT_BYTES / 4096];
	size_t nr = 0;

	*ret_nr_pages = (to - from) / page_bytes;
	ck_assert_uint_le(*ret_nr_pages, sizeof(resident));
	ck_assert_int_eq(mincore((void *)from, to - from, resident), 0);
	for (size_t i = 0; i < *ret_nr_pages; i++)
		nr += resident[i] & 1;
	return nr;
}

START_TEST(test_slots_are_in_memory_before_the_kernel_copies)
{
	struct slot *slot = slot_pool_get(dead_pool, false);
	char *front = (char *)slot_front(slot->payload);
	size_t nr_pages;

	ck_assert_uint_eq(count_resident(front, SLOT_BYTES, &nr_pages), nr_pages);
	ck_assert_uint_gt(nr_pages, 0);
	/* The next one is not used yet. */
	ck_assert_uint_eq(count_resident(front + SLOT_BYTES, SLOT_BYTES, &nr_pages), 0);
}
END_TEST

static size_t locked_bytes(void)
{
	FILE *smaps = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	size_t kib = 0;

	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps) && sscanf(line, "Locked: %zu kB", &kib) != 1)
		;
	(void)fclose(smaps);
	return kib * 1024;
}

START_TEST(test_slots_stay_in_memory)
{
	size_t before = locked_bytes();
	int err = slot_region_lock(&dead);

	if (err) { /* it depends on a limit and a capability */
		ck_assert(err == -ENOMEM || err == -EPERM);
		return;
	}
	ck_assert_uint_eq(locked_bytes(), before);
	ck_assert_ptr_nonnull(slot_pool_get(dead_pool, false));
	ck_assert_uint_ge(locked_bytes(), before + SLOT_BYTES);
	ck_assert_uint_lt(locked_bytes(), before + 2 * SLOT_BYTES);
}
END_TEST

START_TEST(test_slots_cannot_be_mapped_from_anything_else)
{
	struct slot_region region;
	int fd = memfd_create("other", MFD_CLOEXEC);

	ck_assert_int_eq(slot_region_map(&region, dup(fd)), -EINVAL);
	ck_assert_int_eq(ftruncate(fd, SLOT_BYTES + 4096), 0);
	ck_assert_int_eq(slot_region_map(&region, fd), -EINVAL);
	ck_assert_int_eq(slot_region_map(&region, -1), -EBADF);
	/* And the size of ours stays what it is. */
	ck_assert_int_eq(ftruncate(dead.fd, SLOT_BYTES), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(test_slots_blame_the_request_that_was_executed_alone)
{
	struct slot *slot = arrive(10, FUSE_WRITE);
	struct slot_front *front = slot_front(slot->payload);
	struct pending_request request = only_pending();

	ck_assert_uint_eq(pending_blame(&pending, &request, true), 0);
	front->executing = 10;
	ck_assert_uint_eq(pending_blame(&pending, &request, true), 1);
	ck_assert_uint_eq(pending_blame(&pending, &request, true), 1); /* died elsewhere */
	front->executing = 10;
	ck_assert_uint_eq(pending_blame(&pending, &request, false), 1);
	ck_assert_uint_eq(pending_blame(&pending, &request, true), 1); /* not of the one before */
	front->executing = 10;
	ck_assert_uint_eq(pending_blame(&pending, &request, true), 2);
	/* The next request in the slot begins anew. */
	slot_header(slot->payload)->unique = 12;
	request = only_pending();
	front->executing = 10;
	ck_assert_uint_eq(pending_blame(&pending, &request, true), 0);
}
END_TEST

static Suite *pending_suite(void)
{
	Suite *suite = suite_create("pending");
	TCase *slots = tcase_create("slots");

	tcase_add_checked_fixture(slots, make_slots, free_slots);
	tcase_add_test(slots, test_slots_a_request_is_there_until_it_is_done);
	tcase_add_test(slots, test_slots_a_kept_request_is_there_until_it_is_answered);
	tcase_add_test(slots, test_slots_with_requests_are_not_free_before_they_are_served);
	tcase_add_test(slots, test_slots_a_found_request_that_is_answered_later_is_waited_for);
	tcase_add_test(slots, test_slots_damaged_requests_are_told_and_not_served);
	tcase_add_test(slots, test_slots_have_an_outcome_of_their_request_only);
	tcase_add_test(slots, test_slots_forget_an_outcome_that_is_removed_or_of_another_request);
	tcase_add_test(slots, test_slots_have_the_number_that_the_standby_sees);
	tcase_add_test(slots, test_slots_are_in_memory_before_the_kernel_copies);
	tcase_add_test(slots, test_slots_stay_in_memory);
	tcase_add_test(slots, test_slots_cannot_be_mapped_from_anything_else);
	tcase_add_test(slots, test_slots_blame_the_request_that_was_executed_alone);
	suite_add_tcase(suite, slots);
	return suite;
}

int main(void)
{
	return run_suite(pending_suite());
}
