/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/service.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/oom_score.h"
#include "daemon/signals.h"

#define NAME "cxlfs-service"

/* The standby ends as the daemon does. If it was killed, the service has failed, however the daemon
 * ends. Return: false: there are no children any more. */
static bool reap(pid_t standby, int *ret_status)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == standby)
			*ret_status = status;
	return pid == 0 || errno != ECHILD;
}

/* systemd says of this process how the volume has ended. */
static void __attribute__((noreturn)) end(int status)
{
	sigset_t all;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	(void)prctl(PR_SET_DUMPABLE, 0); /* there is a core of the other process */
	(void)signal(WTERMSIG(status), SIG_DFL);
	sigfillset(&all);
	(void)sigprocmask(SIG_UNBLOCK, &all, NULL);
	(void)raise(WTERMSIG(status));
	_exit(EXIT_FAILURE);
}

static void __attribute__((noreturn)) be_main(pid_t standby)
{
	sigset_t set = signals_obeyed();
	bool forwarded_signal = false;
	int number, status = 0;

	(void)prctl(PR_SET_NAME, NAME);
	oom_score_set(OOM_SCORE_NEVER);
	sigaddset(&set, SIGCHLD);
	while (reap(standby, &status)) {
		if (sigwait(&set, &number) || number == SIGCHLD || forwarded_signal)
			continue;
		forwarded_signal = true; /* this process is in the group too */
		(void)kill(0, number);
	}
	end(status);
}

int service_fork(void)
{
	sigset_t set = signals_obeyed(), old;
	pid_t pid;

	if (!getenv("NOTIFY_SOCKET"))
		return 0;
	(void)setpgid(0, 0); /* fails for the leader of a session, which has a group of its own */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid > 0)
		be_main(pid);
	if (pid < 0)
		return -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return 0;
}
