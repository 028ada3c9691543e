/* SPDX-License-Identifier: Apache-2.0 */
#include "control/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "control/listen.h"
#include "control/request.h"

/* After a failure such as EMFILE: the connection stays pending, and poll(2) would not wait. */
#define ACCEPT_PAUSE_MS 100

struct client {
	int fd;        /* -1: free */
	int passed_fd; /* for the next request; -1: none */
	char in[CONTROL_LINE_BYTES];
	size_t nr_in;
	char *out; /* NULL: nothing to send */
	size_t nr_out, nr_sent;
	uint64_t deadline_ms; /* clock_now_ms(); disconnected then, unless it awaits a command */
	unsigned lane;        /* whose command it awaits; 0: none */
	bool ended;           /* it sends no more, or what it sent was wrong */
};

/* The slow command that runs in a lane. */
struct slow {
	pthread_t thread;
	struct control_server *server;
	bool running;      /* the server's thread only */
	_Atomic bool done; /* the thread has nothing more to do */
	const struct control_command *command;
	struct control_request request;
	int result;
};

/* All but the atomic fields and wake_fd: the server's thread only. */
struct control_server {
	pthread_t thread;
	struct control_config config; /* set before the thread starts */
	struct control_listener listener;
	int wake_fd;       /* eventfd */
	_Atomic bool stop; /* set by control_server_stop() */
	struct slow slow[CONTROL_NR_LANES];
	struct client clients[CONTROL_MAX_CLIENTS];
};

static void wake(struct control_server *server)
{
	const uint64_t one = 1;

	(void)!write(server->wake_fd, &one, sizeof(one));
}

/* ---- clients ---- */

static void be_patient(const struct control_server *server, struct client *client)
{
	client->deadline_ms = clock_now_ms() + server->config.patience_ms;
}

static void drop_passed(struct client *client)
{
	if (client->passed_fd >= 0)
		close(client->passed_fd);
	client->passed_fd = -1;
}

static void disconnect(struct client *client)
{
	close(client->fd);
	drop_passed(client);
	free(client->out);
	client->out = NULL;
	client->fd = -1;
	client->lane = 0;
}

/* A free place, or that of the client that has been waited for the longest. NULL: all await. */
static struct client *find_place(struct control_server *server)
{
	struct client *oldest = NULL;

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct client *client = &server->clients[i];

		if (client->fd < 0)
			return client;
		if (!client->lane && (!oldest || client->deadline_ms < oldest->deadline_ms))
			oldest = client;
	}
	if (oldest)
		disconnect(oldest);
	return oldest;
}

static void take_client(struct control_server *server)
{
	int fd = control_listener_accept(&server->listener);
	struct client *client = fd < 0 ? NULL : find_place(server);

	if (fd >= 0 && !client)
		close(fd);
	if (fd < 0 && fd != -EAGAIN && fd != -EPERM)
		(void)poll(NULL, 0, ACCEPT_PAUSE_MS);
	if (!client)
		return;
	client->fd = fd;
	client->passed_fd = -1;
	client->nr_in = client->nr_out = client->nr_sent = 0;
	client->ended = false;
	be_patient(server, client);
}

static void send_some(const struct control_server *server, struct client *client)
{
	ssize_t sent = send(client->fd, client->out + client->nr_sent,
			    client->nr_out - client->nr_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		disconnect(client);
		return;
	}
	client->nr_sent += sent > 0 ? (size_t)sent : 0;
	if (client->nr_sent < client->nr_out)
		return;
	free(client->out);
	client->out = NULL;
	be_patient(server, client);
}

/* @line: freed once it is sent */
static void answer(const struct control_server *server, struct client *client, char *line)
{
	if (!line) {
		disconnect(client);
		return;
	}
	client->out = line;
	client->nr_out = strlen(line);
	client->nr_sent = 0;
	send_some(server, client);
}

/* ---- commands ---- */

static void *slow_main(void *arg)
{
	struct slow *slow = arg;
	struct control_server *server = slow->server;

	slow->result = slow->command->run(server->config.context, &slow->request);
	atomic_store(&slow->done, true);
	wake(server);
	return NULL;
}

/* Return: 0: it runs, and @request is the thread's. */
static int start_slow(struct control_server *server, const struct control_command *command,
		      struct control_request *request)
{
	struct slow *slow = &server->slow[command->lane - 1];
	int err;

	if (slow->running)
		return control_fail(request, -EBUSY, "the daemon is busy with '%s'",
				    slow->command->name);
	slow->command = command;
	slow->request = *request;
	atomic_store(&slow->done, false);
	err = thread_start(&slow->thread, slow_main, slow, "cxlfs-command");
	slow->running = !err;
	return err;
}

static void end_slow(struct control_server *server, unsigned lane)
{
	struct slow *slow = &server->slow[lane - 1];
	char *line;

	pthread_join(slow->thread, NULL);
	slow->running = false;
	line = control_request_finish(&slow->request, slow->result);
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct client *client = &server->clients[i];

		if (client->fd < 0 || client->lane != lane)
			continue;
		client->lane = 0;
		be_patient(server, client);
		answer(server, client, line);
		return;
	}
	free(line); /* the client is gone */
}

