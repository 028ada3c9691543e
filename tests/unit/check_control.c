/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: requests, slow commands, hostile clients. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_message.h"
#include "control/client.h"
#include "control/path.h"
#include "control/server.h"
#include "support/open_fds.h"

#define TIMEOUT_MS    300
#define LARGE_BYTES   (8u << 20)
#define CLIENT_MS     60000 /* more than a busy machine needs */
#define HOSTILE_LINES 4000

static char directory[] = "/tmp/cxlfs-control.XXXXXX";
static char path[CONTROL_PATH_BYTES];
static struct control_server *server;
static sem_t slow_started, slow_may_end;

/* ---- commands ---- */

static int run_echo(void *context, struct control_request *request)
{
	json_put_text(&request->maker, request->out, "text", json_get_text(request->in, "text"));
	json_put_text(&request->maker, request->out, "context", context);
	return 0;
}

static int run_large(void *context, struct control_request *request)
{
	char *text = malloc(LARGE_BYTES + 1);

	(void)context;
	memset(text, 'x', LARGE_BYTES);
	text[LARGE_BYTES] = '\0';
	json_put_text(&request->maker, request->out, "text", text);
	free(text);
	return 0;
}

static int run_fail(void *context, struct control_request *request)
{
	(void)context;
	return control_fail(request, -ENOSPC, "no room for %s", "it");
}

static int run_plain_error(void *context, struct control_request *request)
{
	(void)context;
	(void)request;
	return -EBUSY;
}

static int run_slow(void *context, struct control_request *request)
{
	(void)context;
	sem_post(&slow_started);
	sem_wait(&slow_may_end);
	json_put_number(&request->maker, request->out, "slow", 1);
	return 0;
}

static const struct control_command commands[] = {
	{ "echo", run_echo, .lane = 0 }, { "large", run_large, .lane = 0 },
	{ "fail", run_fail, .lane = 0 }, { "plain", run_plain_error, .lane = 0 },
	{ "slow", run_slow, .lane = 1 }, { 0 },
};

static char context[] = "the context";

static void start_server(unsigned timeout_ms)
{
	const struct control_config config = {
		.path = path, .commands = commands, .context = context, .timeout_ms = timeout_ms
	};

	ck_assert_int_eq(control_server_start(&config, &server), 0);
	ck_assert_int_eq(control_server_publish(server), 0);
}

static void set_up(void)
{
	strcpy(directory, "/tmp/cxlfs-control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/0:99", directory);
	sem_init(&slow_started, 0, 0);
	sem_init(&slow_may_end, 0, 0);
	start_server(CLIENT_MS);
}

static void tear_down(void)
{
	control_server_stop(server);
	ck_assert_int_eq(access(path, F_OK), -1); /* the socket was removed */
	ck_assert_int_eq(rmdir(directory), 0);
}

/* ---- clients ---- */

static int connect_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads one line, without its newline. Return: bytes; 0: the connection has ended. */
static size_t hear(int fd, char *line, size_t bytes)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	size_t nr = 0;

	while (nr < bytes - 1) {
		ck_assert_int_eq(poll(&pollfd, 1, CLIENT_MS), 1);
		if (recv(fd, line + nr, 1, 0) <= 0 || line[nr] == '\n')
			break;
		nr++;
	}
	line[nr] = '\0';
	return nr;
}

static void expect(int fd, const char *part)
{
	char line[1024];

	ck_assert_uint_gt(hear(fd, line, sizeof(line)), 0);
	ck_assert_msg(strstr(line, part), "%s is not in %s", part, line);
}

static void expect_end(int fd)
{
	char line[1024];

	ck_assert_uint_eq(hear(fd, line, sizeof(line)), 0);
	close(fd);
}

static void expect_served(void)
{
	int fd = connect_client();

	say(fd, "{\"version\":1,\"command\":\"echo\",\"text\":\"served\"}\n");
	expect(fd, "\"text\":\"served\"");
	close(fd);
}

static struct json_object *ask(const char *request)
{
	struct json_object *object = json_tokener_parse(request), *answer = NULL;

	ck_assert_int_eq(control_client_ask(path, object, CLIENT_MS, &answer), 0);
	json_object_put(object);
	return answer;
}

/* ---- core ---- */

