/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces a daemon that has ended, or ends the standby too. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/failover.h"
#include "daemon/mountpoint.h"
#include "daemon/standby_internal.h"
#include "fuse/takeover/pending.h"
#include "replica/replica.h"
#include "replica/snapshot_pipe.h"

#define MAX_CRASHES    10u
#define FIRST_DELAY_MS 100u
#define MAX_DELAY_MS   400u
#define FAILOVER_TRIES 3u
#define SAVER_FD       3
#define MAX_DEATHS     2u /* per request that was the only one in progress */

/* ---- requests and replica ---- */

static void note_refused(void *arg, const struct pending_request *request)
{
	const struct standby_process *process = arg;
	unsigned long long inode = request->inode;

	if (request->is_damaged)
		log_err("%s: a request (opcode %u, inode %llu, of process %u) is damaged; its "
			"answer is an I/O error",
			standby_mountpoint(process), request->opcode, inode, request->pid);
	else
		log_err("%s: a request (opcode %u, inode %llu, of process %u) has killed two "
			"daemons; its answer is an I/O error",
			standby_mountpoint(process), request->opcode, inode, request->pid);
}

/* A SIGKILL by another process says nothing about the requests. */
static bool has_crashed(const struct standby_process *process, int status)
{
	return WTERMSIG(status) != SIGKILL || process->is_killed;
}

/* Decides which requests the next daemon answers and which it executes. */
static int settle_requests(struct standby_process *process, int status,
			   struct pending_counts *ret_counts)
{
	const struct pending_rules rules = {
		.replica = process->replica,
		.has_agreed = process->message->state.connection.init.nr_bytes,
		.max_deaths = MAX_DEATHS,
		.is_guilty = has_crashed(process, status),
		.refused = note_refused,
		.arg = process,
	};
	struct pending pending;
	int err = pending_open(&pending, fcntl(process->fds[HANDOVER_FD_SLOTS], F_DUPFD_CLOEXEC, 0),
			       process->fds[HANDOVER_FD_FUSE]);

	if (err)
		return err;
	err = pending_settle(&pending, &rules, ret_counts);
	pending_close(&pending);
	return err;
}

/* Closes all other descriptors: the last one of a context must be closed by the proxy. */
static void __attribute__((noreturn)) save(const struct standby_process *process, int fd)
{
	int err;

	closelog();
	fd = dup2(fd, SAVER_FD);
	closefrom(SAVER_FD + 1);
	err = fd < 0 ? -errno : replica_save(process->replica, fd);
	if (err && err != -EPIPE)
		log_err("%s: cannot make the snapshot: %s", standby_mountpoint(process),
			strerror(-err));
	_exit(EXIT_SUCCESS);
}

/* A copy of this process writes the snapshot while the new daemon reads it. */
static int start_saver(struct standby_process *process, pid_t *ret_saver)
{
	int fd, err = snapshot_pipe_new(&process->fds[HANDOVER_FD_SNAPSHOT], &fd);

	if (err)
		return err;
	*ret_saver = fork();
	if (*ret_saver == 0)
		save(process, fd);
	err = *ret_saver < 0 ? -errno : 0;
	close(fd);
	return err;
}

static void end_saver(struct standby_process *process, pid_t saver)
{
	close(process->fds[HANDOVER_FD_SNAPSHOT]);
	process->fds[HANDOVER_FD_SNAPSHOT] = -1;
	if (saver <= 0)
		return;
	(void)kill(saver, SIGKILL);
	while (waitpid(saver, NULL, 0) < 0 && errno == EINTR)
		;
}

static void drop_fds(struct standby_process *process)
{
	int *fds = process->fds;

	close(fds[HANDOVER_FD_STANDBY]);
	fds[HANDOVER_FD_STANDBY] = fds[HANDOVER_FD_JOURNAL] = fds[HANDOVER_FD_JOURNAL_WAKE] = -1;
}

static struct failover failover_of(struct standby_process *process, pid_t dead)
{
	return (struct failover){ .options = process->config->options,
				  .program = process->config->program,
				  .dead = dead,
				  .exe_fd = process->exe_fd,
				  .oom_score = process->oom_score,
				  .message = process->message,
				  .fds = process->fds,
				  .contexts = process->contexts };
}

static int try_failover(struct standby_process *process, pid_t dead)
{
	const struct failover failover = failover_of(process, dead);
	int socket = -1, err = standby_link(process->config->journal, process->fds, &socket);
	pid_t daemon;

	if (err)
		return err;
	err = failover_run(&failover, &daemon);
	drop_fds(process);
	if (err == -EINPROGRESS) {
		(void)handover_send_kind(socket, HANDOVER_GO);
		err = 0;
	}
	if (err) {
		failover_clean_up(&failover, daemon, socket);
		close(socket);
		return err;
	}
	close(process->exe_fd);
	standby_set_daemon(process, daemon, socket);
	return 0;
}

/* Daemons that keep dying at once must not keep the machine busy. */
static void delay(struct standby_process *process, int status)
{
	unsigned ms = FIRST_DELAY_MS;

	if (process->has_answered)
		process->nr_early_deaths = process->nr_crashes = 0;
	process->nr_crashes += has_crashed(process, status);
	for (unsigned i = 1; i < process->nr_early_deaths && ms < MAX_DELAY_MS; i++)
		ms *= 2;
	if (process->nr_early_deaths++ > 0)
		(void)poll(NULL, 0, (int)(ms < MAX_DELAY_MS ? ms : MAX_DELAY_MS));
}

