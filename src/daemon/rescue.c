/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rescue.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ghost.h"
#include "base/log.h"
#include "daemon/oom_score.h"
#include "daemon/successor.h"
#include "superpipe/outlive.h"

#define START_MS     30000u  /* until the new daemon has started */
#define LOAD_MS      600000u /* until it has read the snapshot */
#define END_MS       2000    /* until a process that was killed has ended */
#define DETACH_TRIES 3
#define NUMBER_TRIES 2000 /* at 1 ms: another process may still have it as its group */

static void log_why(void *arg, const char *why)
{
	(void)arg;
	log_err("no other process can go on: %s", why);
}

static const struct explainer to_log = { log_why, NULL };

struct ghost {
	const struct rescue *rescue;
	int socket; /* to the standby */
};

/* ---- in the ghost ---- */

static int start(void *arg, int socket, pid_t *ret_pid)
{
	const struct ghost *ghost = arg;
	const struct rescue *rescue = ghost->rescue;

	/* The ghost has inherited that of the standby, and the new daemon inherits the ghost's. */
	oom_score_set(rescue->oom_score);
	return program_start_same(rescue->program, rescue->exe_fd, socket, ret_pid);
}

static int lend(void *arg, unsigned lun, const struct superpipe_context *context)
{
	const struct ghost *ghost = arg;

	return handover_lend(ghost->socket, lun, context);
}

static int hand_over(const struct ghost *ghost, const struct superpipe_dead *dead,
		     const struct successor *next)
{
	struct handover_message *answer = malloc(sizeof(*answer));
	int err;

	if (!answer)
		return explain_error(&to_log, -ENOMEM, "out of memory");
	err = successor_await(next, HANDOVER_HELLO, clock_after_ms_ns(START_MS), answer);
	if (!err) {
		*answer = *ghost->rescue->message;
		for (unsigned i = 0; i < dead->nr_luns; i++)
			answer->state.sources[i] = dead->contexts[i].source;
		err = successor_pass_on(next, answer, ghost->rescue->fds,
					clock_after_ms_ns(LOAD_MS));
	}
	if (!err)
		err = handover_send_kind(ghost->socket, HANDOVER_READY);
	if (!err)
		err = superpipe_dead_detach(dead);
	if (!err)
		successor_go(next, answer);
	free(answer);
	return err;
}

static int be_ghost(struct ghost *ghost, const struct superpipe_dead *dead)
{
	struct successor next = { .explainer = &to_log, .name = "the new daemon" };
	int err = superpipe_dead_recover(dead);

	if (!err)
		err = successor_start(&next, start, ghost);
	if (!err)
		err = handover_send_started(ghost->socket, next.pid, -1);
	return err ? err : hand_over(ghost, dead, &next);
}

static int only_detach(struct ghost *ghost, const struct superpipe_dead *dead)
{
	(void)ghost;
	return superpipe_dead_detach(dead);
}

/* ---- in the standby ---- */

static int fork_ghost(pid_t number, pid_t *ret_ghost)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	pid_t ghost = -EEXIST;

	for (unsigned i = 0; ghost == -EEXIST && i < NUMBER_TRIES; i++) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		ghost = ghost_fork(number);
	}
	if (ghost < 0)
		return explain_error(&to_log, ghost, "cannot start a process with number %ld: %s",
				     (long)number, strerror(-ghost));
	*ret_ghost = ghost;
	return 0;
}

/* If there is no descriptor, waitpid() waits. */
static bool ends_within(pid_t child, int ms)
{
	struct pollfd pollfd = { .fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN };
	bool ends;

	if (pollfd.fd < 0)
		return true;
	ends = poll(&pollfd, 1, ms) != 0;
	close(pollfd.fd);
	return ends;
}

