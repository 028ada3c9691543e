/* SPDX-License-Identifier: Apache-2.0 */
#include "control/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "control/connection.h"
#include "control/listen.h"
#include "control/request.h"
#include "control/slow_command.h"

/* After a failure such as EMFILE: the connection stays pending, and poll(2) would not wait. */
#define ACCEPT_PAUSE_MS 100

/* All but the atomic fields and wake_fd: the server's thread only. */
struct control_server {
	pthread_t thread;
	struct control_config config; /* set before the thread starts */
	struct control_listener listener;
	int wake_fd;       /* eventfd */
	_Atomic bool stop; /* set by control_server_stop() */
	struct slow_command slow[CONTROL_NR_LANES];
	struct connection connections[CONTROL_MAX_CLIENTS];
};

static void wake(struct control_server *server)
{
	const uint64_t one = 1;

	(void)!write(server->wake_fd, &one, sizeof(one));
}

/* ---- connections ---- */

/* Closes the one that has been idle for the longest if none is free. NULL: slow commands run for
 * all of them. */
static struct connection *find_connection(struct control_server *server)
{
	struct connection *oldest = NULL;

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->fd < 0)
			return connection;
		if (!connection->lane && (!oldest || connection->deadline_ms < oldest->deadline_ms))
			oldest = connection;
	}
	if (oldest)
		connection_close(oldest);
	return oldest;
}

static void accept_connection(struct control_server *server)
{
	int fd = control_listener_accept(&server->listener);
	struct connection *connection = fd < 0 ? NULL : find_connection(server);

	if (fd >= 0 && !connection)
		close(fd);
	if (fd < 0 && fd != -EAGAIN && fd != -EPERM)
		(void)poll(NULL, 0, ACCEPT_PAUSE_MS);
	if (connection)
		connection_open(connection, fd, server->config.timeout_ms);
}

/* ---- slow commands ---- */

static void end_slow_command(struct control_server *server, unsigned lane)
{
	char *line = slow_command_end(&server->slow[lane - 1]);

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->fd < 0 || connection->lane != lane)
			continue;
		connection->lane = 0;
		connection_renew_deadline(connection);
		connection_answer(connection, line);
		return;
	}
	free(line); /* the client is gone */
}

/* @wait: also for those that still run */
static void end_slow_commands(struct control_server *server, bool wait)
{
	for (unsigned lane = 1; lane <= CONTROL_NR_LANES; lane++) {
		struct slow_command *slow = &server->slow[lane - 1];

		if (slow->running && (wait || slow_command_is_done(slow)))
			end_slow_command(server, lane);
	}
}

/* ---- requests ---- */

static void run_line(struct control_server *server, struct connection *connection, const char *line,
		     size_t bytes)
{
	struct control_request request;
	const struct control_command *command =
		control_request_parse(&request, line, bytes, server->config.commands);
	int err = command ? 0 : request.err;

	request.fd = connection->passed_fd;
	request.stop = &server->stop;
	connection->passed_fd = -1;
	if (command && command->lane) {
		err = slow_command_start(&server->slow[command->lane - 1], command,
					 server->config.context, server->wake_fd, &request);
		connection->lane = err ? 0 : command->lane;
	} else if (command) {
		err = command->run(server->config.context, &request);
	}
	if (!connection->lane)
		connection_answer(connection, control_request_finish(&request, err));
}

static void refuse_long_line(struct control_server *server, struct connection *connection)
{
	struct control_request request;

	(void)control_request_parse(&request, "", 0, server->config.commands);
	connection->ended = true;
	connection->nr_in = 0;
	connection_answer(connection, control_request_finish(
					      &request, control_fail(&request, -E2BIG,
								     "a request may have %d bytes",
								     CONTROL_LINE_BYTES)));
}

/* One request at a time: the next one waits until the answer has been sent. */
static void run_requests(struct control_server *server, struct connection *connection)
{
	const char *line;
	size_t bytes;

	while (connection_is_ready(connection) && (line = connection_line(connection, &bytes))) {
		run_line(server, connection, line, bytes);
		connection_drop_line(connection, bytes);
	}
	if (!connection_is_ready(connection))
		return;
	if (connection->nr_in == sizeof(connection->in))
		refuse_long_line(server, connection);
	else if (connection->ended)
		connection_close(connection);
}

/* ---- the thread ---- */

/* Return: milliseconds until the next one is due; -1: none is. */
static int close_late(struct control_server *server)
{
	uint64_t now_ms = clock_now_ms(), next_ms = UINT64_MAX;

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->fd < 0 || connection->lane)
			continue;
		if (connection->deadline_ms <= now_ms)
			connection_close(connection);
		else if (connection->deadline_ms < next_ms)
			next_ms = connection->deadline_ms;
	}
	return next_ms == UINT64_MAX ? -1 : (int)(next_ms - now_ms);
}

static void handle_wake(struct control_server *server)
{
	uint64_t count;

	(void)!read(server->wake_fd, &count, sizeof(count));
	end_slow_commands(server, false);
}

static void serve_once(struct control_server *server)
{
	struct pollfd fds[2 + CONTROL_MAX_CLIENTS] = {
		{ .fd = server->wake_fd, .events = POLLIN },
		{ .fd = server->listener.fd, .events = POLLIN },
	};
	int timeout_ms = close_late(server);

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		fds[2 + i] = (struct pollfd){ .fd = server->connections[i].fd,
					      .events = connection_wanted_events(
						      &server->connections[i]) };
	if (poll(fds, 2 + CONTROL_MAX_CLIENTS, timeout_ms) <= 0)
		return;
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (!fds[2 + i].revents)
			continue;
		connection_handle_events(&server->connections[i], fds[2 + i].revents);
		run_requests(server, &server->connections[i]);
	}
	if (fds[0].revents)
		handle_wake(server);
	/* Last: it may close a connection whose events are still in fds. */
	if (fds[1].revents)
		accept_connection(server);
}

static void *server_main(void *arg)
{
	struct control_server *server = arg;

	while (!atomic_load(&server->stop))
		serve_once(server);
	end_slow_commands(server, true);
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (server->connections[i].fd >= 0)
			connection_close(&server->connections[i]);
	return NULL;
}

/* ---- start and stop ---- */

static void free_server(struct control_server *server)
{
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	free(server);
}

int control_server_start(const struct control_config *config, struct control_server **ret_server)
{
	struct control_server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->config = *config;
	if (!config->timeout_ms)
		server->config.timeout_ms = CONTROL_TIMEOUT_MS;
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		server->connections[i].fd = -1;
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = server->wake_fd < 0 ? -errno : 0;
	if (!err)
		err = control_listener_open(&server->listener, config->path);
	if (!err)
		err = thread_start(&server->thread, server_main, server, "cxlfs-control");
	if (err) {
		control_listener_close(&server->listener);
		free_server(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

int control_server_publish(struct control_server *server)
{
	return control_listener_publish(&server->listener);
}

static void end_thread(struct control_server *server)
{
	atomic_store(&server->stop, true);
	wake(server);
	pthread_join(server->thread, NULL);
}

void control_server_stop(struct control_server *server)
{
	if (!server)
		return;
	end_thread(server);
	control_listener_close(&server->listener);
	free_server(server);
}

void control_server_hand_over(struct control_server *server)
{
	if (!server)
		return;
	end_thread(server);
	control_listener_hand_over(&server->listener);
	free_server(server);
}
