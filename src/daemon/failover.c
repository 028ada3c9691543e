/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/failover.h"

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
#include "base/fork_with_pid.h"
#include "base/log.h"
#include "daemon/oom_score.h"
#include "daemon/successor.h"
#include "superpipe/dead_owner.h"

#define START_MS     30000u  /* until the new daemon has started */
#define LOAD_MS      600000u /* until it has read the snapshot */
#define END_MS       2000    /* until a process that was killed has ended */
#define DETACH_TRIES 3
#define PID_TRIES    2000 /* at 1 ms: the pid may still be the id of a process group */

static void log_why(void *arg, const char *why)
{
	(void)arg;
	log_err("cannot start another daemon: %s", why);
}

static const struct explainer to_log = { log_why, NULL };

struct proxy {
	const struct failover *failover;
	int socket; /* to the standby */
};

/* ---- in the proxy ---- */

static int start(void *arg, int socket, pid_t *ret_pid)
{
	const struct proxy *proxy = arg;
	const struct failover *failover = proxy->failover;

	/* The proxy has inherited that of the standby, and the new daemon inherits the proxy's. */
	oom_score_set(failover->oom_score);
	return program_start_same(failover->program, failover->exe_fd, socket, ret_pid);
}

static int send_context(void *arg, unsigned lun, const struct superpipe_context *context)
{
	const struct proxy *proxy = arg;

	return handover_send_context(proxy->socket, lun, context);
}

static int hand_over(const struct proxy *proxy, const struct superpipe_dead_owner *dead,
		     const struct successor *next)
{
	struct handover_message *answer = malloc(sizeof(*answer));
	int err;

	if (!answer)
		return explain_error(&to_log, -ENOMEM, "out of memory");
	err = successor_await(next, HANDOVER_HELLO, clock_after_ms_ns(START_MS), answer);
	if (!err) {
		*answer = *proxy->failover->message;
		for (unsigned i = 0; i < dead->nr_luns; i++)
			answer->state.sources[i] = dead->contexts[i].source;
		err = successor_send_state(next, answer, proxy->failover->fds);
	}
	if (!err)
		err = successor_await(next, HANDOVER_READY, clock_after_ms_ns(LOAD_MS), answer);
	if (!err)
		err = handover_send_kind(proxy->socket, HANDOVER_READY);
	if (!err)
		err = superpipe_dead_owner_detach(dead);
	if (!err)
		successor_go(next, answer);
	free(answer);
	return err;
}

static int fail_over(struct proxy *proxy, const struct superpipe_dead_owner *dead)
{
	struct successor next = { .explainer = &to_log, .name = "the new daemon" };
	int err = superpipe_dead_owner_recover(dead);

	if (!err)
		err = successor_start(&next, start, proxy);
	if (!err)
		err = handover_send_started(proxy->socket, next.pid, -1);
	return err ? err : hand_over(proxy, dead, &next);
}

static int detach_contexts(struct proxy *proxy, const struct superpipe_dead_owner *dead)
{
	(void)proxy;
	return superpipe_dead_owner_detach(dead);
}

/* ---- in the standby ---- */

static int fork_proxy(pid_t pid, pid_t *ret_proxy)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	pid_t proxy = -EEXIST;

	for (unsigned i = 0; proxy == -EEXIST && i < PID_TRIES; i++) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		proxy = fork_with_pid(pid);
	}
	if (proxy < 0)
		return explain_error(&to_log, proxy, "cannot fork a process with pid %ld: %s",
				     (long)pid, strerror(-proxy));
	*ret_proxy = proxy;
	return 0;
}

/* Without a pidfd, waitpid() waits without a limit. */
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

/* Return: 0; -ETIMEDOUT the kernel cannot kill it. */
static int kill_child(pid_t child)
{
	int status, err;

	(void)kill(child, SIGKILL);
	err = await_end(child, END_MS, &status);
	return err ? explain_error(&to_log, err, "process %ld hangs in the driver", (long)child)
		   : 0;
}

/* How long to wait for a message of the proxy, which waits for the new daemon; -1: forever. */
static int message_timeout_ms(const struct failover *failover, bool is_loading)
{
	unsigned watchdog_s = failover->options->watchdog_s;

	if (!watchdog_s)
		return -1;
	return (int)(watchdog_s * 1000 + SUCCESSOR_SERVING_MS +
		     (is_loading ? START_MS + LOAD_MS : 0));
}

/* Return: false: the proxy hangs. */
static bool has_message(const struct failover *failover, int socket, bool is_loading)
{
	struct pollfd pollfd = { .fd = socket, .events = POLLIN };

	return poll(&pollfd, 1, message_timeout_ms(failover, is_loading)) != 0;
}

/* Returns when the proxy has ended or hangs. @ret_pid: of the new daemon; 0: it was not started.
 * @ret_ready: the new daemon has everything. Return: false: the proxy hangs. */