START_TEST(test_command_answers_with_version_and_name)
{
	struct json_object *answer = ask("{\"version\":1,\"command\":\"echo\",\"text\":\"a\\nb\"}");

	ck_assert_uint_eq(json_get_number(answer, "version"), 1);
	ck_assert_str_eq(json_get_text(answer, "command"), "echo");
	ck_assert_str_eq(json_get_text(answer, "text"), "a\nb");
	ck_assert_str_eq(json_get_text(answer, "context"), context);
	json_object_put(answer);
}
END_TEST

START_TEST(test_failure_has_sentence_and_errno)
{
	struct json_object *answer = ask("{\"version\":1,\"command\":\"fail\"}");

	ck_assert_str_eq(json_get_text(answer, "error"), "no room for it");
	ck_assert_str_eq(json_get_text(answer, "errno"), "ENOSPC");
	json_object_put(answer);
	answer = ask("{\"version\":1,\"command\":\"plain\"}");
	ck_assert_str_eq(json_get_text(answer, "error"), strerror(EBUSY));
	ck_assert_str_eq(json_get_text(answer, "errno"), "EBUSY");
	json_object_put(answer);
}
END_TEST

START_TEST(test_requests_in_one_packet_are_answered_in_order)
{
	int fd = connect_client();

	say(fd, "{\"version\":1,\"command\":\"echo\",\"text\":\"1\"}\n"
		"{\"version\":1,\"command\":\"echo\",\"text\":\"2\"}\n{\"version\":1,");
	expect(fd, "\"text\":\"1\"");
	expect(fd, "\"text\":\"2\"");
	say(fd, "\"command\":\"echo\",\"text\":\"3\"}\n");
	expect(fd, "\"text\":\"3\"");
	close(fd);
}
END_TEST

START_TEST(test_client_may_shut_down_its_side)
{
	int fd = connect_client();

	say(fd, "{\"version\":1,\"command\":\"echo\",\"text\":\"1\"}\n");
	shutdown(fd, SHUT_WR);
	expect(fd, "\"text\":\"1\"");
	expect_end(fd);
}
END_TEST

START_TEST(test_large_answer_arrives_whole)
{
	struct json_object *answer = ask("{\"version\":1,\"command\":\"large\"}");

	ck_assert_uint_eq(strlen(json_get_text(answer, "text")), LARGE_BYTES);
	json_object_put(answer);
}
END_TEST

START_TEST(test_stale_socket_is_replaced)
{
	struct json_object *request = json_object_new_object(), *answer = NULL;
	struct control_server *first = server;
	struct stat before, after;

	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_uint_eq(before.st_mode & 0777, 0600);
	start_server(CLIENT_MS);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert(before.st_ino != after.st_ino);
	control_server_stop(first);
	expect_served(); /* the first one left the socket of the second alone */

	ck_assert_int_eq(control_client_ask("/nonexistent", request, 100, &answer), -ENOENT);
	json_object_put(request);
}
END_TEST

