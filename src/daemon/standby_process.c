/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/standby_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/mountpoint.h"
#include "daemon/rescue.h"
#include "daemon/signals.h"
#include "daemon/standby.h"
#include "fuse/transport/pending.h"
#include "replica/replica.h"

#define NAME "cxlfs-standby"

/* So that signals, messages and the end of the daemon do not wait for a full journal. */
#define RECORDS_AT_A_TIME 4096u

#define SHORT_LIFE_NS     200000000ull
#define MAX_SHORT_LIVES   10u
#define FIRST_DELAY_MS    100u
#define MAX_DELAY_MS      400u
#define RESCUE_TRIES      3u
#define MAX_DEATHS        2u /* of a request, when the daemon does nothing else */
#define PINGS_BEFORE_KILL 4u

struct standby_process {
	const struct standby_process_config *config;
	struct replica *replica;
	int signal_fd;
	struct handover_message *held; /* the last state of the daemon, with these descriptors */
	int fds[HANDOVER_NR_FDS];
	struct superpipe_context contexts[SUPERPIPE_MAX_LUNS]; /* of the daemon; fd -1: none */
	bool holds;   /* there is such a state, and the replica follows */
	bool leaving; /* the volume is being unmounted */

	/* Of the present daemon: */
	pid_t daemon;
	int pidfd, socket;
	int exe_fd; /* the program that it runs */
	uint64_t next_ping_ns;
	unsigned nr_unanswered; /* pings */
	bool is_killed;         /* by this process, because it did not answer */

	uint64_t since_ns; /* it serves */

	unsigned nr_short_lives; /* of daemons, one after the other */

	/* Of one that takes over from it; 0: there is none. */
	pid_t next_daemon;
	int next_socket;
};

static const char *place(const struct standby_process *process)
{
	return process->held->state.mountpoint;
}

/* ---- following the daemon ---- */

static void hold_no_longer(struct standby_process *process, int err)
{
	(void)journal_close(process->config->journal);
	log_err("%s: the standby cannot follow: %s; if the daemon dies, the volume is lost",
		place(process), strerror(-err));
	handover_close_fds(process->fds);
	process->holds = false;
}

static void follow(struct standby_process *process, unsigned max_records, bool is_dead)
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
		hold_no_longer(process, got);
}

static void forget_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	(void)setsid();
	(void)!chdir("/");
}

/* Once there is something to hold, the volume is mounted, and nobody waits for this process. */
static void hold(struct standby_process *process, const struct handover_message *message,
		 const int *fds)
{
	bool first = process->fds[HANDOVER_FD_FUSE] < 0;

	handover_close_fds(process->fds);
	*process->held = *message;
	process->held->state.standby = getpid();
	memcpy(process->fds, fds, sizeof(process->fds));
	process->holds = !journal_is_closed(process->config->journal);
	if (first && !process->config->options->foreground)
		forget_terminal();
}

static void hold_context(struct standby_process *process, const struct handover_message *message,
			 int *fds)
{
	struct superpipe_context *context;

	if (message->lun >= SUPERPIPE_MAX_LUNS || fds[HANDOVER_FD_ADAPTER] < 0)
		return;
	context = &process->contexts[message->lun];
	if (context->fd >= 0)
		close(context->fd);
	*context = (struct superpipe_context){ .source = message->context,
					       .fd = fds[HANDOVER_FD_ADAPTER] };
	fds[HANDOVER_FD_ADAPTER] = -1;
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

/* Return: false: no message was there. */
static bool receive(struct standby_process *process)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	int err = message ? handover_receive_any(process->socket, message, fds) : -ENOMEM;

	if (!err) {
		process->nr_unanswered = 0; /* it lives */
		process->leaving |= message->kind == HANDOVER_LEAVING;
	}
	if (!err && message->kind == HANDOVER_STATE) {
		hold(process, message, fds);
	} else if (!err) {
		if (message->kind == HANDOVER_LEND)
			hold_context(process, message, fds);
		else if (message->kind == HANDOVER_STARTED)
			note_successor(process, message, fds);
		handover_close_fds(fds);
	}
	free(message);
	return !err;
}

