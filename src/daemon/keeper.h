/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper - a process that keeps the rights that the daemon gives up.
 *
 * The daemon serves requests of hostile programs without rights of its own. What still needs some
 * is the keeper's: it mounts and unmounts one volume, and starts the process that takes the volume
 * over. It does nothing else, and ends with the daemon.
 */
#ifndef CXLFS_DAEMON_KEEPER_H
#define CXLFS_DAEMON_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fuse/transport/libfuse.h"

struct keeper;
struct program;

struct keeper_config {
	const char *mountpoint;               /* absolute, without symbolic links */
	const struct fuse_args *session_args; /* for fuse_session_new() */
	bool strictatime;
	bool foreground;               /* standard error stays open */
	const struct program *program; /* for keeper_start_program() */
};

/**
 * keeper_start() - fork the keeper
 * @config: borrowed for this call
 * Call it before any other thread starts. Return: 0; -errno.
 */
int keeper_start(const struct keeper_config *config, struct keeper **ret_keeper);

/** keeper_stop() - end the keeper. What is mounted stays. Accepts NULL. */
void keeper_stop(struct keeper *keeper);

/**
 * keeper_mount() - mount the volume
 * @ret_fd: the connection to the kernel
 * Return: 0; -errno, perhaps after a message of libfuse.
 */
int keeper_mount(struct keeper *keeper, int *ret_fd);

/**
 * keeper_start_program() - start the installed program as a child of the daemon, with all rights
 * @socket: see program_start()
 * Return: 0; -EPIPE the keeper has ended; as program_start().
 */
int keeper_start_program(struct keeper *keeper, int socket, pid_t *ret_pid);

/** keeper_tune() - raise the limits of the mount; see bdi_tuning.h */
void keeper_tune(struct keeper *keeper);

/**
 * keeper_unmount() - unmount the volume
 * The caller has checked that it is the top mount there. Return: 0; -EBUSY files are open; -EPERM
 * only keeper_detach() may; -errno.
 */
int keeper_unmount(struct keeper *keeper);

/** keeper_detach() - unmount it even if it is in use; see mountpoint_detach() */
int keeper_detach(struct keeper *keeper);

#endif
