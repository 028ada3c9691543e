/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standby - a process that replaces the daemon when it dies.
 *
 * With survive=crash the process that the user starts becomes the standby, and its child the
 * daemon. The standby has one thread and does little, so it is unlikely to crash. It holds what the
 * next daemon needs: the connection to the kernel, the contexts, the requests in progress, and a
 * replica of names and maps, which it updates from the daemon's journal. See failover.h for how it
 * starts the next daemon. It kills a daemon that no longer answers.
 */
#ifndef CXLFS_DAEMON_STANDBY_H
#define CXLFS_DAEMON_STANDBY_H

#include <stdbool.h>

#include "base/explain.h"
#include "daemon/handover.h"
#include "daemon/options.h"
#include "daemon/program.h"
#include "journal/journal.h"

/** The daemon's side. */
struct standby;

/**
 * standby_is_possible() - check that this process may replace a dead one
 * Return: 0; -errno, explained.
 */
int standby_is_possible(const struct options *options, const struct explainer *to);

/**
 * standby_fork() - fork the daemon; the calling process becomes the standby
 * @options, @program: borrowed
 * @report_fd: of background_fork(); the standby uses it; -1: none
 * Call it before any thread starts and before devices are open. Returns in the daemon. The standby
 * exits after the daemon, with the same status. Return: 0; -errno.
 */
int standby_fork(const struct options *options, const struct program *program, int report_fd,
		 struct standby **ret_standby);

/**
 * standby_adopt() - connect this process with the standby of its predecessor
 * @socket, @journal: from the standby; this function takes them, also if it fails
 * @pid: of the standby
 * Return: 0; -errno.
 */
int standby_adopt(int socket, const struct journal_fds *journal, pid_t pid,
		  struct standby **ret_standby);

/**
 * standby_offer() - get the descriptors and the pid with which a successor adopts the standby
 * For an upgrade. Accepts NULL. @fds: those of the journal remain the standby's;
 * HANDOVER_FD_STANDBY is the caller's. If the standby has ended, they stay unset, and the successor
 * runs without one. Return: 0; -errno.
 */
int standby_offer(struct standby *standby, int *fds, int32_t *ret_pid);

/** standby_announce_successor() - tell the standby to follow @pid, the successor that got what
 *  standby_offer() returned, once this process has ended. Accepts NULL. Return: as
 *  standby_send_state(). */
int standby_announce_successor(struct standby *standby, pid_t pid);

/**
 * standby_await_go() - after the predecessor has died: wait until the standby says GO
 * Call it before standby_listen(). Return: 0, also if the standby has ended; -EPIPE the standby has
 * started another process instead.
 */
int standby_await_go(struct standby *standby);

struct standby_calls {
	/** Takes each lock that requests need. Return: false: the daemon hangs. */
	bool (*makes_progress)(void *arg);
	void *arg;
};

/**
 * standby_listen() - start a thread that answers the standby
 * @calls: copied; called on that thread until standby_end()
 * Return: 0; -errno.
 */
int standby_listen(struct standby *standby, const struct standby_calls *calls);

/**
 * standby_send_state() - send the standby what a successor needs
 * @fds: HANDOVER_NR_FDS descriptors; borrowed
 * Return: 0; -EPIPE the standby has ended; -errno.
 */
int standby_send_state(struct standby *standby, struct handover_message *message, const int *fds);

/** standby_send_context() - give it a context; see superpipe_options.send_context. Any thread.
 * Return: as standby_send_state(). */
int standby_send_context(struct standby *standby, unsigned lun,
			 const struct superpipe_context *context);

/** standby_journal() - returns the journal that it reads; NULL if @standby is NULL */
struct journal *standby_journal(struct standby *standby);

/** standby_is_following() - returns true if the standby could replace the daemon. Any thread.
 *  Accepts NULL. */
bool standby_is_following(const struct standby *standby);

/** standby_end() - tell the standby that the volume is being unmounted, and stop the thread.
 *  Accepts NULL. */
void standby_end(struct standby *standby);

/** standby_free() - after standby_end(). Accepts NULL. */
void standby_free(struct standby *standby);

#endif