/* ---- the heartbeat ---- */

static uint64_t ping_interval_ns(const struct standby_process *process)
{
	return process->config->options->watchdog_s * 1000000000ull / PINGS_BEFORE_KILL;
}

static void ping(struct standby_process *process)
{
	uint64_t interval = ping_interval_ns(process), now = clock_now_ns();

	if (!interval || !process->holds || process->leaving || now < process->next_ping_ns)
		return;
	/* If this process did not run either, the machine was stopped. */
	if (now > process->next_ping_ns + interval)
		process->nr_unanswered = 0;
	process->next_ping_ns = now + interval;
	if (process->nr_unanswered++ < PINGS_BEFORE_KILL) {
		(void)handover_send_kind(process->socket, HANDOVER_PING);
		return;
	}
	log_err("%s: process %ld has not answered for %u s: killing it", place(process),
		(long)process->daemon, process->config->options->watchdog_s);
	(void)kill(process->daemon, SIGKILL);
	process->is_killed = true;
	process->nr_unanswered = 0;
}

static int ping_timeout_ms(const struct standby_process *process)
{
	uint64_t now = clock_now_ns();

	if (!ping_interval_ns(process) || !process->holds || process->leaving)
		return -1;
	return now < process->next_ping_ns ? (int)((process->next_ping_ns - now) / 1000000 + 1) : 0;
}

/* ---- the daemon has died ---- */

static void note_refused(void *arg, const struct pending_request *request)
{
	const struct standby_process *process = arg;
	unsigned long long inode = request->inode;

	if (request->is_damaged)
		log_err("%s: a request (opcode %u, inode %llu, of process %u) is damaged; its "
			"answer is an I/O error",
			place(process), request->opcode, inode, request->pid);
	else
		log_err("%s: a request (opcode %u, inode %llu, of process %u) has killed two "
			"daemons; its answer is an I/O error",
			place(process), request->opcode, inode, request->pid);
}

/* Decides about the requests that the daemon has left. A SIGKILL from elsewhere is not the fault of
 * the request that it was just serving. */
