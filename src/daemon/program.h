/* SPDX-License-Identifier: Apache-2.0 */
/* program - how this program was started, so that the installed version can be started the same
 * way.
 */
#ifndef CXLFS_DAEMON_PROGRAM_H
#define CXLFS_DAEMON_PROGRAM_H

#include <sys/types.h>

struct program {
	char *path;      /* of its file; NULL: not known */
	char *directory; /* device and mountpoint may be relative to it; NULL: it is gone */
	int argc;
	char **argv; /* borrowed */
	/* The socket to the daemon whose mount this one takes over; -1: it mounts a new one. */
	int predecessor;
};

/**
 * program_note() - remember how the program was started
 * @argc, @argv: of main(); the option that program_start() has added is removed
 * Return: 0; -ENOMEM. In either case the caller calls program_free().
 */
int program_note(int *argc, char **argv, struct program *ret_program);
void program_free(struct program *program);

/**
 * program_start() - start the program that is installed now, as a child of the parent
 * @socket: the new process gets it as program.predecessor
 * Return: 0; -ENOENT the file or the directory is not known; -errno of clone(2) and execve(2).
 */
int program_start(const struct program *program, int socket, pid_t *ret_pid);

/**
 * program_start_same() - start the program that another process runs, or ran, as a child of this
 * one
 * @exe_fd: its file, from program_open_exe()
 * Otherwise as program_start().
 */
int program_start_same(const struct program *program, int exe_fd, int socket, pid_t *ret_pid);

/** program_open_exe() - open the file that a process runs; it may have been replaced since
 *  Return: a descriptor, for program_start_same(); -errno. */
int program_open_exe(pid_t pid);

#endif
