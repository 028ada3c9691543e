/* SPDX-License-Identifier: Apache-2.0 */
/* standby_internal - the standby's own process, for the files that implement standby_process.h. */
#ifndef CXLFS_DAEMON_STANDBY_INTERNAL_H
#define CXLFS_DAEMON_STANDBY_INTERNAL_H

#include <stdbool.h>

#include "daemon/handover.h"
#include "daemon/oom_score.h"
#include "daemon/standby_process.h"
#include "daemon/watchdog.h"

struct replica;

struct standby_process {
	const struct standby_process_config *config;
	struct replica *replica;
	int signal_fd;
	struct watchdog watchdog;
	char oom_score[OOM_SCORE_BYTES];  /* of daemons; this process has a lower one */
	int forwarded_signal;             /* the last signal that was sent to the daemon; 0: none */
	struct handover_message *message; /* the last STATE message, with these descriptors */
	int fds[HANDOVER_NR_FDS];
	struct superpipe_context contexts[SUPERPIPE_MAX_LUNS]; /* of the daemon; fd -1: none */
	bool mounted;                                          /* a STATE message has arrived */
	bool can_fail_over; /* mounted, and the replica is up to date */
	bool unmounting;    /* the daemon has said so */

	/* The present daemon: */
	pid_t daemon;
	int pidfd, socket;
	int exe_fd; /* the program that it runs */
	uint64_t next_ping_ns;
	unsigned nr_unanswered; /* pings */
	bool is_killed;         /* by this process, because it did not answer */

	bool has_answered; /* a ping */

	/* Daemons in a row that died before they answered a ping, and those that crashed. */
	unsigned nr_early_deaths, nr_crashes;

	/* The successor during an upgrade; 0: none. */
	pid_t next_daemon;
	int next_socket;
};

static inline const char *standby_mountpoint(const struct standby_process *process)
{
	return process->mounted ? process->message->state.mountpoint
				: process->config->options->mountpoint;
}

/* ---- standby.c ---- */

/**
 * standby_link() - make the descriptors that connect a new daemon with its standby
 * @fds: receives one end of a socket, and the descriptors of @journal, which still owns them
 * @ret_other_end: the other end. Return: 0; -errno.
 */
int standby_link(const struct journal *journal, int *fds, int *ret_other_end);

/* ---- standby_process.c ---- */

/** standby_forward_signal() - send @signal to the daemon, and to each daemon that replaces it */
void standby_forward_signal(struct standby_process *process, int signal);

/** standby_set_daemon() - follow @daemon, which serves the volume from now on */
void standby_set_daemon(struct standby_process *process, pid_t daemon, int socket);

/* ---- standby_follow.c ---- */

/** standby_follow_journal() - apply up to @max_records records of the journal to the replica
 *  @is_dead: the daemon is dead, and no other process writes to the journal */
void standby_follow_journal(struct standby_process *process, unsigned max_records, bool is_dead);

/** standby_receive() - handle a message from the daemon. Return: false: there was none. */
bool standby_receive(struct standby_process *process);

/* ---- standby_replace.c ---- */

/** standby_replace_daemon() - after the daemon has ended: start another one, or exit */
void standby_replace_daemon(struct standby_process *process);

#endif
