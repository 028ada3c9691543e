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
	char oom_score[OOM_SCORE_BYTES]; /* of daemons; this process has a lower one */
	int passed_on;                   /* the last signal, which ends the volume; 0: none */
	struct handover_message *held;   /* the last state of the daemon, with these descriptors */
	int fds[HANDOVER_NR_FDS];
	struct superpipe_context contexts[SUPERPIPE_MAX_LUNS]; /* of the daemon; fd -1: none */
	bool mounted;                                          /* there was such a state */
	bool holds;   /* there is, and the replica follows */
	bool leaving; /* the volume is being unmounted */

	/* Of the present daemon: */
	pid_t daemon;
	int pidfd, socket;
	int exe_fd; /* the program that it runs */
	uint64_t next_ping_ns;
	unsigned nr_unanswered; /* pings */
	bool is_killed;         /* by this process, because it did not answer */

	bool has_answered; /* a ping: it did not die at once */

	/* Daemons that died at once, one after the other, and those of them that crashed. */
	unsigned nr_short_lives, nr_crashes;

	/* Of one that takes over from it; 0: there is none. */
	pid_t next_daemon;
	int next_socket;
};

static inline const char *standby_place(const struct standby_process *process)
{
	return process->mounted ? process->held->state.mountpoint
				: process->config->options->mountpoint;
}

/* ---- standby.c ---- */

/**
 * standby_link() - make what connects a new daemon with its standby
 * @fds: receives one end of a socket, and the descriptors of @journal, which remain its own
 * @ret_other_end: the other end. Return: 0; -errno.
 */
int standby_link(const struct journal *journal, int *fds, int *ret_other_end);

/* ---- standby_process.c ---- */

/** standby_pass_on() - send @signal, which ends the volume, to the daemon, or else to the next one
 */
void standby_pass_on(struct standby_process *process, int signal);

/** standby_begin_with() - @daemon serves the volume from now on */
void standby_begin_with(struct standby_process *process, pid_t daemon, int socket);

/* ---- standby_follow.c ---- */

/** standby_follow_journal() - repeat what the daemon has written, at most so many records
 *  @is_dead: the daemon is dead, and no other process writes to the journal */
void standby_follow_journal(struct standby_process *process, unsigned max_records, bool is_dead);

/** standby_receive() - take a message of the daemon. Return: false: there was none. */
bool standby_receive(struct standby_process *process);

/* ---- standby_replace.c ---- */

/** standby_replace() - the daemon has ended: have another one go on, or exit as it did */
void standby_replace(struct standby_process *process);

#endif
