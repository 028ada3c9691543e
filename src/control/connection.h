/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection - one client that is connected to the control socket.
 *
 * Collects lines from it and sends answers to it, without waiting. Only for the server's thread.
 */
#ifndef CXLFS_CONTROL_CONNECTION_H
#define CXLFS_CONTROL_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/server.h"

struct connection {
	int fd;        /* -1: closed */
	int passed_fd; /* for the next request; -1: none */
	char in[CONTROL_LINE_BYTES];
	size_t nr_in;
	char *out; /* NULL: nothing to send */
	size_t nr_out, nr_sent;
	unsigned timeout_ms;
	uint64_t deadline_ms; /* clock_now_ms(); close it then, unless a slow command runs for it */
	unsigned lane;        /* of the slow command that runs for it; 0: none */
	bool ended;           /* it sends no more, or what it sent was wrong */
};

/** connection_open() - begin, or begin again, with a socket, which it then owns */
void connection_open(struct connection *connection, int fd, unsigned timeout_ms);
void connection_close(struct connection *connection);

/** connection_renew_deadline() - give the client the full time again to send a request or read an
 * answer
 */
void connection_renew_deadline(struct connection *connection);

/** connection_wanted_events() - return the events for poll(2) */
short connection_wanted_events(const struct connection *connection);

/** connection_handle_events() - receive or send what is possible; may close it */
void connection_handle_events(struct connection *connection, short events);

/** connection_is_ready() - return true if the next request may run: the last one was answered. */
bool connection_is_ready(const struct connection *connection);

/**
 * connection_line() - return the first line that was received, if it is complete
 * @ret_bytes: without the newline
 * Return: valid until connection_drop_line(); NULL: it is not complete.
 */
const char *connection_line(const struct connection *connection, size_t *ret_bytes);

/** connection_drop_line() - remove a line of @bytes bytes */
void connection_drop_line(struct connection *connection, size_t bytes);

/** connection_answer() - send a line, and free() it then; NULL closes the connection */
void connection_answer(struct connection *connection, char *line);

#endif
