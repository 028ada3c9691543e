/* SPDX-License-Identifier: Apache-2.0 */
/* successor - a program that is to take over a volume, seen by the process that starts it. */
#ifndef CXLFS_DAEMON_SUCCESSOR_H
#define CXLFS_DAEMON_SUCCESSOR_H

#include "base/explain.h"
#include "daemon/handover.h"

/** successor_go() waits at most so long for a successor to serve. */
#define SUCCESSOR_SERVING_MS 1000u

struct successor {
	pid_t pid; /* a child of this process */
	int socket;
	const struct explainer *explainer;
	const char *name; /* of the program, for explanations */
};

/** Starts a program as a child of this process, which gets @socket. Return: 0; -errno. */
typedef int successor_start_fn(void *arg, int socket, pid_t *ret_pid);

/**
 * successor_start() - start the program with a socket to this process
 * @next: explainer and name are set
 * Return: 0; that of @start, explained.
 */
int successor_start(struct successor *next, successor_start_fn *start, void *arg);

/**
 * successor_await() - wait for a message of one kind
 * @deadline_ns: by clock_now_ns()
 * Return: 0; as handover_receive(), explained.
 */
int successor_await(const struct successor *next, enum handover_kind kind, uint64_t deadline_ns,
		    struct handover_message *ret_message);

/**
 * successor_pass_on() - send the state, and wait until the successor has made it its own
 * @message: its state is set; receives the answer
 * @fds: as for handover_send()
 * Return: 0: only successor_go() is left; -errno, explained.
 */
int successor_pass_on(const struct successor *next, struct handover_message *message,
		      const int *fds, uint64_t deadline_ns);

/** successor_go() - the successor has all there is: wait a moment until it serves */
void successor_go(const struct successor *next, struct handover_message *message);

/**
 * successor_end() - end a successor that will not take over
 * @err: why; after -ECANCELED it ends by itself
 */
void successor_end(struct successor *next, int err, struct handover_message *message);

#endif
