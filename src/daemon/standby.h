/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standby - a process that has another one take the place of the daemon when that dies.
 *
 * With survive=crash the process that was started becomes the standby, and its child the daemon.
 * The standby has one thread and does little, so that it outlives the daemon. It holds what must
 * not end with it: the connection to the kernel, the contexts, the requests that are under way, and
 * a replica of names and maps, which follows the daemon's journal. See rescue.h for what it does
 * with them. It kills a daemon that does not answer any more.
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
 * standby_is_possible() - may this process start another one in the place of a dead one?
 * Return: 0; -errno, explained.
 */
int standby_is_possible(const struct options *options, const struct explainer *to);

/**
 * standby_fork() - go on as two processes
 * @options, @program: borrowed
 * @report_fd: of background_fork(); the standby uses it; -1: none
 * Before any other thread starts and before devices are open. Returns in the daemon; the standby
 * exits when the daemon has ended, with its status. Return: 0; -errno.
 */
int standby_fork(const struct options *options, const struct program *program, int report_fd,
		 struct standby **ret_standby);

/**
 * standby_adopt() - the standby of a daemon that has died is now that of this process
 * @socket, @journal: came from it; taken also after a failure
 * @pid: of the standby
 * Return: 0; -errno.
 */
int standby_adopt(int socket, const struct journal_fds *journal, pid_t pid,
		  struct standby **ret_standby);

/**
 * standby_offer() - the descriptors and the number with which a successor adopts the standby
 * The successor of a living daemon; accepts NULL. @fds: those of the journal remain the standby's;
 * HANDOVER_FD_STANDBY is the caller's. If the standby has ended, there are none, and the successor
 * goes on without it. Return: 0; -errno.
 */
int standby_offer(struct standby *standby, int *fds, int32_t *ret_pid);

/** standby_follow() - the standby shall follow the successor @pid to which standby_offer() was
 * made, once this process has ended. Accepts NULL. Return: as standby_hold(). */
int standby_follow(struct standby *standby, pid_t pid);

/**
 * standby_await_go() - the process that this one takes over from has died: shall this one go on?
 * Waits for the standby. Before standby_listen(). Return: 0, also if the standby has ended; -EPIPE
 * another process goes on.
 */
int standby_await_go(struct standby *standby);

struct standby_calls {
	/** Waits for all locks that requests need: the daemon does not hang. */
	void (*touch)(void *arg);
	void *arg;
};

/**
 * standby_listen() - start a thread that answers the standby
 * @calls: copied; called on that thread until standby_leave()
 * Return: 0; -errno.
 */
int standby_listen(struct standby *standby, const struct standby_calls *calls);

/**
 * standby_hold() - give the standby what a successor needs
 * @fds: HANDOVER_NR_FDS descriptors, which remain the caller's
 * Return: 0; -EPIPE it has ended; -errno.
 */
int standby_hold(struct standby *standby, struct handover_message *message, const int *fds);

/** standby_lend() - give it a context; see superpipe_options.lend. Any thread. Return: as
 *  standby_hold(). */
int standby_lend(struct standby *standby, unsigned lun, const struct superpipe_context *context);

/** standby_journal() - the journal that it reads; NULL: @standby is NULL */
struct journal *standby_journal(struct standby *standby);

/** standby_is_there() - does it still follow? Any thread; accepts NULL. */
bool standby_is_there(const struct standby *standby);

/** standby_leave() - the volume ends, and needs no successor; stops the thread. Accepts NULL. */
void standby_leave(struct standby *standby);

/** standby_free() - after standby_leave(). Accepts NULL. */
void standby_free(struct standby *standby);

#endif