static int settle(struct standby_process *process, int status, struct pending_counts *ret_counts)
{
	const struct pending_rules rules = {
		.replica = process->replica,
		.max_deaths = MAX_DEATHS,
		.is_guilty = WTERMSIG(status) != SIGKILL || process->is_killed,
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

static int save(struct standby_process *process)
{
	int fd = memfd_create("cxlfs-snapshot", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = replica_save(process->replica, fd);
	if (err) {
		close(fd);
		return err;
	}
	process->fds[HANDOVER_FD_SNAPSHOT] = fd;
	return 0;
}

/* Those that only a successor needs. Return: 0; -errno. */
static int add_fds(struct standby_process *process, int *ret_socket)
{
	struct journal_fds journal = journal_fds(process->config->journal);
	int *fds = process->fds, sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	fds[HANDOVER_FD_JOURNAL] = journal.memory;
	fds[HANDOVER_FD_JOURNAL_WAKE] = journal.wake;
	fds[HANDOVER_FD_STANDBY] = sockets[1];
	*ret_socket = sockets[0];
	return 0;
}

static void drop_fds(struct standby_process *process)
{
	int *fds = process->fds;

	close(fds[HANDOVER_FD_STANDBY]);
	fds[HANDOVER_FD_STANDBY] = fds[HANDOVER_FD_JOURNAL] = fds[HANDOVER_FD_JOURNAL_WAKE] = -1;
}

static void begin_with(struct standby_process *process, pid_t daemon, int socket)
{
	process->daemon = daemon;
	process->socket = socket;
	process->pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);
	process->exe_fd = program_open_exe(daemon);
	process->nr_unanswered = 0;
	process->is_killed = false;
	process->since_ns = clock_now_ns();
	process->next_ping_ns = process->since_ns + ping_interval_ns(process);
}

static struct rescue rescue_of(struct standby_process *process, pid_t dead)
{
	return (struct rescue){ .options = process->config->options,
				.program = process->config->program,
				.dead = dead,
				.exe_fd = process->exe_fd,
				.message = process->held,
				.fds = process->fds,
				.contexts = process->contexts };
}

/* If it has ended, that is seen as for any other. */
static int let_go_on(int socket)
{
	(void)handover_send_kind(socket, HANDOVER_GO);
	return 0;
}

static int try_rescue(struct standby_process *process, pid_t dead)
{
	const struct rescue rescue = rescue_of(process, dead);
	int socket = -1, err = add_fds(process, &socket);
	pid_t daemon;

	if (err)
		return err;
	(void)lseek(process->fds[HANDOVER_FD_SNAPSHOT], 0, SEEK_SET); /* one has read it */
	err = rescue_run(&rescue, &daemon);
	drop_fds(process);
	if (err == -EINPROGRESS)
		err = let_go_on(socket);
	if (err) {
		rescue_bury(&rescue, daemon, socket);
		close(socket);
		return err;
	}
	close(process->exe_fd);
	begin_with(process, daemon, socket);
	return 0;
}

/* A daemon that dies at once again and again must not keep the machine busy. */
static void delay(struct standby_process *process)
{
	unsigned ms = FIRST_DELAY_MS;

	if (clock_now_ns() - process->since_ns > SHORT_LIFE_NS)
		process->nr_short_lives = 0;
	for (unsigned i = 1; i < process->nr_short_lives && ms < MAX_DELAY_MS; i++)
		ms *= 2;
	if (process->nr_short_lives++ > 0)
		(void)poll(NULL, 0, (int)(ms < MAX_DELAY_MS ? ms : MAX_DELAY_MS));
}

/* Whatever makes daemons die is most likely a change. Return: false: that did not help. */
static bool restrict_to_reading(struct standby_process *process)
{
	struct handover_state *state = &process->held->state;

	if (state->read_only)
		return false;
	log_err("%s: %u daemons have died at once: the volume is read-only from now on; save it, "
		"unmount and mount it again",
		place(process), process->nr_short_lives);
	state->read_only = true;
	process->nr_short_lives = 0;
	return true;
}

static int start_another(struct standby_process *process, pid_t dead)
{
	int err = save(process);

	if (err)
		return err;
	err = -EIO;
	for (unsigned i = 0; i < RESCUE_TRIES && err == -EIO; i++)
		err = try_rescue(process, dead);
	close(process->fds[HANDOVER_FD_SNAPSHOT]);
	process->fds[HANDOVER_FD_SNAPSHOT] = -1;
	return err;
}

/* The new daemon says the same in its status. */
static void report(const struct standby_process *process, pid_t dead, int status,
		   const struct pending_counts *counts)
{
	uint64_t pause_ns = clock_now_ns() - process->held->state.died_ns;

	log_notice("%s: process %ld has died: %s; process %ld goes on; requests waited %llu ms; %u "
		   "are repeated, %u had only to be answered",
		   place(process), (long)dead, strsignal(WTERMSIG(status)), (long)process->daemon,
		   (unsigned long long)(pause_ns / 1000000), counts->nr_left, counts->nr_known);
}

/* Return: 0: another daemon serves. */
static int replace(struct standby_process *process, pid_t dead, int status)
{
	struct pending_counts counts = { 0 };
	struct handover_state *state = &process->held->state;
	int err;

	state->is_dead = true;
	state->died_ns = clock_now_ns();
	delay(process);
	if (process->nr_short_lives > MAX_SHORT_LIVES && !restrict_to_reading(process))
		return -ELOOP;
	err = settle(process, status, &counts);
	state->rescues.nr++;
	state->rescues.nr_repeated += counts.nr_left;
	state->rescues.nr_answered += counts.nr_known;
	if (!err)
		err = start_another(process, dead);
	if (!err)
		report(process, dead, status, &counts);
	return err;
}

/* ---- the end ---- */

static void __attribute__((noreturn)) end(struct standby_process *process, pid_t dead, int status)
{
	const struct rescue rescue = rescue_of(process, dead);
	bool was_mounted = process->fds[HANDOVER_FD_FUSE] >= 0;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	if (process->contexts[0].fd >= 0)
		rescue_give_up(&rescue);
	/* The end of the last descriptor ends the connection: so close them before the unmount. */
	for (int i = 0; i < HANDOVER_NR_FDS; i++)
		if (process->fds[i] >= 0)
			close(process->fds[i]);
	if (was_mounted)
		(void)mountpoint_detach(place(process));
	_exit(EXIT_FAILURE);
}

/* It became a child of this process when its parent ended. If that was killed it may not have
 * detached all. */
static void go_over_to_next(struct standby_process *process, pid_t dead, int status)
{
	const struct rescue rescue = rescue_of(process, dead);
	pid_t next = process->next_daemon;

	if (WIFSIGNALED(status))
		rescue_give_up(&rescue);
	close(process->exe_fd);
	process->next_daemon = 0;
	begin_with(process, next, process->next_socket);
	(void)let_go_on(process->socket);
}

static void daemon_has_ended(struct standby_process *process)
{
	pid_t dead = process->daemon;
	int status = 0, err;

	while (waitpid(dead, &status, 0) < 0 && errno == EINTR)
		;
	while (receive(process))
		;
	close(process->pidfd);
	close(process->socket);
	/* What it has written is complete, and another one is writing to the same journal. */
	if (process->next_daemon) {
		go_over_to_next(process, dead, status);
		return;
	}
	follow(process, UINT_MAX, true);
	if (!WIFSIGNALED(status) || process->leaving || !process->holds ||
	    journal_is_closed(process->config->journal)) /* the daemon has stopped writing to it */
		end(process, dead, status);
	err = replace(process, dead, status);
	if (!err)
		return;
	log_err("%s: process %ld has died: %s; the volume is lost: %s", place(process), (long)dead,
		strsignal(WTERMSIG(status)),
		err == -ELOOP ? "this has happened too often" : strerror(-err));
	end(process, dead, status);
}

/* ---- signals ---- */

/* Orphans of daemons become children of this process. The daemon itself is reaped with its pidfd.
 */
static void reap_others(const struct standby_process *process)
{
	siginfo_t info = { .si_pid = 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid &&
	       info.si_pid != process->daemon) {
		(void)waitpid(info.si_pid, NULL, WNOHANG);
		info.si_pid = 0;
	}
}

static void pass_signal_on(struct standby_process *process)
{
	struct signalfd_siginfo info;

	if (read(process->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap_others(process);
	else
		(void)kill(process->daemon, (int)info.ssi_signo);
}

static int watch_signals(void)
{
	sigset_t set = signals_obeyed();

	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the process ---- */

static int shorter(int ms, int other_ms)
{
	return ms < 0 || (other_ms >= 0 && other_ms < ms) ? other_ms : ms;
}

static void turn(struct standby_process *process)
{
	struct journal *journal = process->config->journal;
	struct pollfd fds[] = { { .fd = process->signal_fd, .events = POLLIN },
				{ .fd = process->pidfd, .events = POLLIN },
				{ .fd = process->socket, .events = POLLIN },
				{ .fd = journal_fds(journal).wake, .events = POLLIN } };
	int ms = journal_prepare_wait(journal);

	(void)poll(fds, sizeof(fds) / sizeof(fds[0]), shorter(ms, ping_timeout_ms(process)));
	journal_end_wait(journal);
	if (fds[0].revents)
		pass_signal_on(process);
	if (fds[2].revents & POLLIN)
		(void)receive(process);
	follow(process, RECORDS_AT_A_TIME, false);
	ping(process);
	if (fds[1].revents)
		daemon_has_ended(process);
}

static void prefer_to_live(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "-1000", 5);
	close(fd);
}

static int prepare(struct standby_process *process)
{
	(void)prctl(PR_SET_NAME, NAME);
	prefer_to_live();
	if (process->config->report_fd >= 0)
		close(process->config->report_fd);
	handover_no_fds(process->fds);
	for (unsigned i = 0; i < SUPERPIPE_MAX_LUNS; i++)
		process->contexts[i].fd = -1;
	process->held = calloc(1, sizeof(*process->held));
	process->signal_fd = watch_signals();
	if (!process->held || process->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1))
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
	begin_with(&process, daemon, socket);
	for (;;)
		turn(&process);
}
