/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/std_fds.h"

/* Exits with the status that the child reports, or else with the child's exit status. */
static void __attribute__((noreturn)) wait_and_exit(pid_t child, int fd)
{
	char reported;
	int status;

	if (read(fd, &reported, 1) == 1)
		_exit(reported);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	_exit(EXIT_FAILURE);
}

int background_fork(int *ret_report_fd)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child < 0) {
		int err = -errno;

		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (child > 0) {
		close(fds[1]);
		wait_and_exit(child, fds[0]);
	}
	close(fds[0]);
	*ret_report_fd = fds[1];
	return 0;
}

/* Not before the mount is complete: until then, systemd's automount lets only processes of its own
 * group use the mountpoint. */
void background_detach(void)
{
	std_fds_to_null();
	(void)setsid();
	(void)!chdir("/");
}

int background_ready(int report_fd)
{
	const char ok = EXIT_SUCCESS;
	int err;

	background_detach();
	err = write(report_fd, &ok, 1) == 1 ? 0 : -errno;
	close(report_fd);
	return err;
}
