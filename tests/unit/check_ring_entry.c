/* SPDX-License-Identifier: Apache-2.0 */
/* The data that ring entries exchange with the kernel. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef FS_WITH_LIBURING

#include "fuse/transport/ring_entry.h"

/* ---- entries; the tests are the kernel ---- */

#define PAYLOAD_BYTES SLOT_PAYLOAD_BYTES
#define UNIQUE        0x1234
#define COMMIT_ID     0x5678

static char *memory;
static struct ring_entry entry;

static void setup(void)
{
	memory = aligned_alloc(SLOT_FRONT_BYTES, SLOT_FRONT_BYTES + SLOT_PAYLOAD_BYTES);
	ck_assert_ptr_nonnull(memory);
	ring_entry_init(&entry, NULL, 7, memory + SLOT_FRONT_BYTES);
}

static void teardown(void)
{
	free(memory);
}

/* A request with the given numbers of bytes in its header and after it. */
static void deliver(unsigned opcode, size_t op_bytes, const char *payload, size_t bytes)
{
	struct fuse_in_header *in = (void *)entry.header->in_out;

	*in = (struct fuse_in_header){
		.len = (uint32_t)(sizeof(*in) + op_bytes + bytes),
		.opcode = opcode,
		.unique = UNIQUE,
		.nodeid = 9,
		.pid = 11,
	};
	memset(entry.header->op_in, 0xaa, sizeof(entry.header->op_in));
	memcpy(entry.slot.payload, payload, bytes);
	entry.header->payload_bytes = (uint32_t)bytes;
	entry.header->commit_id = COMMIT_ID;
}

START_TEST(test_entry_write_is_in_one_piece)
{
	struct fuse_write_in write_in = { .offset = 4096, .size = 5 };
	struct fuse_in_header *request;
	size_t bytes;

	deliver(FUSE_WRITE, sizeof(write_in), "bytes", 5);
	memcpy(entry.header->op_in, &write_in, sizeof(write_in));
	request = ring_entry_request(&entry, &bytes);
	ck_assert_ptr_nonnull(request);
	ck_assert_uint_eq(bytes, sizeof(*request) + sizeof(write_in) + 5);
	ck_assert_uint_eq(request->opcode, FUSE_WRITE);
	ck_assert_uint_eq(request->nodeid, 9);
	ck_assert_uint_eq(request->pid, 11);
	ck_assert_mem_eq(request + 1, &write_in, sizeof(write_in));
	ck_assert_ptr_eq((char *)(request + 1) + sizeof(write_in), entry.slot.payload);
	ck_assert_mem_eq(entry.slot.payload, "bytes", 5);
}
END_TEST

START_TEST(test_entry_name_follows_the_header)
{
	struct fuse_in_header *request;
	size_t bytes;

	deliver(FUSE_LOOKUP, 0, "name", 5);
	request = ring_entry_request(&entry, &bytes);
	ck_assert_ptr_nonnull(request);
	ck_assert_uint_eq(bytes, sizeof(*request) + 5);
	ck_assert_str_eq((char *)(request + 1), "name");
}
END_TEST

START_TEST(test_entry_longest_header_fits)
{
	struct fuse_in_header *request;
	size_t bytes;

	deliver(FUSE_SETATTR, sizeof(entry.header->op_in), "", 0);
	request = ring_entry_request(&entry, &bytes);
	ck_assert_ptr_nonnull(request);
	ck_assert_mem_eq(request + 1, entry.header->op_in, sizeof(entry.header->op_in));
}
END_TEST

START_TEST(test_entry_refuses_lengths_that_cannot_be)
{
	struct fuse_in_header *in = (void *)entry.header->in_out;
	size_t bytes;

	deliver(FUSE_SETATTR, sizeof(entry.header->op_in) + 1, "", 0);
	ck_assert_ptr_null(ring_entry_request(&entry, &bytes));
	deliver(FUSE_LOOKUP, 0, "name", 5);
	in->len -= 6;
	ck_assert_ptr_null(ring_entry_request(&entry, &bytes));
	in->len = 0;
	ck_assert_ptr_null(ring_entry_request(&entry, &bytes));
	deliver(FUSE_LOOKUP, 0, "name", 5);
	entry.header->payload_bytes = PAYLOAD_BYTES + 1;
	in->len = (uint32_t)sizeof(*in) + PAYLOAD_BYTES + 1;
	ck_assert_ptr_null(ring_entry_request(&entry, &bytes));
}
END_TEST

START_TEST(test_entry_handles_are_told_from_uniques)
{
	struct fuse_in_header *request;
	size_t bytes;

	deliver(FUSE_LOOKUP, 0, "name", 5);
	request = ring_entry_request(&entry, &bytes);
	ck_assert_ptr_eq(ring_entry_of(request->unique), &entry);
	ck_assert_ptr_null(ring_entry_of(UNIQUE));
	ck_assert_ptr_null(ring_entry_of(0));
}
END_TEST

