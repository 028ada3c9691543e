/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/handover.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_message.h"

static_assert((int)HANDOVER_NR_FDS <= FD_MESSAGE_MAX_FDS, "a message has room for all");

void handover_init_fds(int *ret_fds)
{
	for (int i = 0; i < HANDOVER_NR_FDS; i++)
		ret_fds[i] = -1;
}

void handover_close_fds(int *fds)
{
	for (int i = 0; i < HANDOVER_NR_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	handover_init_fds(fds);
}

/* Return: a bit for each descriptor that is not -1. */
static uint32_t pack_fds(const int *fds, int *ret_packed, size_t *ret_nr)
{
	uint32_t which = 0;

	*ret_nr = 0;
	for (int i = 0; i < HANDOVER_NR_FDS; i++) {
		if (fds[i] < 0)
			continue;
		ret_packed[(*ret_nr)++] = fds[i];
		which |= 1u << i;
	}
	return which;
}

int handover_send(int socket, struct handover_message *message, const int *fds)
{
	int packed[HANDOVER_NR_FDS] = { 0 };
	size_t nr = 0;

	message->version = HANDOVER_VERSION;
	message->bytes = sizeof(*message);
	message->fds = fds ? pack_fds(fds, packed, &nr) : 0;
	return fd_message_send(socket, message, sizeof(*message), packed, nr);
}

int handover_send_kind(int socket, enum handover_kind kind)
{
	struct handover_message message = { .kind = kind };

	return handover_send(socket, &message, NULL);
}

int handover_send_context(int socket, unsigned lun, const struct superpipe_context *context)
{
	struct handover_message *message = calloc(1, sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	int err;

	if (!message)
		return -ENOMEM;
	message->kind = HANDOVER_CONTEXT;
	message->lun = lun;
	message->context = context->source;
	handover_init_fds(fds);
	fds[HANDOVER_FD_ADAPTER] = context->fd;
	err = handover_send(socket, message, fds);
	free(message);
	return err;
}

bool handover_take_context(const struct handover_message *message, int *fds,
			   struct superpipe_context *contexts)
{
	struct superpipe_context *context;

	if (message->kind != HANDOVER_CONTEXT || message->lun >= SUPERPIPE_MAX_LUNS ||
	    fds[HANDOVER_FD_ADAPTER] < 0)
		return false;
	context = &contexts[message->lun];
	if (context->fd >= 0)
		close(context->fd);
	*context = (struct superpipe_context){ .source = message->context,
					       .fd = fds[HANDOVER_FD_ADAPTER] };
	fds[HANDOVER_FD_ADAPTER] = -1;
	return true;
}

int handover_send_started(int socket, pid_t pid, int socket_to)
{
	struct handover_message *message = calloc(1, sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	int err;

	if (!message)
		return -ENOMEM;
	message->kind = HANDOVER_STARTED;
	message->pid = pid;
	handover_init_fds(fds);
	fds[HANDOVER_FD_STANDBY] = socket_to;
	err = handover_send(socket, message, fds);
	free(message);
	return err;
}

static int await_message(int socket, uint64_t deadline_ns)
{
	struct pollfd fd = { .fd = socket, .events = POLLIN };
	int got;

	do {
		uint64_t now = clock_now_ns();
		struct timespec left = clock_timespec(deadline_ns > now ? deadline_ns - now : 0);

		got = ppoll(&fd, 1, deadline_ns == UINT64_MAX ? NULL : &left, NULL);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got ? 0 : -ETIMEDOUT;
}

/* Return: false: some are missing, because this process has too many open files. */
static bool unpack_fds(const int *packed, size_t nr, uint32_t which, int *ret_fds)
{
	size_t next = 0;

	handover_init_fds(ret_fds);
	for (int i = 0; i < HANDOVER_NR_FDS && next < nr; i++)
		if (which & 1u << i)
			ret_fds[i] = packed[next++];
	while (nr > next)
		close(packed[--nr]);
	return next == (size_t)__builtin_popcount(which);
}

static int check_message(const struct handover_message *message, size_t nr_bytes)
{
	if (nr_bytes == 0)
		return -EPIPE;
	return nr_bytes != sizeof(*message) || message->version != HANDOVER_VERSION ||
			       message->bytes != sizeof(*message)
		       ? -EPROTONOSUPPORT
		       : 0;
}

/* @flags: of recvmsg(2) */
static int receive(int socket, int flags, struct handover_message *ret_message, int *ret_fds)
{
	int packed[HANDOVER_NR_FDS];
	size_t nr;
	ssize_t got = fd_message_receive(socket, ret_message, sizeof(*ret_message), flags, packed,
					 ret_fds ? HANDOVER_NR_FDS : 0, &nr);
	uint32_t which = got == sizeof(*ret_message) ? ret_message->fds : 0;

	if (got < 0)
		return got == -ECONNRESET ? -EPIPE : (int)got;
	if (ret_fds && !unpack_fds(packed, nr, which, ret_fds)) {
		handover_close_fds(ret_fds);
		return -EMFILE;
	}
	ret_message->why[sizeof(ret_message->why) - 1] = '\0';
	return check_message(ret_message, (size_t)got);
}

int handover_receive_next(int socket, struct handover_message *ret_message, int *ret_fds)
{
	return receive(socket, 0, ret_message, ret_fds);
}

int handover_receive_any(int socket, struct handover_message *ret_message, int *ret_fds)
{
	return receive(socket, MSG_DONTWAIT, ret_message, ret_fds);
}

int handover_receive(int socket, enum handover_kind kind, uint64_t deadline_ns,
		     struct handover_message *ret_message, int *ret_fds)
{
	int err = await_message(socket, deadline_ns);

	if (!err)
		err = receive(socket, 0, ret_message, ret_fds);
	if (err)
		return err;
	if (ret_message->kind == HANDOVER_FAILED)
		return -ECANCELED;
	return ret_message->kind == (uint32_t)kind ? 0 : -EPROTO;
}
