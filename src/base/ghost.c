/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ghost.h"

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
 * What fork(3) does besides the system call, so that the C library works in the child: it keeps the
 * thread id in its own memory, for mutexes, and its list of robust mutexes belongs to a thread.
 */
struct library_state {
	int *tid;
	void *robust_list;
	size_t robust_bytes;
};

static int get_library_state(struct library_state *state)
{
	/* EINVAL: a kernel without CONFIG_CHECKPOINT_RESTORE. */
	if (prctl(PR_GET_TID_ADDRESS, &state->tid))
		return errno == EINVAL ? -ENOSYS : -errno;
	if (syscall(SYS_get_robust_list, 0, &state->robust_list, &state->robust_bytes))
		return -errno;
	return 0;
}

static pid_t fork_with_clone3(pid_t number)
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
	args.set_tid = (uint64_t)(uintptr_t)&number;
	args.set_tid_size = 1;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid == 0)
		(void)syscall(SYS_set_robust_list, state.robust_list, state.robust_bytes);
	return (pid_t)pid;
}

/* Without clone3(2): the kernel gives the next process the number after this one. Another program
 * may come between. */
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

static pid_t fork_after_last_pid(pid_t number)
{
	int err = kill(number, 0) == 0 || errno != ESRCH ? -EEXIST : set_last_pid(number - 1);
	pid_t pid;

	if (err)
		return err;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0 && getpid() != number)
		_exit(EXIT_FAILURE);
	if (pid == 0 || pid == number)
		return pid;
	(void)wait_for(pid);
	return -EEXIST;
}

pid_t ghost_fork(pid_t number)
{
	pid_t pid = fork_with_clone3(number);

	return pid == -ENOSYS ? fork_after_last_pid(number) : pid;
}

/* ---- does it work here? ---- */

static pid_t free_number(void)
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
	pid_t number = free_number(), ghost;

	if (number < 0)
		return number;
	ghost = ghost_fork(number);
	if (ghost == 0)
		_exit(0);
	return ghost < 0 ? ghost : wait_for(ghost);
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
				     "cannot take the process number of a dead process; this needs "
				     "the capability CAP_CHECKPOINT_RESTORE");
	case -ENOSYS:
		return explain_error(to, rc,
				     "this kernel cannot give a process the number of a dead one; "
				     "this needs CONFIG_CHECKPOINT_RESTORE");
	default:
		return explain_error(to, rc, "cannot take the process number of a dead process: %s",
				     strerror(-rc));
	}
}

int ghost_is_possible(bool for_driver, explain_fn explain, void *explain_arg)
{
	const struct explainer to = { explain, explain_arg };
	int rc = -EEXIST;

	if (for_driver && !in_initial_namespace())
		return explain_error(&to, -EOPNOTSUPP,
				     "not in the initial pid namespace: the driver sees other "
				     "process numbers than those in this container");
	for (unsigned i = 0; rc == -EEXIST && i < TRIES; i++)
		rc = try_once();
	return rc ? explain_failure(&to, rc) : 0;
}
