/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slow_command - runs a command on its own thread, so that the server can answer others.
 *
 * The functions are for the server's thread.
 */
#ifndef CXLFS_CONTROL_SLOW_COMMAND_H
#define CXLFS_CONTROL_SLOW_COMMAND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/server.h"

/** One lane; all zero: no command runs. */
struct slow_command {
	pthread_t thread;
	bool running;      /* the server's thread only */
	_Atomic bool done; /* the thread has nothing more to do */
	/* set before the thread starts */
	const struct control_command *command;
	void *context;
	int wake_fd; /* eventfd, of the server */
	/* the thread's while it runs */
	struct control_request request;
	int result;
};

/**
 * slow_command_start() - start the thread
 * @wake_fd: an eventfd, written once slow_command_is_done()
 * @request: belongs to the thread if it runs
 * Return: 0; -EBUSY another command runs in this lane, as @request says; -EAGAIN no thread.
 */
int slow_command_start(struct slow_command *slow, const struct control_command *command,
		       void *context, int wake_fd, struct control_request *request);

static inline bool slow_command_is_done(const struct slow_command *slow)
{
	return atomic_load(&slow->done);
}

/** slow_command_end() - wait for the end of a command that runs. Return: as
 *  control_request_finish(). */
char *slow_command_end(struct slow_command *slow);

#endif
