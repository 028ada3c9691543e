/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failover - start a new daemon in place of one that has died.
 *
 * The driver lets a process clone a context if the pid of its parent is that of the context's
 * owner. So the standby forks a proxy: a process with the pid of the dead daemon. The proxy starts
 * the new daemon as its child, and hands the volume over as a living daemon does; see handover.h.
 * It then detaches the contexts of the dead daemon, so that none of its commands can change the
 * flash any more, sends GO, and exits.
 */
#ifndef CXLFS_DAEMON_FAILOVER_H
#define CXLFS_DAEMON_FAILOVER_H

#include "daemon/handover.h"
#include "daemon/options.h"
#include "daemon/program.h"

struct failover {
	const struct options *options;
	const struct program *program;
	pid_t dead;                       /* pid of the dead daemon, reaped */
	int exe_fd;                       /* the program that it ran */
	const char *oom_score;            /* its oom_score_adj; empty: not known */
	struct handover_message *message; /* the state that the dead daemon has left */
	const int *fds;                   /* and its descriptors, with those for the new one */
	/* Its contexts, SUPERPIPE_MAX_LUNS by LUN. A reset of the adapter may replace them, also if
	 * the failover fails.
	 */
	struct superpipe_context *contexts;
};

/**
 * failover_run() - start a new daemon
 * Waits until it serves, but kills a process that hangs for the time of the option watchdog. May be
 * repeated after a failure, as long as the contexts exist.
 * @ret_pid: of the new daemon, a child of this process, which is a subreaper; after a failure the
 * pid of a daemon that has ended, or 0
 * Return: 0; -EINPROGRESS the new daemon is ready, but waits for HANDOVER_GO from the standby;
 * -EIO; -ETIMEDOUT a process hangs in the driver and cannot be killed: do not repeat; others. After
 * all but the first two there is no new daemon, and the log says why.
 */
int failover_run(const struct failover *failover, pid_t *ret_pid);

/**
 * failover_abandon() - release the contexts of a dead daemon that has no successor
 * Do not close their last descriptors before: the driver would lose track of the vLUNs.
 */
void failover_abandon(const struct failover *failover);

/**
 * failover_clean_up() - release the contexts that a new daemon has sent before it failed
 * @failed: from failover_run()
 * @socket: the standby's end of its socket; still open, because it may hold descriptors
 */
void failover_clean_up(const struct failover *failover, pid_t failed, int socket);

#endif
