/* SPDX-License-Identifier: Apache-2.0 */
/* successor - the process that takes over a volume, as seen by the process that starts it. */
#ifndef CXLFS_DAEMON_SUCCESSOR_H
#define CXLFS_DAEMON_SUCCESSOR_H

#include "base/explain.h"
#include "daemon/handover.h"

/** The longest time that successor_go() waits for a successor to serve. */
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
 * successor_send_state() - send the state
 * The successor answers READY; then call successor_go().
 * @message: its state is set
 * @fds: as for handover_send()
 * Return: 0; -errno, explained.
 */
int successor_send_state(const struct successor *next, struct handover_message *message,
			 const int *fds);

/** successor_go() - send GO, and wait a moment until the successor serves */
void successor_go(const struct successor *next, struct handover_message *message);

/**
 * successor_end() - kill and reap a successor that does not take over
 * @err: why; after -ECANCELED, first wait for it to end by itself
 */
void successor_end(struct successor *next, int err, struct handover_message *message);

#endif