/* @wait: also for those that still run */
static void end_slow_commands(struct control_server *server, bool wait)
{
	for (unsigned lane = 1; lane <= CONTROL_NR_LANES; lane++) {
		struct slow *slow = &server->slow[lane - 1];

		if (slow->running && (wait || atomic_load(&slow->done)))
			end_slow(server, lane);
	}
}

static void run_line(struct control_server *server, struct client *client, const char *line,
		     size_t bytes)
{
	struct control_request request;
	const struct control_command *command =
		control_request_parse(&request, line, bytes, server->config.commands);
	int err = command ? 0 : request.err;

	request.fd = client->passed_fd;
	request.stop = &server->stop;
	client->passed_fd = -1;
	if (command && command->lane) {
		err = start_slow(server, command, &request);
		client->lane = err ? 0 : command->lane;
	} else if (command) {
		err = command->run(server->config.context, &request);
	}
	if (!client->lane)
		answer(server, client, control_request_finish(&request, err));
}

/* ---- requests ---- */

static void refuse_long_line(struct control_server *server, struct client *client)
{
	struct control_request request;

	(void)control_request_parse(&request, "", 0, server->config.commands);
	client->ended = true;
	client->nr_in = 0;
	answer(server, client,
	       control_request_finish(&request,
				      control_fail(&request, -E2BIG, "a request may have %d bytes",
						   CONTROL_LINE_BYTES)));
}

/* One request at a time: the next one waits until the answer has been sent. */
static void run_requests(struct control_server *server, struct client *client)
{
	while (client->fd >= 0 && !client->out && !client->lane) {
		char *end = memchr(client->in, '\n', client->nr_in);
		size_t bytes = end ? (size_t)(end - client->in) : 0;

		if (!end)
			break;
		run_line(server, client, client->in, bytes);
		client->nr_in -= bytes + 1;
		memmove(client->in, end + 1, client->nr_in);
	}
	if (client->fd < 0 || client->out || client->lane)
		return;
	if (client->nr_in == sizeof(client->in))
		refuse_long_line(server, client);
	else if (client->ended)
		disconnect(client);
}

/* Only one can come at a time: the kernel closes what there is no room for. */
static void take_passed(struct client *client, struct msghdr *message)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return;
	drop_passed(client);
	memcpy(&client->passed_fd, CMSG_DATA(header), sizeof(client->passed_fd));
}

static void receive(struct client *client)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { client->in + client->nr_in, sizeof(client->in) - client->nr_in };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got > 0)
		take_passed(client, &message);
	if (got > 0)
		client->nr_in += (size_t)got;
	else if (got == 0)
		client->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		disconnect(client);
}

static void serve_client(struct control_server *server, struct client *client, short events)
{
	if (client->lane)
		disconnect(client); /* nothing else is reported while it waits */
	else if (client->out && events & (POLLOUT | POLLERR | POLLHUP))
		send_some(server, client);
	else if (events & (POLLIN | POLLERR | POLLHUP))
		receive(client);
	if (client->fd >= 0)
		run_requests(server, client);
}

/* ---- the thread ---- */

static short wanted_events(const struct client *client)
{
	if (client->out)
		return POLLOUT;
	return client->lane || client->ended ? 0 : POLLIN;
}

/* Return: milliseconds until the next one is due; -1: none is. */
static int disconnect_late(struct control_server *server)
{
	uint64_t now_ms = clock_now_ms(), next_ms = UINT64_MAX;

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct client *client = &server->clients[i];

		if (client->fd < 0 || client->lane)
			continue;
		if (client->deadline_ms <= now_ms)
			disconnect(client);
		else if (client->deadline_ms < next_ms)
			next_ms = client->deadline_ms;
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
	int timeout_ms = disconnect_late(server);

	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		fds[2 + i] = (struct pollfd){ .fd = server->clients[i].fd,
					      .events = wanted_events(&server->clients[i]) };
	if (poll(fds, 2 + CONTROL_MAX_CLIENTS, timeout_ms) <= 0)
		return;
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (fds[2 + i].revents)
			serve_client(server, &server->clients[i], fds[2 + i].revents);
	if (fds[0].revents)
		handle_wake(server);
	/* Last: it may disconnect a client and reuse its place. */
	if (fds[1].revents)
		take_client(server);
}

static void *server_main(void *arg)
{
	struct control_server *server = arg;

	while (!atomic_load(&server->stop))
		serve_once(server);
	end_slow_commands(server, true);
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (server->clients[i].fd >= 0)
			disconnect(&server->clients[i]);
	return NULL;
}

/* ---- life ---- */

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
	if (!config->patience_ms)
		server->config.patience_ms = CONTROL_PATIENCE_MS;
	for (unsigned i = 0; i < CONTROL_MAX_CLIENTS; i++)
		server->clients[i].fd = -1;
	for (unsigned i = 0; i < CONTROL_NR_LANES; i++)
		server->slow[i].server = server;
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

void control_server_leave(struct control_server *server)
{
	if (!server)
		return;
	end_thread(server);
	control_listener_leave(&server->listener);
	free_server(server);
}
