/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_message.h"

void connection_renew_deadline(struct connection *connection)
{
	connection->deadline_ms = clock_now_ms() + connection->timeout_ms;
}

void connection_open(struct connection *connection, int fd, unsigned timeout_ms)
{
	connection->fd = fd;
	connection->passed_fd = -1;
	connection->nr_in = connection->nr_out = connection->nr_sent = 0;
	connection->ended = false;
	connection->timeout_ms = timeout_ms;
	connection_renew_deadline(connection);
}

static void drop_passed(struct connection *connection)
{
	if (connection->passed_fd >= 0)
		close(connection->passed_fd);
	connection->passed_fd = -1;
}

void connection_close(struct connection *connection)
{
	close(connection->fd);
	drop_passed(connection);
	free(connection->out);
	connection->out = NULL;
	connection->fd = -1;
	connection->lane = 0;
}

/* ---- sending ---- */

static void send_some(struct connection *connection)
{
	ssize_t sent = send(connection->fd, connection->out + connection->nr_sent,
			    connection->nr_out - connection->nr_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		connection_close(connection);
		return;
	}
	connection->nr_sent += sent > 0 ? (size_t)sent : 0;
	if (connection->nr_sent < connection->nr_out)
		return;
	free(connection->out);
	connection->out = NULL;
	connection_renew_deadline(connection);
}

void connection_answer(struct connection *connection, char *line)
{
	if (!line) {
		connection_close(connection);
		return;
	}
	connection->out = line;
	connection->nr_out = strlen(line);
	connection->nr_sent = 0;
	send_some(connection);
}

/* ---- receiving ---- */

static void receive(struct connection *connection)
{
	int fd;
	size_t nr_fds;
	ssize_t got = fd_message_receive(connection->fd, connection->in + connection->nr_in,
					 sizeof(connection->in) - connection->nr_in, MSG_DONTWAIT,
					 &fd, 1, &nr_fds);

	if (nr_fds) {
		drop_passed(connection);
		connection->passed_fd = fd;
	}
	if (got > 0)
		connection->nr_in += (size_t)got;
	else if (got == 0)
		connection->ended = true;
	else if (got != -EAGAIN && got != -EINTR)
		connection_close(connection);
}

const char *connection_line(const struct connection *connection, size_t *ret_bytes)
{
	const char *end = memchr(connection->in, '\n', connection->nr_in);

	if (!end)
		return NULL;
	*ret_bytes = (size_t)(end - connection->in);
	return connection->in;
}

void connection_drop_line(struct connection *connection, size_t bytes)
{
	connection->nr_in -= bytes + 1;
	memmove(connection->in, connection->in + bytes + 1, connection->nr_in);
}

/* ---- events ---- */

bool connection_is_ready(const struct connection *connection)
{
	return connection->fd >= 0 && !connection->out && !connection->lane;
}

short connection_wanted_events(const struct connection *connection)
{
	if (connection->out)
		return POLLOUT;
	return connection->lane || connection->ended ? 0 : POLLIN;
}

void connection_handle_events(struct connection *connection, short events)
{
	/* While a slow command runs, poll(2) reports only that the client is gone. */
	if (connection->lane)
		connection_close(connection);
	else if (connection->out && events & (POLLOUT | POLLERR | POLLHUP))
		send_some(connection);
	else if (events & (POLLIN | POLLERR | POLLHUP))
		receive(connection);
}
