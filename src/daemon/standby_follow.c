/* SPDX-License-Identifier: Apache-2.0 */
/* The standby receives records and messages from the daemon. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/background.h"
#include "daemon/standby_internal.h"
#include "replica/replica.h"

static void stop_following(struct standby_process *process, int err)
{
	(void)journal_close(process->config->journal);
	log_err("%s: the standby cannot follow: %s; if the daemon dies, the volume is lost",
		standby_mountpoint(process), strerror(-err));
	handover_close_fds(process->fds);
	process->can_fail_over = false;
}

void standby_follow_journal(struct standby_process *process, unsigned max_records, bool is_dead)
{
	const void *record;
	size_t bytes;
	int got = 1;

	for (unsigned i = 0; i < max_records && got > 0; i++) {
		int err;

		got = journal_read(process->config->journal, is_dead, &record, &bytes);
		err = got > 0 ? replica_apply(process->replica, record, bytes) : 0;
		got = err ? err : got;
	}
	if (got < 0 && !journal_is_closed(process->config->journal))
		stop_following(process, got);
}

/* The first state arrives when the volume is mounted. From then on the standby can replace the
 * daemon. */
static void report_start(struct standby_process *process)
{
	const struct standby_process_config *config = process->config;

	if (config->report_fd >= 0 && background_ready(config->report_fd)) {
		log_notice("startup was interrupted: unmounting %s", standby_mountpoint(process));
		standby_forward_signal(process, SIGTERM);
		return;
	}
	(void)sd_notify(0, "READY=1");
}

static void keep_state(struct standby_process *process, const struct handover_message *message,
		       const int *fds)
{
	bool first = !process->mounted;

	handover_close_fds(process->fds);
	*process->message = *message;
	process->message->state.standby = getpid();
	memcpy(process->fds, fds, sizeof(process->fds));
	process->mounted = true;
	process->can_fail_over = !journal_is_closed(process->config->journal);
	if (first)
		report_start(process);
}

static void note_successor(struct standby_process *process, const struct handover_message *message,
			   int *fds)
{
	if (process->next_daemon)
		close(process->next_socket);
	process->next_daemon = message->pid;
	process->next_socket = fds[HANDOVER_FD_STANDBY];
	fds[HANDOVER_FD_STANDBY] = -1;
}

/* The message was dropped, so the standby no longer knows the state of the daemon. */
static bool is_lost(int err)
{
	return err && err != -EAGAIN && err != -EINTR && err != -EPIPE && err != -ENOMEM;
}

bool standby_receive(struct standby_process *process)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	int err = message ? handover_receive_any(process->socket, message, fds) : -ENOMEM;

	if (!err) {
		process->nr_unanswered = 0; /* it lives */
		process->has_answered |= message->kind == HANDOVER_PONG;
		process->unmounting |= message->kind == HANDOVER_UNMOUNTING;
	}
	if (!err && message->kind == HANDOVER_STATE) {
		keep_state(process, message, fds);
	} else if (!err) {
		if (message->kind == HANDOVER_CONTEXT)
			(void)handover_take_context(message, fds, process->contexts);
		else if (message->kind == HANDOVER_STARTED)
			note_successor(process, message, fds);
		handover_close_fds(fds);
	}
	if (is_lost(err) && process->can_fail_over)
		stop_following(process, err);
	free(message);
	return !err;
}
