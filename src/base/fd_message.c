/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd_message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int) * FD_MESSAGE_MAX_FDS)];
};

int fd_message_send(int socket, const void *bytes, size_t nr_bytes, const int *fds, size_t nr_fds)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = nr_bytes };
	union control control = { .space = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (nr_fds) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, nr_fds * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
	}
	sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return (size_t)sent == nr_bytes ? 0 : -EIO;
}

static size_t take_fds(struct msghdr *message, int *ret_fds)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t nr_bytes;

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	nr_bytes = header->cmsg_len - CMSG_LEN(0);
	memcpy(ret_fds, CMSG_DATA(header), nr_bytes);
	return nr_bytes / sizeof(int);
}

ssize_t fd_message_receive(int socket, void *bytes, size_t nr_bytes, int flags, int *ret_fds,
			   size_t max_fds, size_t *ret_nr_fds)
{
	struct iovec part = { .iov_base = bytes, .iov_len = nr_bytes };
	union control control;
	/* Not CMSG_SPACE: the kernel would put one more descriptor into its padding. */
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = max_fds ? &control : NULL,
				  .msg_controllen = max_fds ? CMSG_LEN(max_fds * sizeof(int)) : 0 };
	ssize_t got = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);

	*ret_nr_fds = got < 0 ? 0 : take_fds(&message, ret_fds);
	return got < 0 ? -errno : got;
}
