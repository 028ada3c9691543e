/* SPDX-License-Identifier: Apache-2.0 */
#include "base/std_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int fill(int fd)
{
	/* Opened in the wrong direction, so that a write fails instead of losing the message. */
	int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
	int got;

	if (fcntl(fd, F_GETFD) >= 0)
		return 0;
	/* The lowest free number is @fd, because those below are open. */
	got = open("/dev/null", flags);
	return got == fd ? 0 : got < 0 ? -errno : -EBADF;
}

int std_fds_fill(void)
{
	int err = 0;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !err; fd++)
		err = fill(fd);
	return err;
}

void std_fds_to_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}