static int answer(int error, const struct iovec *pieces, int nr_pieces)
{
	struct fuse_out_header out = { .error = error, .unique = 99 };
	struct iovec iov[4] = { { .iov_base = &out, .iov_len = sizeof(out) } };
	size_t bytes;

	ck_assert_ptr_nonnull(ring_entry_request(&entry, &bytes));
	for (int i = 0; i < nr_pieces; i++)
		iov[i + 1] = pieces[i];
	return ring_entry_fill(&entry, iov, nr_pieces + 1);
}

static const struct fuse_out_header *answered(void)
{
	return (const void *)entry.header->in_out;
}

START_TEST(test_entry_answer_in_pieces)
{
	struct iovec pieces[] = { { .iov_base = (char[]){ "first" }, .iov_len = 5 },
				  { .iov_base = (char[]){ "second" }, .iov_len = 6 } };

	deliver(FUSE_GETXATTR, 8, "name", 5);
	ck_assert_int_eq(answer(0, pieces, 2), 0);
	ck_assert_mem_eq(entry.slot.payload, "firstsecond", 11);
	ck_assert_uint_eq(entry.header->payload_bytes, 11);
	ck_assert_uint_eq(answered()->unique, UNIQUE);
	ck_assert_uint_eq(answered()->len, sizeof(struct fuse_out_header) + 11);
	ck_assert_int_eq(answered()->error, 0);
}
END_TEST

START_TEST(test_entry_answer_that_is_in_place)
{
	struct iovec all = { .iov_base = entry.slot.payload, .iov_len = PAYLOAD_BYTES };

	deliver(FUSE_READ, sizeof(struct fuse_read_in), "", 0);
	memset(entry.slot.payload, 'r', PAYLOAD_BYTES);
	ck_assert_int_eq(answer(0, &all, 1), 0);
	ck_assert_uint_eq(entry.header->payload_bytes, PAYLOAD_BYTES);
	ck_assert_int_eq(entry.slot.payload[PAYLOAD_BYTES - 1], 'r');
}
END_TEST

START_TEST(test_entry_error_has_no_payload)
{
	deliver(FUSE_LOOKUP, 0, "name", 5);
	ck_assert_int_eq(answer(-ENOENT, NULL, 0), 0);
	ck_assert_uint_eq(entry.header->payload_bytes, 0);
	ck_assert_int_eq(answered()->error, -ENOENT);
}
END_TEST

START_TEST(test_entry_answer_that_is_too_long)
{
	struct iovec pieces[] = { { .iov_base = entry.slot.payload, .iov_len = PAYLOAD_BYTES },
				  { .iov_base = (char[]){ "x" }, .iov_len = 1 } };

	deliver(FUSE_READ, sizeof(struct fuse_read_in), "", 0);
	ck_assert_int_eq(answer(0, pieces, 2), -EMSGSIZE);
	ck_assert_uint_eq(entry.header->payload_bytes, 0);
	ck_assert_int_eq(answered()->error, -EIO);
	ck_assert_uint_eq(answered()->unique, UNIQUE);
}
END_TEST

START_TEST(test_entry_is_registered_once_and_committed_then)
{
	struct io_uring_sqe sqe[2];
	const struct uring_abi_submission *submission = (const void *)sqe->cmd;
	size_t bytes;

	ring_entry_submit(&entry, sqe);
	ck_assert_uint_eq(sqe->cmd_op, URING_ABI_REGISTER);
	ck_assert_uint_eq(sqe->len, 2);
	ck_assert_uint_eq(sqe->addr, (uintptr_t)entry.memory);
	ck_assert_ptr_eq(entry.memory[1].iov_base, entry.slot.payload);
	ck_assert_uint_eq(submission->queue, 7);
	deliver(FUSE_LOOKUP, 0, "name", 5);
	ck_assert_ptr_nonnull(ring_entry_request(&entry, &bytes));
	ring_entry_submit(&entry, sqe);
	ck_assert_uint_eq(sqe->cmd_op, URING_ABI_COMMIT_AND_FETCH);
	ck_assert_uint_eq(submission->commit_id, COMMIT_ID);
	ck_assert_uint_eq(submission->queue, 7);
	ck_assert_ptr_eq((void *)(uintptr_t)sqe->user_data, &entry);
}
END_TEST

static void add_entry_tests(Suite *suite)
{
	TCase *tc = tcase_create("entry");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_entry_write_is_in_one_piece);
	tcase_add_test(tc, test_entry_name_follows_the_header);
	tcase_add_test(tc, test_entry_longest_header_fits);
	tcase_add_test(tc, test_entry_refuses_lengths_that_cannot_be);
	tcase_add_test(tc, test_entry_handles_are_told_from_uniques);
	tcase_add_test(tc, test_entry_answer_in_pieces);
	tcase_add_test(tc, test_entry_answer_that_is_in_place);
	tcase_add_test(tc, test_entry_error_has_no_payload);
	tcase_add_test(tc, test_entry_answer_that_is_too_long);
	tcase_add_test(tc, test_entry_is_registered_once_and_committed_then);
	suite_add_tcase(suite, tc);
}

#else

static void add_entry_tests(Suite *suite)
{
	(void)suite;
}

#endif

int main(void)
{
	Suite *suite = suite_create("ring_entry");

	add_entry_tests(suite);
	return run_suite(suite);
}