/* Return: 0: the child has ended; -ETIMEDOUT. @ms: -1: no bound */
static int await_end(pid_t child, int ms, int *ret_status)
{
	if (!ends_within(child, ms))
		return -ETIMEDOUT;
	while (waitpid(child, ret_status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* Return: 0: it has ended; -ETIMEDOUT the kernel cannot end it. */
static int end(pid_t child)
{
	int status, err;

	(void)kill(child, SIGKILL);
	err = await_end(child, END_MS, &status);
	return err ? explain_error(&to_log, err, "process %ld hangs in the driver", (long)child)
		   : 0;
}

/* How long the ghost may say nothing; -1: for ever. It waits for the new daemon, too. */
static int patience_ms(const struct rescue *rescue, bool is_loading)
{
	unsigned watchdog_s = rescue->options->watchdog_s;

	if (!watchdog_s)
		return -1;
	return (int)(watchdog_s * 1000 + SUCCESSOR_SERVING_MS +
		     (is_loading ? START_MS + LOAD_MS : 0));
}

/* Return: false: it hangs. */
static bool says_anything(const struct rescue *rescue, int socket, bool is_loading)
{
	struct pollfd pollfd = { .fd = socket, .events = POLLIN };

	return poll(&pollfd, 1, patience_ms(rescue, is_loading)) != 0;
}

/* Until the ghost ends or hangs. @ret_pid: of the new daemon; 0: it was not started. @ret_ready:
 * the new daemon has what the dead one had. Return: false: it hangs. */
static bool listen_to(const struct rescue *rescue, int socket, pid_t *ret_pid, bool *ret_ready)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	bool lives = true;

	while (message && (lives = says_anything(rescue, socket, *ret_pid && !*ret_ready)) &&
	       !handover_receive_next(socket, message, fds)) {
		if (message->kind == HANDOVER_STARTED)
			*ret_pid = message->pid;
		else if (message->kind == HANDOVER_READY)
			*ret_ready = true;
		else
			(void)handover_take_context(message, fds, rescue->contexts);
		handover_close_fds(fds);
	}
	free(message);
	return lives;
}

/* Return: 0; -EIO the ghost has failed; -ETIMEDOUT it cannot be ended. */
static int reap(const struct rescue *rescue, pid_t ghost, bool lives)
{
	int status = 0;

	if (await_end(ghost, lives ? patience_ms(rescue, false) : 0, &status)) {
		log_err("%s: the process that is to release the contexts of process %ld has not "
			"answered for %u s: killing it",
			rescue->message->state.mountpoint, (long)rescue->dead,
			rescue->options->watchdog_s);
		return end(ghost) ? -ETIMEDOUT : -EIO;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EIO;
}

/* Return: 0; -EINPROGRESS the ghost has not detached all contexts, but the new daemon goes on;
 * -EIO; -ETIMEDOUT a process cannot be ended.
 */
static int await_ghost(const struct rescue *rescue, pid_t ghost, int socket, pid_t *ret_pid)
{
	bool ready = false;
	bool lives = listen_to(rescue, socket, ret_pid, &ready);
	int err = reap(rescue, ghost, lives);

	if (!err)
		return 0;
	if (ready)
		return -EINPROGRESS;
	return *ret_pid && end(*ret_pid) ? -ETIMEDOUT : err;
}

static void __attribute__((noreturn))
run_ghost(struct ghost *ghost, int (*run)(struct ghost *ghost, const struct superpipe_dead *dead))
{
	const struct rescue *rescue = ghost->rescue;
	const struct superpipe_dead dead = {
		.devices = (const char *const *)rescue->options->devices,
		.nr_luns = rescue->options->nr_devices,
		.contexts = rescue->contexts,
		.explain = log_why,
		.lend = lend,
		.lend_arg = ghost,
	};

	_exit(run(ghost, &dead) ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Return: 0: the ghost has succeeded. @ret_pid: as from await_ghost() */
static int with_ghost(const struct rescue *rescue,
		      int (*run)(struct ghost *ghost, const struct superpipe_dead *dead),
		      pid_t *ret_pid)
{
	struct ghost own = { .rescue = rescue };
	int sockets[2], err;
	pid_t ghost = 0;

	*ret_pid = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return explain_error(&to_log, -errno, "cannot make a socket: %s", strerror(errno));
	own.socket = sockets[1];
	err = fork_ghost(rescue->dead, &ghost);
	if (!err && ghost == 0) {
		close(sockets[0]);
		run_ghost(&own, run);
	}
	close(sockets[1]);
	if (!err)
		err = await_ghost(rescue, ghost, sockets[0], ret_pid);
	close(sockets[0]);
	return err;
}

static int detach(const struct rescue *rescue)
{
	pid_t none;
	int err = -EIO;

	for (unsigned i = 0; err && err != -ETIMEDOUT && i < DETACH_TRIES; i++)
		err = with_ghost(rescue, only_detach, &none);
	if (err)
		log_err("%s: the contexts of process %ld are not released: commands that it gave "
			"may "
			"still be executed",
			rescue->message->state.mountpoint, (long)rescue->dead);
	return err;
}

int rescue_run(const struct rescue *rescue, pid_t *ret_pid)
{
	int err = with_ghost(rescue, be_ghost, ret_pid);

	/* The contexts of the dead one are not whole any more, so there is no other way than on. */
	if (err == -EINPROGRESS)
		(void)detach(rescue);
	return !err && *ret_pid == 0 ? -EIO : err;
}

void rescue_give_up(const struct rescue *rescue)
{
	(void)detach(rescue);
}

/* Return: true if it has lent any. */
static bool take_lent(const struct rescue *rescue, int socket)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	bool any = false;

	while (message && !handover_receive_any(socket, message, fds)) {
		any |= handover_take_context(message, fds, rescue->contexts);
		handover_close_fds(fds);
	}
	free(message);
	return any;
}

void rescue_bury(const struct rescue *rescue, pid_t failed, int socket)
{
	struct superpipe_context contexts[SUPERPIPE_MAX_LUNS];
	struct rescue own = *rescue;

	for (unsigned i = 0; i < SUPERPIPE_MAX_LUNS; i++)
		contexts[i] = (struct superpipe_context){ .fd = -1 };
	own.dead = failed;
	own.contexts = contexts;
	if (!take_lent(&own, socket))
		return;
	(void)detach(&own);
	for (unsigned i = 0; i < SUPERPIPE_MAX_LUNS; i++)
		if (contexts[i].fd >= 0)
			close(contexts[i].fd);
}