START_TEST(test_socket_is_found_once_it_is_published)
{
	const struct control_config config = { .path = path,
					       .commands = commands,
					       .context = context };
	char temporary[sizeof(path) + 8];
	struct stat st;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	control_server_stop(server);
	for (int i = 0; i < 2; i++) { /* the second one finds what the first has left */
		ck_assert_int_eq(control_server_start(&config, &server), 0);
		ck_assert_int_eq(stat(temporary, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
		ck_assert_int_eq(access(path, F_OK), -1);
		if (!i)
			control_server_hand_over(server);
	}
	control_server_stop(server);
	ck_assert_int_eq(access(temporary, F_OK), -1);
	start_server(CLIENT_MS);
	ck_assert_int_eq(access(temporary, F_OK), -1);
	expect_served();
}
END_TEST

/* ---- slow commands ---- */

START_TEST(test_server_may_leave_its_socket_to_another)
{
	struct control_server *first = server;

	start_server(CLIENT_MS);
	control_server_hand_over(first);
	ck_assert_int_eq(access(path, F_OK), 0);
	control_server_hand_over(server);
	ck_assert_int_eq(access(path, F_OK), 0);
	start_server(CLIENT_MS);
}
END_TEST

START_TEST(test_slow_command_does_not_delay_others)
{
	int fd = connect_client(), other;

	say(fd, "{\"version\":1,\"command\":\"slow\"}\n");
	sem_wait(&slow_started);
	expect_served();
	other = connect_client();
	say(other, "{\"version\":1,\"command\":\"slow\"}\n");
	expect(other, "\"error\":\"the daemon is busy with 'slow'\"");
	sem_post(&slow_may_end);
	expect(fd, "\"slow\":1");
	say(fd, "{\"version\":1,\"command\":\"echo\",\"text\":\"after\"}\n");
	expect(fd, "\"text\":\"after\"");
	close(fd);
	close(other);
}
END_TEST

START_TEST(test_client_of_slow_command_may_leave)
{
	int fd = connect_client();

	say(fd, "{\"version\":1,\"command\":\"slow\"}\n");
	sem_wait(&slow_started);
	close(fd);
	expect_served();
	sem_post(&slow_may_end);
	fd = connect_client();
	say(fd, "{\"version\":1,\"command\":\"slow\"}\n");
	while (sem_trywait(&slow_started)) {
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };

		if (poll(&pollfd, 1, 10) != 1)
			continue;
		expect(fd, "busy");
		say(fd, "{\"version\":1,\"command\":\"slow\"}\n");
	}
	sem_post(&slow_may_end);
	expect(fd, "\"slow\":1");
	close(fd);
}
END_TEST

START_TEST(test_stop_waits_for_slow_command)
{
	int fd = connect_client();

	say(fd, "{\"version\":1,\"command\":\"slow\"}\n");
	sem_wait(&slow_started);
	sem_post(&slow_may_end);
	control_server_stop(server);
	expect(fd, "\"slow\":1");
	close(fd);
	start_server(CLIENT_MS);
}
END_TEST

/* ---- hostile clients ---- */

START_TEST(test_wrong_requests_are_refused)
{
	static const struct {
		const char *request, *error;
	} wrong[] = {
		{ "", "not a JSON object" },
		{ "status", "not a JSON object" },
		{ "[1]", "not a JSON object" },
		{ "{\"version\":1}x", "not a JSON object" },
		{ "{\"version\":1,\"command\":\"\xff\"}", "not a JSON object" },
		{ "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "not a JSON object" },
		{ "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}",
		  "not a JSON object" },
		{ "{\"version\":2,\"command\":\"echo\"}", "EPROTONOSUPPORT" },
		{ "{\"command\":\"echo\"}", "speaks version 1" },
		{ "{\"version\":\"1\",\"command\":\"echo\"}", "speaks version 1" },
		{ "{\"version\":1}", "does not know this command" },
		{ "{\"version\":1,\"command\":7}", "does not know this command" },
		{ "{\"version\":1,\"command\":\"none\"}", "EOPNOTSUPP" },
	};
	int fd = connect_client();

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		say(fd, wrong[i].request);
		say(fd, "\n");
		expect(fd, wrong[i].error);
	}
	close(fd);
}
END_TEST

START_TEST(test_long_line_ends_the_connection)
{
	char line[2 * CONTROL_LINE_BYTES];
	int fd = connect_client();

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(fd, line);
	expect(fd, "a request may have 4096 bytes");
	close(fd);
	expect_served();
}
END_TEST

START_TEST(test_silent_clients_do_not_keep_others_out)
{
	int fds[3 * CONTROL_MAX_CLIENTS];

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fds[i] = connect_client();
		say(fds[i], "{\"version\":");
	}
	expect_served();
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
}
END_TEST

START_TEST(test_late_client_is_disconnected)
{
	uint64_t before_ms;
	int fd;

	control_server_stop(server);
	start_server(TIMEOUT_MS);
	before_ms = clock_now_ms();
	fd = connect_client();
	say(fd, "{\"version\":");
	expect_end(fd);
	ck_assert_uint_ge(clock_now_ms() - before_ms, TIMEOUT_MS);
}
END_TEST

START_TEST(test_descriptors_that_nobody_wants_are_closed)
{
	static const char request[] = "{\"version\":1,\"command\":\"echo\",\"text\":\"1\"}\n";
	unsigned nr_open = nr_open_fds();
	const int passed[2] = { STDOUT_FILENO, STDERR_FILENO };
	int fd = connect_client();

	for (size_t nr = 0; nr <= 2; nr++) {
		ck_assert_int_eq(fd_message_send(fd, request, strlen(request), passed, nr), 0);
		expect(fd, "\"text\":\"1\"");
	}
	close(fd);
	while (nr_open_fds() != nr_open) /* until the server has seen it */
		(void)poll(NULL, 0, 1);
}
END_TEST

START_TEST(test_client_that_does_not_read_is_disconnected)
{
	char byte;
	int fd;

	control_server_stop(server);
	start_server(TIMEOUT_MS);
	fd = connect_client();
	say(fd, "{\"version\":1,\"command\":\"large\"}\n");
	expect_served();
	/* Reading slowly gives no more time. */
	for (unsigned i = 0; i < 8; i++) {
		(void)recv(fd, &byte, 1, MSG_DONTWAIT);
		(void)poll(NULL, 0, TIMEOUT_MS / 4);
	}
	for (size_t nr = 0; recv(fd, &byte, 1, 0) == 1; nr++)
		ck_assert_uint_lt(nr, LARGE_BYTES);
	close(fd);
	expect_served();
}
END_TEST

