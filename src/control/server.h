/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - answers requests on the control socket of a mount.
 *
 * A request is a JSON object on one line, such as {"version":1,"command":"status"}. The answer is
 * one object on one line: version, command, and either what the command adds or "error", a
 * sentence, and "errno", such as "EINVAL". Members may be added in later versions, never removed.
 *
 * A descriptor may come with a request (SCM_RIGHTS).
 *
 * One thread serves all clients. A command must not wait for the adapter or for a lock that is held
 * for long. A slow command runs on the thread of its lane. Each lane runs one command at a time.
 *
 * Clients are trusted (the owner of the daemon, or root), but may be broken. A client that does not
 * complete its request or does not read its answer within CONTROL_TIMEOUT_MS is disconnected. When
 * too many are connected, the one that has been waited for the longest is.
 */
#ifndef CXLFS_CONTROL_SERVER_H
#define CXLFS_CONTROL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

#define CONTROL_VERSION     1
#define CONTROL_NR_LANES    2
#define CONTROL_LINE_BYTES  4096 /* of a request, with its newline */
#define CONTROL_MAX_CLIENTS 16
#define CONTROL_MAX_DEPTH   8 /* of nested values in a request */
#define CONTROL_TIMEOUT_MS  10000
#define CONTROL_ERROR_BYTES 256

/** A request that a command answers. */
struct control_request {
	struct json_object *in;          /* the request */
	struct json_object *out;         /* the command puts its answer here */
	struct json_maker maker;         /* for that */
	int fd;                          /* that came with the request, closed after it; -1: none */
	const _Atomic bool *stop;        /* set when a slow command should end early */
	char error[CONTROL_ERROR_BYTES]; /* these two: of control_fail() */
	int err;
};

struct control_command {
	const char *name;
	/**
	 * run() - answer a request
	 * @context: of control_server_start()
	 * Return: 0; -errno, after control_fail() or instead of it.
	 */
	int (*run)(void *context, struct control_request *request);
	unsigned lane; /* from 1 on, see above; 0: it takes no time */
};

struct control_server;

struct control_config {
	/* Of the socket that is published; replaced if it exists: the caller knows that no daemon
	 * serves it. Copied. */
	const char *path;
	const struct control_command *commands; /* ends with a name NULL; borrowed */
	void *context;                          /* for the commands; borrowed */
	unsigned timeout_ms;                    /* 0: CONTROL_TIMEOUT_MS */
};

/** control_server_start() - make a socket and start the thread. Return: 0; -errno. */
int control_server_start(const struct control_config *config, struct control_server **ret_server);

/** control_server_publish() - let clients find the socket; once, by the thread that stops the
 * server. Return: 0; -errno. */
int control_server_publish(struct control_server *server);

/** control_server_stop() - end slow commands, disconnect all, remove the socket. Accepts NULL. */
void control_server_stop(struct control_server *server);

/** control_server_hand_over() - the same, but do not remove the socket, which a successor replaces
 */
void control_server_hand_over(struct control_server *server);

/** control_fail() - say in a sentence why a request fails. Return: @err. */
int control_fail(struct control_request *request, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
