/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/successor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Until a successor that has failed has closed its contexts. */
#define ENDING_MS 1000

int successor_start(struct successor *next, successor_start_fn *start, void *arg)
{
	int sockets[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return explain_error(next->explainer, -errno, "cannot make a socket: %s",
				     strerror(errno));
	err = start(arg, sockets[1], &next->pid);
	close(sockets[1]);
	if (!err) {
		next->socket = sockets[0];
		return 0;
	}
	close(sockets[0]);
	return explain_error(next->explainer, err, "cannot start %s: %s", next->name,
			     strerror(-err));
}

static int explain_no_answer(const struct successor *next, int err,
			     const struct handover_message *message)
{
	switch (err) {
	case -ECANCELED:
		return explain_error(next->explainer, err, "%s: %s", next->name, message->why);
	case -ETIMEDOUT:
		return explain_error(next->explainer, err, "%s was not ready in time", next->name);
	case -EPIPE:
		return explain_error(next->explainer, err, "%s has ended; its messages say why",
				     next->name);
	case -EPROTO:
	case -EPROTONOSUPPORT:
		return explain_error(
			next->explainer, err,
			"%s cannot take over from this one; unmount and mount again to use it",
			next->name);
	default:
		return explain_error(next->explainer, err, "%s: %s", next->name, strerror(-err));
	}
}

int successor_await(const struct successor *next, enum handover_kind kind, uint64_t deadline_ns,
		    struct handover_message *ret_message)
{
	int err = handover_receive(next->socket, kind, deadline_ns, ret_message, NULL);

	return err ? explain_no_answer(next, err, ret_message) : 0;
}

int successor_send_state(const struct successor *next, struct handover_message *message,
			 const int *fds)
{
	int err;

	message->kind = HANDOVER_STATE;
	err = handover_send(next->socket, message, fds);
	return err ? explain_no_answer(next, err, message) : 0;
}

void successor_go(const struct successor *next, struct handover_message *message)
{
	(void)handover_send_kind(next->socket, HANDOVER_GO);
	/* It closes its end when it serves, with a control socket of its own. */
	(void)handover_receive(next->socket, HANDOVER_GO, clock_after_ms_ns(SUCCESSOR_SERVING_MS),
			       message, NULL);
}

/*
 * A successor that has sent FAILED closes its contexts and ends by itself. Any other would take the
 * end of the socket for the end of this process and serve, so it is killed first.
 */
void successor_end(struct successor *next, int err, struct handover_message *message)
{
	if (err == -ECANCELED)
		(void)handover_receive(next->socket, HANDOVER_GO, clock_after_ms_ns(ENDING_MS),
				       message, NULL);
	(void)kill(next->pid, SIGKILL);
	while (waitpid(next->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(next->socket);
}