/* A change most likely makes the daemons crash. Return: false: it is read-only already. */
static bool make_read_only(struct standby_process *process)
{
	struct handover_state *state = &process->message->state;

	if (state->read_only)
		return false;
	log_err("%s: %u daemons have crashed at once: the volume is read-only from now on; save "
		"it, unmount and mount it again",
		standby_mountpoint(process), process->nr_crashes);
	state->read_only = true;
	process->nr_crashes = 0;
	return true;
}

static int try_with_snapshot(struct standby_process *process, pid_t dead)
{
	pid_t saver = 0;
	int err = start_saver(process, &saver);

	if (!err) /* the proxy needs the pid of the dead daemon */
		err = saver == dead ? -EIO : try_failover(process, dead);
	end_saver(process, saver);
	return err;
}

static int start_daemon(struct standby_process *process, pid_t dead)
{
	int err = -EIO;

	for (unsigned i = 0; i < FAILOVER_TRIES && err == -EIO; i++)
		err = try_with_snapshot(process, dead);
	if (!err)
		replica_prune(process->replica);
	return err;
}

static void report(const struct standby_process *process, pid_t dead, int status,
		   const struct pending_counts *counts)
{
	uint64_t pause_ns = clock_now_ns() - process->message->state.died_ns;

	log_notice(
		"%s: process %ld has died: %s; process %ld takes over; requests waited %llu ms; %u "
		"are repeated, %u had only to be answered",
		standby_mountpoint(process), (long)dead, strsignal(WTERMSIG(status)),
		(long)process->daemon, (unsigned long long)(pause_ns / 1000000), counts->nr_left,
		counts->nr_known);
}

/* Return: 0: another daemon serves. */
static int replace(struct standby_process *process, pid_t dead, int status)
{
	struct pending_counts counts = { 0 };
	struct handover_state *state = &process->message->state;
	int err;

	state->daemon_died = true;
	state->died_ns = clock_now_ns();
	delay(process, status);
	if (process->nr_crashes > MAX_CRASHES && !make_read_only(process))
		return -ELOOP;
	err = settle_requests(process, status, &counts);
	state->failovers.nr++;
	state->failovers.nr_repeated += counts.nr_left;
	state->failovers.nr_answered += counts.nr_known;
	if (!err)
		err = start_daemon(process, dead);
	if (!err)
		report(process, dead, status, &counts);
	return err;
}

/* ---- end ---- */

static void __attribute__((noreturn)) end(struct standby_process *process, pid_t dead, int status)
{
	const struct failover failover = failover_of(process, dead);
	bool in_order = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;

	if (!in_order && process->contexts[0].fd >= 0)
		failover_abandon(&failover);
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	/* The connection ends when its last descriptor is closed, which must precede the unmount.
	 */
	for (int i = 0; i < HANDOVER_NR_FDS; i++)
		if (process->fds[i] >= 0)
			close(process->fds[i]);
	if (process->mounted)
		(void)mountpoint_detach(standby_mountpoint(process));
	_exit(EXIT_FAILURE);
}

/* The successor became a child of this process when its parent ended. A parent that was killed may
 * not have detached its contexts. */
static void switch_to_successor(struct standby_process *process, pid_t dead, int status)
{
	const struct failover failover = failover_of(process, dead);
	pid_t next = process->next_daemon;

	if (WIFSIGNALED(status))
		failover_abandon(&failover);
	close(process->exe_fd);
	process->next_daemon = 0;
	standby_set_daemon(process, next, process->next_socket);
	(void)handover_send_kind(process->socket, HANDOVER_GO);
}

static const char *why_lost(const struct standby_process *process, int err)
{
	switch (err) {
	case -ELOOP:
		return "this has happened too often";
	case -ENOLINK:
		return process->mounted ? "the standby did not follow it"
					: "it was not mounted yet";
	case -ETIMEDOUT:
		return "the driver of the adapter hangs";
	default:
		return strerror(-err);
	}
}

void standby_replace_daemon(struct standby_process *process)
{
	pid_t dead = process->daemon;
	int status = 0, err;

	while (waitpid(dead, &status, 0) < 0 && errno == EINTR)
		;
	while (standby_receive(process))
		;
	close(process->pidfd);
	close(process->socket);
	/* Its records are complete; the successor already writes to the same journal. */
	if (process->next_daemon) {
		switch_to_successor(process, dead, status);
		return;
	}
	standby_follow_journal(process, UINT_MAX, true);
	if (!WIFSIGNALED(status) || process->unmounting)
		end(process, dead, status);
	err = process->can_fail_over && !journal_is_closed(process->config->journal)
		      ? replace(process, dead, status)
		      : -ENOLINK;
	if (!err)
		return;
	log_err("%s: process %ld has died: %s; the volume is lost: %s", standby_mountpoint(process),
		(long)dead, strsignal(WTERMSIG(status)), why_lost(process, err));
	end(process, dead, status);
}
