/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/takeover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/handover.h"

static int receive_state(const struct takeover *takeover, struct handover_message *message,
			 int fds[])
{
	int err = handover_send_kind(takeover->socket, HANDOVER_HELLO);

	return err ? err
		   : handover_receive(takeover->socket, HANDOVER_STATE, UINT64_MAX, message, fds);
}

int takeover_begin(struct takeover *takeover)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	int err;

	if (!message)
		return -ENOMEM;
	err = receive_state(takeover, message, fds);
	if (!err)
		err = volume_takeover_begin(takeover->volume, &message->state, fds);
	free(message);
	return err;
}

/*
 * If the socket is closed, the parent has died: a living parent would have killed this process
 * first. Then this process takes over, unless the standby has started another one.
 */
static int await_go(void *arg)
{
	const struct takeover *takeover = arg;
	struct handover_message message;
	int err = handover_send_kind(takeover->socket, HANDOVER_READY);

	if (!err)
		err = handover_receive(takeover->socket, HANDOVER_GO, UINT64_MAX, &message, NULL);
	return err == -EPIPE ? volume_await_standby(takeover->volume) : err;
}

int takeover_finish(void *arg)
{
	struct takeover *takeover = arg;
	int err = volume_takeover_finish(takeover->volume, await_go, takeover);

	if (err)
		return err;
	close(takeover->socket);
	takeover->socket = -1;
	if (!takeover->foreground) {
		(void)setsid();
		(void)!chdir("/");
	}
	return 0;
}

void takeover_explain(const struct takeover *takeover, const char *why)
{
	struct handover_message message = { .kind = HANDOVER_FAILED };

	if (takeover->socket < 0)
		return;
	snprintf(message.why, sizeof(message.why), "%s", why);
	(void)handover_send(takeover->socket, &message, NULL);
}
