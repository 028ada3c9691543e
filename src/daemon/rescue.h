/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rescue - a new daemon takes the place of one that has died.
 *
 * The driver lets a process clone a context if the number of its parent's process is that of the
 * context's owner. So the standby starts a ghost: a process with the number of the dead daemon. The
 * ghost starts the new daemon as its child, and does for it what a living daemon does for a
 * successor; see handover.h. It then detaches the contexts of the dead one, so that no command of
 * it can still change the flash, tells the new one to go on, and ends.
 */
#ifndef CXLFS_DAEMON_RESCUE_H
#define CXLFS_DAEMON_RESCUE_H

#include "daemon/handover.h"
#include "daemon/options.h"
#include "daemon/program.h"

struct rescue {
	const struct options *options;
	const struct program *program;
	pid_t dead;                       /* its number is free */
	int exe_fd;                       /* the program that it ran */
	const char *oom_score;            /* its oom_score_adj; empty: not known */
	struct handover_message *message; /* the state that the dead daemon has left */
	const int *fds;                   /* and its descriptors, with those for the new one */
	/* Its contexts, SUPERPIPE_MAX_LUNS by LUN. A reset of the adapter may replace them, also if
	 * the rescue fails.
	 */
	struct superpipe_context *contexts;
};

/**
 * rescue_run() - start a new daemon
 * Waits until it serves, but ends what hangs for the time of the option watchdog. May be repeated
 * after a failure, as long as the contexts are there.
 * @ret_pid: of the new daemon, a child of this process, which is a subreaper; after a failure the
 * number of one that has ended, or 0
 * Return: 0; -EINPROGRESS the new daemon has all, but waits for HANDOVER_GO of the standby; -EIO;
 * -ETIMEDOUT a process hangs in the driver, and cannot be ended: no other try; others. After all
 * but the first two there is no new one, and the log says why.
 */
int rescue_run(const struct rescue *rescue, pid_t *ret_pid);

/**
 * rescue_give_up() - release the contexts of a dead daemon that has no successor
 * Their last descriptor must not be closed before: the driver would lose track of the vLUNs.
 */
void rescue_give_up(const struct rescue *rescue);

/**
 * rescue_bury() - release the contexts that a new daemon has lent before it failed
 * @failed: from rescue_run()
 * @socket: that it was given, to the standby; not closed before, because it may hold descriptors
 */
void rescue_bury(const struct rescue *rescue, pid_t failed, int socket);

#endif