START_TEST(test_noise_does_no_harm)
{
	char noise[97];
	int fd = connect_client();
	unsigned seed = 1;

	for (unsigned i = 0; i < HOSTILE_LINES; i++) {
		for (size_t j = 0; j < sizeof(noise); j++)
			noise[j] = "{}[]\":,\\nul0e-\n \xff"[rand_r(&seed) % 17];
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			continue;
		close(fd); /* it is full of answers that nobody reads */
		fd = connect_client();
	}
	close(fd);
	expect_served();
}
END_TEST

/* ---- names ---- */

START_TEST(test_text_that_is_not_utf8_is_replaced)
{
	static const char *const texts[][2] = {
		{ "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		  "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff\xc3", "??" },
		{ "\xc0\xaf", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xe2\x82", "??" },
	};
	struct json_object *object = json_object_new_object();
	struct json_maker maker = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_put_text(&maker, object, "text", texts[i][0]);
		ck_assert_str_eq(json_get_text(object, "text"), texts[i][1]);
	}
	ck_assert(!maker.failed);
	json_object_put(object);
}
END_TEST

START_TEST(test_values_are_found_by_path)
{
	struct json_object *object = json_tokener_parse("{\"a\":{\"b\":7,\"c\":\"x\"},\"d\":-1}");

	ck_assert_uint_eq(json_get_number(object, "a.b"), 7);
	ck_assert_str_eq(json_get_text(object, "a.c"), "x");
	ck_assert_uint_eq(json_get_number(object, "a.c"), 0);
	ck_assert_uint_eq(json_get_number(object, "d"), 0);
	ck_assert_str_eq(json_get_text(object, "a.b.c"), "");
	ck_assert_ptr_null(json_get(object, "a.e"));
	ck_assert_ptr_null(json_get(NULL, "a"));
	json_object_put(object);
}
END_TEST

START_TEST(test_device_of_a_path)
{
	char device[32], expected[32];
	struct stat st;

	ck_assert_int_eq(stat("/proc", &st), 0);
	snprintf(expected, sizeof(expected), "%u:%u", (unsigned)(st.st_dev >> 8),
		 (unsigned)(st.st_dev & 0xff));
	ck_assert_int_eq(control_client_device("/proc/version", device), 0);
	ck_assert_str_eq(device, expected);
	ck_assert_int_eq(control_client_device("/nonexistent", device), -ENOENT);
}
END_TEST

static TCase *tcase(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *core = tcase(suite, "core"), *slow = tcase(suite, "slow"),
	      *hostile = tcase(suite, "hostile"), *names = tcase(suite, "names");

	tcase_add_test(core, test_command_answers_with_version_and_name);
	tcase_add_test(core, test_failure_has_sentence_and_errno);
	tcase_add_test(core, test_requests_in_one_packet_are_answered_in_order);
	tcase_add_test(core, test_client_may_shut_down_its_side);
	tcase_add_test(core, test_large_answer_arrives_whole);
	tcase_add_test(core, test_stale_socket_is_replaced);
	tcase_add_test(core, test_socket_is_found_once_it_is_published);
	tcase_add_test(core, test_server_may_leave_its_socket_to_another);
	tcase_add_test(slow, test_slow_command_does_not_delay_others);
	tcase_add_test(slow, test_client_of_slow_command_may_leave);
	tcase_add_test(slow, test_stop_waits_for_slow_command);
	tcase_add_test(hostile, test_wrong_requests_are_refused);
	tcase_add_test(hostile, test_long_line_ends_the_connection);
	tcase_add_test(hostile, test_silent_clients_do_not_keep_others_out);
	tcase_add_test(hostile, test_late_client_is_disconnected);
	tcase_add_test(hostile, test_descriptors_that_nobody_wants_are_closed);
	tcase_add_test(hostile, test_client_that_does_not_read_is_disconnected);
	tcase_add_test(hostile, test_noise_does_no_harm);
	tcase_add_test(names, test_text_that_is_not_utf8_is_replaced);
	tcase_add_test(names, test_values_are_found_by_path);
	tcase_add_test(names, test_device_of_a_path);
	return run_suite(suite);
}
