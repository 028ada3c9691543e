/* SPDX-License-Identifier: Apache-2.0 */
/*
 * priv_helper - a process that keeps the privileges that the daemon drops.
 *
 * The daemon serves requests of programs that may be hostile, so it has no privileges. The helper
 * mounts and unmounts one volume, and starts the process that takes the volume over. It does
 * nothing else, and exits with the daemon.
 */
#ifndef CXLFS_DAEMON_PRIV_HELPER_H
#define CXLFS_DAEMON_PRIV_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fuse/transport/libfuse.h"

struct priv_helper;
struct program;

struct priv_helper_config {
	const char *mountpoint;               /* absolute, without symbolic links */
	const struct fuse_args *session_args; /* for fuse_session_new() */
	bool strictatime;
	bool foreground;               /* standard error stays open */
	const struct program *program; /* for priv_helper_start_program() */
};

/**
 * priv_helper_start() - fork the helper
 * @config: borrowed for this call
 * Call it before any other thread starts. Return: 0; -errno.
 */
int priv_helper_start(const struct priv_helper_config *config, struct priv_helper **ret_helper);

/** priv_helper_stop() - end the helper. What is mounted stays. Accepts NULL. */
void priv_helper_stop(struct priv_helper *helper);

/**
 * priv_helper_mount() - mount the volume
 * @ret_fd: the connection to the kernel
 * Return: 0; -errno, perhaps after a message of libfuse.
 */
int priv_helper_mount(struct priv_helper *helper, int *ret_fd);

/**
 * priv_helper_start_program() - start the installed program as a child of the daemon, with all
 * rights
 * @socket: see program_start()
 * Return: 0; -EPIPE the helper has ended; as program_start().
 */
int priv_helper_start_program(struct priv_helper *helper, int socket, pid_t *ret_pid);

/** priv_helper_tune() - raise the limits of the mount; see bdi_tuning.h */
void priv_helper_tune(struct priv_helper *helper);

/**
 * priv_helper_unmount() - unmount the volume
 * The caller has checked that it is the top mount there. Return: 0; -EBUSY files are open; -EPERM
 * only priv_helper_detach() may; -errno.
 */
int priv_helper_unmount(struct priv_helper *helper);

/** priv_helper_detach() - unmount it even if it is in use; see mountpoint_detach() */
int priv_helper_detach(struct priv_helper *helper);

#endif
