/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_message.h"
#include "control/path.h"

int control_client_device(const char *path, char ret_device[32])
{
	struct statx st;

	/* With an empty mask FUSE fills in the device number alone. */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, 0, &st))
		return -errno;
	snprintf(ret_device, 32, "%u:%u", st.stx_dev_major, st.stx_dev_minor);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int send_all(int fd, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t sent = send(fd, text, bytes, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		text += sent;
		bytes -= (size_t)sent;
	}
	return 0;
}

/* The descriptor goes with the newline. */
static int send_end(int connection, int fd)
{
	return fd_message_send(connection, "\n", 1, &fd, fd >= 0);
}

static int send_request(int connection, struct json_object *request, int fd)
{
	size_t bytes;
	const char *text =
		json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &bytes);
	int err = text ? send_all(connection, text, bytes) : -ENOMEM;

	return err ? err : send_end(connection, fd);
}

/* Return: 0 there is something to read; -ETIMEDOUT; -errno. */
static int wait_until(int fd, uint64_t deadline_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t now_ms = clock_now_ms();
		int left_ms = deadline_ms == UINT64_MAX ? -1
			      : deadline_ms > now_ms    ? (int)(deadline_ms - now_ms)
							: 0;
		int nr = poll(&pollfd, 1, left_ms);

		if (nr > 0)
			return 0;
		if (nr == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Return: 1 the whole object was read; 0 more is needed; -EPROTO. */
static int take_part(struct json_tokener *tokener, const char *text, size_t bytes,
		     struct json_object **ret_answer)
{
	struct json_object *answer = json_tokener_parse_ex(tokener, text, (int)bytes);
	enum json_tokener_error error = json_tokener_get_error(tokener);

	if (error == json_tokener_continue)
		return 0;
	if (error == json_tokener_success && json_object_is_type(answer, json_type_object)) {
		*ret_answer = answer;
		return 1;
	}
	json_object_put(answer);
	return -EPROTO;
}

static int receive(int fd, struct json_tokener *tokener, uint64_t deadline_ms,
		   struct json_object **ret_answer)
{
	char part[16384];
	size_t total = 0;
	int err = 0;

	while (!err) {
		ssize_t got;

		err = wait_until(fd, deadline_ms);
		if (err)
			return err;
		got = recv(fd, part, sizeof(part), 0);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			return -ECONNRESET;
		if (got < 0)
			continue;
		total += (size_t)got;
		err = total > CONTROL_ANSWER_BYTES
			      ? -EPROTO
			      : take_part(tokener, part, (size_t)got, ret_answer);
	}
	return err > 0 ? 0 : err;
}

int control_client_send(const char *path, struct json_object *request, int fd)
{
	int connection = connect_to(path);
	int err = connection < 0 ? connection : send_request(connection, request, fd);

	if (err && connection >= 0)
		close(connection);
	return err ? err : connection;
}

int control_client_receive(int connection, int timeout_ms, struct json_object **ret_answer)
{
	uint64_t deadline_ms = timeout_ms < 0 ? UINT64_MAX : clock_now_ms() + (unsigned)timeout_ms;
	struct json_tokener *tokener = json_tokener_new();
	int err = tokener ? receive(connection, tokener, deadline_ms, ret_answer) : -ENOMEM;

	close(connection);
	if (tokener)
		json_tokener_free(tokener);
	return err;
}

int control_client_ask(const char *path, struct json_object *request, int timeout_ms,
		       struct json_object **ret_answer)
{
	int connection = control_client_send(path, request, -1);

	return connection < 0 ? connection
			      : control_client_receive(connection, timeout_ms, ret_answer);
}
