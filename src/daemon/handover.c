/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/handover.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * HANDOVER_NR_FDS)];
};

static void add_fds(struct msghdr *msg, union control *control, const int *fds)
{
	size_t bytes = sizeof(int) * (HANDOVER_NR_FDS - (fds[HANDOVER_NR_FDS - 1] < 0));
	struct cmsghdr *cmsg;

	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(bytes);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(cmsg), fds, bytes);
}

int handover_send(int socket, struct handover_message *message, const int *fds)
{
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };

	message->version = HANDOVER_VERSION;
	message->bytes = sizeof(*message);
	if (fds)
		add_fds(&msg, &control, fds);
	return sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int handover_send_kind(int socket, enum handover_kind kind)
{
	struct handover_message message = { .kind = kind };

	return handover_send(socket, &message, NULL);
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

static void take_fds(struct msghdr *msg, int *ret_fds)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	for (int i = 0; i < HANDOVER_NR_FDS; i++)
		ret_fds[i] = -1;
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
}

static int judge(const struct handover_message *message, size_t nr_bytes, enum handover_kind kind)
{
	if (nr_bytes == 0)
		return -EPIPE;
	if (nr_bytes != sizeof(*message) || message->version != HANDOVER_VERSION ||
	    message->bytes != sizeof(*message))
		return -EPROTONOSUPPORT;
	if (message->kind == HANDOVER_FAILED)
		return -ECANCELED;
	return message->kind == (uint32_t)kind ? 0 : -EPROTO;
}

int handover_receive(int socket, enum handover_kind kind, uint64_t deadline_ns,
		     struct handover_message *ret_message, int *ret_fds)
{
	struct iovec iov = { .iov_base = ret_message, .iov_len = sizeof(*ret_message) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got;
	int err = await_message(socket, deadline_ns);

	if (err)
		return err;
	if (ret_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (ret_fds)
		take_fds(&msg, ret_fds);
	ret_message->why[sizeof(ret_message->why) - 1] = '\0';
	return judge(ret_message, (size_t)got, kind);
}
