/* SPDX-License-Identifier: Apache-2.0 */
#include "replica/snapshot_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"

/* More would not make it faster; unprivileged users may have so much. */
#define PIPE_BYTES (1 << 20)

int snapshot_pipe_new(int *ret_read_fd, int *ret_write_fd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	*ret_read_fd = fds[0];
	*ret_write_fd = fds[1];
	return 0;
}

static int await_room(const struct snapshot_pipe_end *end)
{
	struct pollfd pollfd = { .fd = end->fd, .events = POLLOUT };
	uint64_t now = clock_now_ns();
	int ms = now < end->deadline_ns ? (int)((end->deadline_ns - now) / 1000000 + 1) : 0;
	int nr = poll(&pollfd, 1, ms);

	if (nr < 0)
		return errno == EINTR ? 0 : -errno;
	return nr ? 0 : -ETIMEDOUT;
}

int snapshot_pipe_write(void *arg, const void *data, size_t bytes)
{
	const struct snapshot_pipe_end *end = arg;
	const char *next = data;

	if (fcntl(end->fd, F_SETFL, O_NONBLOCK))
		return -errno;
	while (bytes) {
		ssize_t nr = write(end->fd, next, bytes);
		int err = nr < 0 ? -errno : 0;

		if (err == -EAGAIN)
			err = await_room(end);
		if (err && err != -EINTR)
			return err;
		if (nr > 0) {
			next += nr;
			bytes -= (size_t)nr;
		}
	}
	return 0;
}