static bool listen_to(const struct failover *failover, int socket, pid_t *ret_pid, bool *ret_ready)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	bool is_alive = true;

	while (message && (is_alive = has_message(failover, socket, *ret_pid && !*ret_ready)) &&
	       !handover_receive_next(socket, message, fds)) {
		if (message->kind == HANDOVER_STARTED)
			*ret_pid = message->pid;
		else if (message->kind == HANDOVER_READY)
			*ret_ready = true;
		else
			(void)handover_take_context(message, fds, failover->contexts);
		handover_close_fds(fds);
	}
	free(message);
	return is_alive;
}

/* Return: 0; -EIO the proxy has failed; -ETIMEDOUT it cannot be killed. */
static int reap(const struct failover *failover, pid_t proxy, bool is_alive)
{
	int status = 0;

	if (await_end(proxy, is_alive ? message_timeout_ms(failover, false) : 0, &status)) {
		log_err("%s: the process that releases the contexts of process %ld has not "
			"answered for %u s: killing it",
			failover->message->state.mountpoint, (long)failover->dead,
			failover->options->watchdog_s);
		return kill_child(proxy) ? -ETIMEDOUT : -EIO;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EIO;
}

/* Return: 0; -EINPROGRESS the proxy has not detached all contexts, but the new daemon takes over;
 * -EIO; -ETIMEDOUT a process cannot be killed.
 */
static int await_proxy(const struct failover *failover, pid_t proxy, int socket, pid_t *ret_pid)
{
	bool ready = false;
	bool is_alive = listen_to(failover, socket, ret_pid, &ready);
	int err = reap(failover, proxy, is_alive);

	if (!err)
		return 0;
	if (ready)
		return -EINPROGRESS;
	return *ret_pid && kill_child(*ret_pid) ? -ETIMEDOUT : err;
}

static void __attribute__((noreturn))
run_proxy(struct proxy *proxy,
	  int (*run)(struct proxy *proxy, const struct superpipe_dead_owner *dead))
{
	const struct failover *failover = proxy->failover;
	const struct superpipe_dead_owner dead = {
		.devices = (const char *const *)failover->options->devices,
		.nr_luns = failover->options->nr_devices,
		.contexts = failover->contexts,
		.explain = log_why,
		.send_context = send_context,
		.send_context_arg = proxy,
	};

	_exit(run(proxy, &dead) ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Return: 0: the proxy has succeeded. @ret_pid: as from await_proxy() */
static int with_proxy(const struct failover *failover,
		      int (*run)(struct proxy *proxy, const struct superpipe_dead_owner *dead),
		      pid_t *ret_pid)
{
	struct proxy own = { .failover = failover };
	int sockets[2], err;
	pid_t proxy = 0;

	*ret_pid = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return explain_error(&to_log, -errno, "cannot make a socket: %s", strerror(errno));
	own.socket = sockets[1];
	err = fork_proxy(failover->dead, &proxy);
	if (!err && proxy == 0) {
		close(sockets[0]);
		run_proxy(&own, run);
	}
	close(sockets[1]);
	if (!err)
		err = await_proxy(failover, proxy, sockets[0], ret_pid);
	close(sockets[0]);
	return err;
}

static int detach(const struct failover *failover)
{
	pid_t none;
	int err = -EIO;

	for (unsigned i = 0; err && err != -ETIMEDOUT && i < DETACH_TRIES; i++)
		err = with_proxy(failover, detach_contexts, &none);
	if (err)
		log_err("%s: the contexts of process %ld are not released: its commands may still "
			"be executed",
			failover->message->state.mountpoint, (long)failover->dead);
	return err;
}

int failover_run(const struct failover *failover, pid_t *ret_pid)
{
	int err = with_proxy(failover, fail_over, ret_pid);

	/* Some contexts of the dead daemon are detached, so the failover cannot be undone. */
	if (err == -EINPROGRESS)
		(void)detach(failover);
	return !err && *ret_pid == 0 ? -EIO : err;
}

void failover_abandon(const struct failover *failover)
{
	(void)detach(failover);
}

/* Return: true: the new daemon has sent at least one context. */
static bool take_sent(const struct failover *failover, int socket)
{
	struct handover_message *message = malloc(sizeof(*message));
	int fds[HANDOVER_NR_FDS];
	bool any = false;

	while (message && !handover_receive_any(socket, message, fds)) {
		any |= handover_take_context(message, fds, failover->contexts);
		handover_close_fds(fds);
	}
	free(message);
	return any;
}

void failover_clean_up(const struct failover *failover, pid_t failed, int socket)
{
	struct superpipe_context contexts[SUPERPIPE_MAX_LUNS];
	struct failover own = *failover;

	for (unsigned i = 0; i < SUPERPIPE_MAX_LUNS; i++)
		contexts[i] = (struct superpipe_context){ .fd = -1 };
	own.dead = failed;
	own.contexts = contexts;
	if (!take_sent(&own, socket))
		return;
	(void)detach(&own);
	for (unsigned i = 0; i < SUPERPIPE_MAX_LUNS; i++)
		if (contexts[i].fd >= 0)
			close(contexts[i].fd);
}
