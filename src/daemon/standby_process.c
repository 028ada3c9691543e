/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/standby_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/oom_score.h"
#include "daemon/signals.h"
#include "daemon/standby_internal.h"
#include "replica/replica.h"

#define NAME "cxlfs-standby"

/* Signals, messages and the end of the daemon wait no longer than this many records take. */
#define RECORDS_AT_A_TIME 4096u
#define FIRST_PING_NS     100000000ull
#define PINGS_BEFORE_KILL 4u

/* ---- the heartbeat ---- */

/* 0: it is off. */
static uint64_t ping_interval_ns(const struct standby_process *process)
{
	return process->config->options->watchdog_s * 1000000000ull / PINGS_BEFORE_KILL;
}

static void kill_daemon(struct standby_process *process)
{
	log_err("%s: process %ld has not answered for %u s: killing it",
		standby_mountpoint(process), (long)process->daemon,
		process->config->options->watchdog_s);
	(void)kill(process->daemon, SIGKILL);
	process->is_killed = true;
	process->nr_unanswered = 0;
}

static void ping(struct standby_process *process)
{
	uint64_t interval = ping_interval_ns(process), now = clock_now_ns();

	if (!process->can_fail_over || process->unmounting || now < process->next_ping_ns)
		return;
	/* This process did not run either: the machine was suspended. */
	if (now - process->next_ping_ns > interval)
		process->nr_unanswered = 0;
	process->next_ping_ns = interval ? now + interval : UINT64_MAX;
	if (process->nr_unanswered++ < PINGS_BEFORE_KILL)
		(void)handover_send_kind(process->socket, HANDOVER_PING);
	else
		kill_daemon(process);
}

static int ping_timeout_ms(const struct standby_process *process)
{
	uint64_t now = clock_now_ns();

	if (!process->can_fail_over || process->unmounting || process->next_ping_ns == UINT64_MAX)
		return -1;
	return now < process->next_ping_ns ? (int)((process->next_ping_ns - now) / 1000000 + 1) : 0;
}

/* ---- signals ---- */

/* Reaps orphaned children of daemons, but not the daemon itself. */
static void reap_others(const struct standby_process *process)
{
	siginfo_t info = { .si_pid = 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid &&
	       info.si_pid != process->daemon) {
		(void)waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

void standby_forward_signal(struct standby_process *process, int signal)
{
	process->forwarded_signal = signal;
	(void)kill(process->daemon, signal);
}

static void read_signal(struct standby_process *process)
{
	struct signalfd_siginfo info;

	if (read(process->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		reap_others(process);
		return;
	}
	standby_forward_signal(process, (int)info.ssi_signo);
}

static int watch_signals(void)
{
	sigset_t set = signals_obeyed();

	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the process ---- */

void standby_set_daemon(struct standby_process *process, pid_t daemon, int socket)
{
	process->daemon = daemon;
	process->socket = socket;
	process->pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);
	process->exe_fd = program_open_exe(daemon);
	process->nr_unanswered = 0;
	process->is_killed = false;
	process->has_answered = false;
	process->next_ping_ns = clock_now_ns() + FIRST_PING_NS;
	/* Its predecessor may have died before it handled the signal. */
	if (process->forwarded_signal)
		(void)kill(daemon, process->forwarded_signal);
}

static int shorter(int ms, int other_ms)
{
	return ms < 0 || (other_ms >= 0 && other_ms < ms) ? other_ms : ms;
}

static void run_once(struct standby_process *process)
{
	struct journal *journal = process->config->journal;
	struct pollfd fds[] = { { .fd = process->signal_fd, .events = POLLIN },
				{ .fd = process->pidfd, .events = POLLIN },
				{ .fd = process->socket, .events = POLLIN },
				{ .fd = journal_fds(journal).wake, .events = POLLIN } };
	int ms = journal_prepare_wait(journal);

	ms = shorter(shorter(ms, ping_timeout_ms(process)),
		     watchdog_timeout_ms(&process->watchdog));
	(void)poll(fds, sizeof(fds) / sizeof(fds[0]), ms);
	journal_end_wait(journal);
	if (fds[0].revents)
		read_signal(process);
	if (fds[2].revents & POLLIN)
		(void)standby_receive(process);
	standby_follow_journal(process, RECORDS_AT_A_TIME, false);
	ping(process);
	if (watchdog_is_due(&process->watchdog))
		watchdog_tell(&process->watchdog);
	if (fds[1].revents)
		standby_replace_daemon(process);
}

static int prepare(struct standby_process *process)
{
	(void)prctl(PR_SET_NAME, NAME);
	oom_score_get(process->oom_score);
	oom_score_set(OOM_SCORE_NEVER);
	handover_init_fds(process->fds);
	for (unsigned i = 0; i < SUPERPIPE_MAX_LUNS; i++)
		process->contexts[i].fd = -1;
	process->message = calloc(1, sizeof(*process->message));
	process->signal_fd = watch_signals();
	watchdog_init(&process->watchdog);
	if (!process->message || process->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -ENOMEM;
	return replica_new(&process->replica);
}

void standby_process_run(const struct standby_process_config *config, pid_t daemon, int socket)
{
	struct standby_process process = { .config = config };

	if (prepare(&process)) {
		(void)kill(daemon, SIGKILL);
		_exit(EXIT_FAILURE);
	}
	standby_set_daemon(&process, daemon, socket);
	for (;;)
		run_once(&process);
}
