/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fork_with_pid.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define INITIAL_PID_NAMESPACE 0xeffffffcu /* its inode number is part of the kernel's ABI */
#define TRIES                 20

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* ---- fork ---- */

/*
 * What fork(3) does besides the system call, so that the C library works in the child: the library
 * caches the thread id, and each thread has a list of robust mutexes.
 */
struct library_state {
	int *tid;
	void *robust_list;
	size_t robust_bytes;
};

static int get_library_state(struct library_state *state)
{
	/* EINVAL: a kernel without CONFIG_CHECKPOINT_RESTORE. */
	if (prctl(PR_GET_TID_ADDRESS, &state->tid, 0L, 0L, 0L))
		return errno == EINVAL ? -ENOSYS : -errno;
	if (syscall(SYS_get_robust_list, 0, &state->robust_list, &state->robust_bytes))
		return -errno;
	return 0;
}

static pid_t fork_with_clone3(pid_t wanted)
{
	struct library_state state;
	struct clone_args args;
	long pid;
	int rc = get_library_state(&state);

	if (rc)
		return rc;
	memset(&args, 0, sizeof(args));
	args.flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	args.child_tid = (uint64_t)(uintptr_t)state.tid;
	args.exit_signal = SIGCHLD;
	args.set_tid = (uint64_t)(uintptr_t)&wanted;
	args.set_tid_size = 1;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid == 0)
		(void)syscall(SYS_set_robust_list, state.robust_list, state.robust_bytes);
	return (pid_t)pid;
}

/* Without clone3(2): the next process gets the pid after this one, unless another program forks
 * first. */
static int set_last_pid(pid_t last)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "we");
	int err = 0;

	if (!file)
		return errno == ENOENT ? -ENOSYS : errno == EACCES ? -EPERM : -errno;
	if (fprintf(file, "%ld", (long)last) < 0)
		err = -errno;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

static pid_t fork_after_last_pid(pid_t wanted)
{
	int err = kill(wanted, 0) == 0 || errno != ESRCH ? -EEXIST : set_last_pid(wanted - 1);
	pid_t pid;

	if (err)
		return err;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0 && getpid() != wanted)
		_exit(EXIT_FAILURE);
	if (pid == 0 || pid == wanted)
		return pid;
	(void)wait_for(pid);
	return -EEXIST;
}

pid_t fork_with_pid(pid_t wanted)
{
	pid_t pid = fork_with_clone3(wanted);

	return pid == -ENOSYS ? fork_after_last_pid(wanted) : pid;
}

/* ---- check ---- */

static pid_t free_pid(void)
{
	pid_t pid = fork();
	int rc;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(0);
	rc = wait_for(pid);
	return rc ? rc : pid;
}

static int try_once(void)
{
	pid_t wanted = free_pid(), proxy;

	if (wanted < 0)
		return wanted;
	proxy = fork_with_pid(wanted);
	if (proxy == 0)
		_exit(0);
	return proxy < 0 ? proxy : wait_for(proxy);
}

static bool in_initial_namespace(void)
{
	struct stat st;

	/* A kernel without pid namespaces has none but this. */
	if (stat("/proc/self/ns/pid", &st))
		return errno == ENOENT && access("/proc/self/ns", F_OK) == 0;
	return st.st_ino == INITIAL_PID_NAMESPACE;
}

static int explain_failure(const struct explainer *to, int rc)
{
	switch (rc) {
	case -EPERM:
		return explain_error(to, rc,
				     "cannot fork a process with the pid of a dead one; this needs "
				     "the capability CAP_CHECKPOINT_RESTORE");
	case -ENOSYS:
		return explain_error(
			to, rc,
			"this kernel cannot fork a process with the pid of a dead one; "
			"this needs CONFIG_CHECKPOINT_RESTORE");
	default:
		return explain_error(to, rc, "cannot fork a process with the pid of a dead one: %s",
				     strerror(-rc));
	}
}

int fork_with_pid_check(bool for_driver, explain_fn explain, void *explain_arg)
{
	const struct explainer to = { explain, explain_arg };
	int rc = -EEXIST;

	if (for_driver && !in_initial_namespace())
		return explain_error(&to, -EOPNOTSUPP,
				     "not in the initial pid namespace: the driver sees other "
				     "pids than those in this container");
	for (unsigned i = 0; rc == -EEXIST && i < TRIES; i++)
		rc = try_once();
	return rc ? explain_failure(&to, rc) : 0;
}
