/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot on its way from one process to another: slow readers, none, and those that hang. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "replica/snapshot_pipe.h"

#define MANY_BYTES ((size_t)5 << 20) /* more than the pipe holds */

static uint8_t sent[MANY_BYTES], received[MANY_BYTES];
static int read_fd, write_fd;
static size_t nr_read;

static void begin(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(snapshot_pipe_new(&read_fd, &write_fd), 0);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 4096);
}

static int send_all(unsigned timeout_ms)
{
	struct snapshot_pipe_end end = { write_fd, clock_after_ms_ns(timeout_ms) };

	return snapshot_pipe_write(&end, sent, sizeof(sent));
}

static void *read_slowly(void *arg)
{
	ssize_t nr;

	while ((nr = read(read_fd, received + nr_read, 100000)) > 0) {
		nr_read += (size_t)nr;
		usleep(500);
	}
	return arg;
}

START_TEST(test_a_slow_reader_gets_everything)
{
	pthread_t reader;

	begin();
	ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, NULL), 0);
	ck_assert_int_eq(send_all(30000), 0);
	close(write_fd);
	pthread_join(reader, NULL);
	ck_assert_uint_eq(nr_read, sizeof(sent));
	ck_assert_int_eq(memcmp(sent, received, sizeof(sent)), 0);
}
END_TEST

START_TEST(test_one_that_does_not_read_is_not_awaited_for_ever)
{
	uint64_t start_ns;

	begin();
	start_ns = clock_now_ns();
	ck_assert_int_eq(send_all(50), -ETIMEDOUT);
	ck_assert_uint_ge(clock_now_ns() - start_ns, 50000000);
}
END_TEST

START_TEST(test_the_end_of_the_reader_is_noticed)
{
	begin();
	close(read_fd);
	ck_assert_int_eq(send_all(30000), -EPIPE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot_pipe");
	TCase *tc = tcase_create("pipe");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_a_slow_reader_gets_everything);
	tcase_add_test(tc, test_one_that_does_not_read_is_not_awaited_for_ever);
	tcase_add_test(tc, test_the_end_of_the_reader_is_noticed);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
