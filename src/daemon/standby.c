/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of the standby. */
#include "daemon/standby.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fork_with_pid.h"
#include "base/log.h"
#include "base/thread.h"
#include "daemon/standby_internal.h"
#include "devport/devport.h"

#define JOURNAL_BYTES ((size_t)4 << 20)

struct standby {
	int socket;
	int pidfd;
	pid_t pid;
	int offer; /* the standby's end of the socket that standby_offer() made; -1: none */
	struct journal *journal;
	struct standby_calls calls;
	pthread_t thread;
	bool listens;
	_Atomic bool ending;
};

/* ---- begin and end ---- */

static int standby_new(int socket, struct journal *journal, pid_t pid, struct standby **ret_standby)
{
	struct standby *standby = calloc(1, sizeof(*standby));

	if (!standby)
		return -ENOMEM;
	standby->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (standby->pidfd < 0) {
		int err = -errno;

		free(standby);
		return err;
	}
	standby->socket = socket;
	standby->offer = -1;
	standby->pid = pid;
	standby->journal = journal;
	journal_watch_reader(journal, standby->pidfd);
	*ret_standby = standby;
	return 0;
}

static int fork_both(const struct standby_process_config *config, int sockets[2])
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(sockets[0]);
		standby_process_run(config, pid, sockets[1]);
	}
	close(sockets[1]);
	return 0;
}

int standby_fork(const struct options *options, const struct program *program, int report_fd,
		 struct standby **ret_standby)
{
	struct standby_process_config config = { .options = options,
						 .program = program,
						 .report_fd = report_fd };
	int sockets[2], err = journal_new(JOURNAL_BYTES, &config.journal);

	if (err)
		return err;
	err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) ? -errno : 0;
	if (!err) {
		err = fork_both(&config, sockets);
		if (!err)
			err = standby_new(sockets[0], config.journal, getppid(), ret_standby);
	}
	if (err)
		journal_free(config.journal);
	return err;
}

int standby_adopt(int socket, const struct journal_fds *journal_fds, pid_t pid,
		  struct standby **ret_standby)
{
	struct journal *journal;
	int err = journal_open(journal_fds, &journal);

	if (!err) {
		err = standby_new(socket, journal, pid, ret_standby);
		if (err)
			journal_free(journal);
	}
	if (err)
		close(socket);
	return err;
}

void standby_end(struct standby *standby)
{
	if (!standby)
		return;
	(void)handover_send_kind(standby->socket, HANDOVER_UNMOUNTING);
	standby->ending = true;
	if (!standby->listens)
		return;
	(void)shutdown(standby->socket, SHUT_RD); /* wakes the thread */
	pthread_join(standby->thread, NULL);
	standby->listens = false;
}

static void withdraw(struct standby *standby)
{
	if (standby->offer >= 0)
		close(standby->offer);
	standby->offer = -1;
}

void standby_free(struct standby *standby)
{
	if (!standby)
		return;
	journal_free(standby->journal);
	close(standby->socket);
	close(standby->pidfd);
	withdraw(standby);
	free(standby);
}

/* ---- for a successor ---- */

static bool has_ended(const struct standby *standby)
{
	struct pollfd pollfd = { .fd = standby->pidfd, .events = POLLIN };

	return poll(&pollfd, 1, 0) > 0;
}

int standby_link(const struct journal *journal, int *fds, int *ret_other_end)
{
	const struct journal_fds of_journal = journal_fds(journal);
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	fds[HANDOVER_FD_STANDBY] = sockets[0];
	fds[HANDOVER_FD_JOURNAL] = of_journal.memory;
	fds[HANDOVER_FD_JOURNAL_WAKE] = of_journal.wake;
	*ret_other_end = sockets[1];
	return 0;
}

int standby_offer(struct standby *standby, int *fds, int32_t *ret_pid)
{
	int err;

	if (!standby)
		return 0;
	withdraw(standby);
	if (has_ended(standby))
		return 0;
	err = standby_link(standby->journal, fds, &standby->offer);
	if (!err)
		*ret_pid = standby->pid;
	return err;
}

int standby_announce_successor(struct standby *standby, pid_t pid)
{
	int err;

	if (!standby || standby->offer < 0)
		return 0;
	err = handover_send_started(standby->socket, pid, standby->offer);
	withdraw(standby);
	return err;
}

int standby_await_go(struct standby *standby)
{
	struct handover_message message;
	int err = handover_receive(standby->socket, HANDOVER_GO, UINT64_MAX, &message, NULL);

	return err == -EPIPE && has_ended(standby) ? 0 : err;
}

/* ---- while the volume is served ---- */

int standby_send_state(struct standby *standby, struct handover_message *message, const int *fds)
{
	message->kind = HANDOVER_STATE;
	return handover_send(standby->socket, message, fds);
}

int standby_send_context(struct standby *standby, unsigned lun,
			 const struct superpipe_context *context)
{
	return handover_send_context(standby->socket, lun, context);
}

struct journal *standby_journal(struct standby *standby)
{
	return standby ? standby->journal : NULL;
}

bool standby_is_following(const struct standby *standby)
{
	return standby && !journal_is_closed(standby->journal);
}

/* Return: false: the standby has ended, or need not be answered any more. */
static bool answer(struct standby *standby)
{
	struct handover_message message;
	int fds[HANDOVER_NR_FDS];
	int err = handover_receive_next(standby->socket, &message, fds);

	if (standby->ending)
		return false;
	if (!err && message.kind == HANDOVER_PING &&
	    standby->calls.makes_progress(standby->calls.arg))
		err = handover_send_kind(standby->socket, HANDOVER_PONG);
	if (err) {
		(void)journal_close(standby->journal);
		log_err("the standby has ended: if this process dies, the volume is lost");
	}
	return !err;
}

static void *listen_main(void *arg)
{
	while (answer(arg))
		;
	return NULL;
}

int standby_listen(struct standby *standby, const struct standby_calls *calls)
{
	int err;

	standby->calls = *calls;
	err = thread_start(&standby->thread, listen_main, standby, "cxlfs-standby");
	standby->listens = !err;
	return err;
}

static void name_option(void *arg, const char *why)
{
	(void)explain_error(arg, -EPERM, "option survive=crash: %s", why);
}

/* An emulated driver sees the same numbers as this process. */
static bool has_card(const struct options *options)
{
	bool has = false;

	for (unsigned i = 0; i < options->nr_devices; i++)
		has |= devport_find(options->devices[i]) == &devport_kernel_ops;
	return has;
}

int standby_is_possible(const struct options *options, const struct explainer *to)
{
	return fork_with_pid_check(has_card(options), name_option, (void *)to);
}
