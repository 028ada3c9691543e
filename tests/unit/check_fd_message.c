/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that go from one socket to another: they arrive, and none stays open unnoticed. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd_message.h"
#include "support/open_fds.h"

static int ends[2];

static void set_up(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void tear_down(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* Each is another file. */
static void open_pipes(int *fds, size_t nr)
{
	for (size_t i = 0; i < nr; i += 2)
		ck_assert_int_eq(pipe2(fds + i, O_CLOEXEC), 0);
}

static void close_all(const int *fds, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		close(fds[i]);
}

static void expect_same_file(int a, int b)
{
	struct stat of_a, of_b;

	ck_assert_int_eq(fstat(a, &of_a), 0);
	ck_assert_int_eq(fstat(b, &of_b), 0);
	ck_assert_uint_eq(of_a.st_ino, of_b.st_ino);
}

START_TEST(test_bytes_and_descriptors_arrive_in_order)
{
	int sent[FD_MESSAGE_MAX_FDS], came[FD_MESSAGE_MAX_FDS];
	char text[16];
	size_t nr;

	open_pipes(sent, FD_MESSAGE_MAX_FDS);
	for (size_t n = 0; n <= FD_MESSAGE_MAX_FDS; n++) {
		ck_assert_int_eq(fd_message_send(ends[0], "hello", 5, sent, n), 0);
		ck_assert_int_eq(fd_message_receive(ends[1], text, sizeof(text), 0, came,
						    FD_MESSAGE_MAX_FDS, &nr),
				 5);
		ck_assert_mem_eq(text, "hello", 5);
		ck_assert_uint_eq(nr, n);
		for (size_t i = 0; i < nr; i++) {
			expect_same_file(came[i], sent[i]);
			ck_assert_int_eq(fcntl(came[i], F_GETFD), FD_CLOEXEC);
		}
		close_all(came, nr);
	}
	close_all(sent, FD_MESSAGE_MAX_FDS);
}
END_TEST

START_TEST(test_descriptors_too_many_are_closed)
{
	int sent[FD_MESSAGE_MAX_FDS], came[FD_MESSAGE_MAX_FDS];
	unsigned nr_open;
	size_t nr;
	char byte;

	open_pipes(sent, FD_MESSAGE_MAX_FDS);
	nr_open = nr_open_fds();
	for (size_t max = 0; max <= FD_MESSAGE_MAX_FDS; max++) {
		ck_assert_int_eq(fd_message_send(ends[0], "x", 1, sent, FD_MESSAGE_MAX_FDS), 0);
		ck_assert_int_eq(fd_message_receive(ends[1], &byte, 1, 0, came, max, &nr), 1);
		ck_assert_uint_eq(nr, max);
		close_all(came, nr);
		ck_assert_uint_eq(nr_open_fds(), nr_open);
	}
	close_all(sent, FD_MESSAGE_MAX_FDS);
}
END_TEST

START_TEST(test_empty_and_closed_sockets_are_reported)
{
	int came;
	size_t nr = 1;
	char byte;

	ck_assert_int_eq(fd_message_receive(ends[1], &byte, 1, MSG_DONTWAIT, &came, 1, &nr),
			 -EAGAIN);
	ck_assert_uint_eq(nr, 0);
	ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
	ck_assert_int_eq(fd_message_receive(ends[1], &byte, 1, 0, &came, 1, &nr), 0);
	ck_assert_uint_eq(nr, 0);
	ck_assert_int_eq(fd_message_send(ends[0], "x", 1, NULL, 0), -EPIPE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fd_message");
	TCase *tc = tcase_create("messages");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, test_bytes_and_descriptors_arrive_in_order);
	tcase_add_test(tc, test_descriptors_too_many_are_closed);
	tcase_add_test(tc, test_empty_and_closed_sockets_are_reported);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
