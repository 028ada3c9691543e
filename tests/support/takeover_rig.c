/* SPDX-License-Identifier: Apache-2.0 */
#include "support/takeover_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fork_with_pid.h"
#include "emul/adapter.h"
#include "support/takeover_process.h"

/* ---- messages ---- */

static void make_sockets(int pair[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

void takeover_close_fds(struct takeover_owner *owner)
{
	for (unsigned i = 0; i < TAKEOVER_LUNS; i++) {
		if (owner->contexts[i].fd >= 0)
			close(owner->contexts[i].fd);
		owner->contexts[i].fd = -1;
	}
}

static struct takeover_owner new_owner(int socket)
{
	struct takeover_owner owner = { .socket = socket };

	for (unsigned i = 0; i < TAKEOVER_LUNS; i++)
		owner.contexts[i].fd = -1;
	return owner;
}

/* Whether it comes from @owner itself or from its proxy. */
static void note(struct takeover_rig *rig, struct takeover_owner *owner,
		 const struct takeover_message *message)
{
	struct superpipe_context *context = &owner->contexts[message->number % TAKEOVER_LUNS];

	switch (message->kind) {
	case TAKEOVER_LEND:
		if (context->fd >= 0)
			close(context->fd);
		*context = message->context;
		owner->nr_sent++;
		break;
	case TAKEOVER_VLUN:
		rig->vluns[message->number] = message->vlun;
		rig->known[message->number] = true;
		break;
	case TAKEOVER_GONE:
		rig->known[message->number] = false;
		break;
	case TAKEOVER_PROGRESS:
		rig->progress = message->progress;
		break;
	case TAKEOVER_FAILED:
		snprintf(rig->explained, sizeof(rig->explained), "%s", message->why);
		break;
	default:
		break;
	}
}

/* Return: 0; -errno of a TAKEOVER_FAILED; -ENOLINK the other side has ended. */
static int await(struct takeover_rig *rig, struct takeover_owner *owner, int socket,
		 enum takeover_kind kind, pid_t *ret_pid)
{
	struct takeover_message message;

	while (takeover_receive(socket, &message)) {
		note(rig, owner, &message);
		if (ret_pid)
			*ret_pid = message.pid;
		if (message.kind == kind)
			return 0;
		if (message.kind == TAKEOVER_FAILED)
			return message.error;
	}
	return -ENOLINK;
}

static int reap(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- owners ---- */

void takeover_start(struct takeover_rig *rig, takeover_act *act)
{
	int pair[2];

	make_sockets(pair);
	rig->owner = new_owner(pair[0]);
	rig->owner.pid = fork();
	if (rig->owner.pid == 0) {
		close(pair[0]);
		takeover_run_owner(rig, pair[1], act);
	}
	close(pair[1]);
	ck_assert_int_eq(await(rig, &rig->owner, pair[0], TAKEOVER_READY, NULL), 0);
}

void takeover_await_progress(struct takeover_rig *rig, uint64_t number)
{
	rig->progress = 0;
	while (rig->progress < number)
		ck_assert_int_eq(
			await(rig, &rig->owner, rig->owner.socket, TAKEOVER_PROGRESS, NULL), 0);
}

void takeover_await_contexts(struct takeover_rig *rig, unsigned nr)
{
	while (rig->owner.nr_sent < nr)
		ck_assert_int_eq(await(rig, &rig->owner, rig->owner.socket, TAKEOVER_LEND, NULL),
				 0);
}

static int await_death(struct takeover_rig *rig)
{
	int status;

	(void)await(rig, &rig->owner, rig->owner.socket, TAKEOVER_GO, NULL);
	close(rig->owner.socket);
	rig->owner.socket = -1;
	status = reap(rig->owner.pid);
	rig->dead = rig->owner;
	rig->owner = new_owner(-1);
	return status;
}

void takeover_await_kill(struct takeover_rig *rig)
{
	int status = await_death(rig);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x", status);
}

void takeover_kill(struct takeover_rig *rig)
{
	ck_assert_int_eq(kill(rig->owner.pid, SIGKILL), 0);
	takeover_await_kill(rig);
}

void takeover_request_end(struct takeover_rig *rig)
{
	const struct takeover_message go = { .kind = TAKEOVER_GO };

	ck_assert_int_eq(takeover_send(rig->owner.socket, &go, -1), 0);
}

void takeover_await_end(struct takeover_rig *rig)
{
	int status = await_death(rig);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
	takeover_close_fds(&rig->dead);
}

/* ---- takeovers ---- */

static void start_proxy(struct takeover_proxy *proxy)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int own[2], successor[2];

	make_sockets(own);
	make_sockets(successor);
	proxy->pid = -EEXIST;
	for (unsigned i = 0; proxy->pid == -EEXIST && i < 5000; i++) {
		proxy->pid = fork_with_pid(proxy->of->pid);
		if (proxy->pid == -EEXIST)
			(void)nanosleep(&pause, NULL);
	}
	proxy->socket = own[proxy->pid == 0];
	proxy->successor_socket = successor[proxy->pid == 0];
	close(own[proxy->pid != 0]);
	close(successor[proxy->pid != 0]);
	if (proxy->pid == 0)
		takeover_run_proxy(proxy);
	ck_assert_int_eq(proxy->pid, proxy->of->pid);
}

/* Return: as await(). */
static int end_proxy(struct takeover_proxy *proxy, bool detach)
{
	const struct takeover_message message = { .kind = TAKEOVER_DETACH };
	int rc = 0;

	if (detach) {
		ck_assert_int_eq(takeover_send(proxy->socket, &message, -1), 0);
		rc = await(proxy->rig, proxy->of, proxy->socket, TAKEOVER_DETACHED, NULL);
	}
	close(proxy->socket);
	(void)reap(proxy->pid);
	if (detach && !rc)
		takeover_close_fds(proxy->of);
	return rc;
}

/* By a proxy that has nothing else to do. */
static void detach_dead(struct takeover_rig *rig, struct takeover_owner *owner)
{
	struct takeover_proxy proxy = { .rig = rig, .of = owner };

	start_proxy(&proxy);
	close(proxy.successor_socket);
	ck_assert_int_eq(end_proxy(&proxy, true), 0);
}

static int give_up(struct takeover_proxy *proxy, struct takeover_owner *successor, int rc)
{
	(void)end_proxy(proxy, false);
	close(successor->socket);
	if (successor->pid)
		(void)reap(successor->pid);
	/* One that has ended by itself has detached its contexts. */
	if (rc == -ENOLINK && successor->nr_sent)
		detach_dead(proxy->rig, successor);
	takeover_close_fds(successor);
	return rc;
}

int takeover_try(struct takeover_rig *rig, takeover_act *act)
{
	const struct takeover_message go = { .kind = TAKEOVER_GO };
	struct takeover_proxy proxy = { .rig = rig, .of = &rig->dead, .act = act };
	struct takeover_owner next;
	int rc;

	start_proxy(&proxy);
	next = new_owner(proxy.successor_socket);
	rc = await(rig, &rig->dead, proxy.socket, TAKEOVER_STARTED, &next.pid);
	if (!rc)
		rc = await(rig, &next, next.socket, TAKEOVER_READY, NULL);
	if (rc)
		return give_up(&proxy, &next, rc);
	if (end_proxy(&proxy, true))
		detach_dead(rig, &rig->dead);
	rig->owner = next;
	ck_assert_int_eq(takeover_send(next.socket, &go, -1), 0);
	return 0;
}

void takeover_give_up(struct takeover_rig *rig)
{
	detach_dead(rig, &rig->dead);
}

void takeover_retry(struct takeover_rig *rig, takeover_act *act)
{
	int rc = -EINVAL;

	for (unsigned i = 0; rc && i < 5; i++)
		rc = takeover_try(rig, act);
	ck_assert_msg(rc == 0, "%s: %s", strerror(-rc), rig->explained);
}

/* ---- the adapter ---- */

bool takeover_is_possible(void)
{
	int rc = fork_with_pid_check(false, NULL, NULL);

	/* The emulator sees the numbers of the same namespace as the test. */
	if (!rc || rc == -EOPNOTSUPP)
		return true;
	printf("skip: a process cannot be given a number: %s\n", strerror(-rc));
	return false;
}

static struct emul_adapter *adapter_of(struct takeover_rig *rig)
{
	return ((struct emul_path *)rig->host.dp)->ad;
}

void takeover_open(struct takeover_rig *rig)
{
	char dir[sizeof(rig->host.dir)];

	strcpy(dir, rig->host.dir);
	emul_host_open(&rig->host, dir, "");
}

void takeover_close(struct takeover_rig *rig)
{
	emul_host_close(&rig->host);
}

static void start_bystander(struct takeover_rig *rig)
{
	int ends[2], ready[2];
	char byte;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	rig->bystander = fork();
	if (rig->bystander == 0) {
		close(ends[1]);
		takeover_open(rig);
		emul_host_attach(&rig->host, 16, 16);
		TAKEOVER_CHECK(write(ready[1], "", 1) == 1);
		(void)!read(ends[0], &byte, 1);
		emul_host_detach(&rig->host);
		takeover_close(rig);
		_exit(0);
	}
	close(ends[0]);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	rig->bystander_pipe = ends[1];
}

void takeover_make(struct takeover_rig *rig, const char *options, unsigned nr_luns, bool bystander)
{
	memset(rig, 0, sizeof(*rig));
	rig->nr_luns = nr_luns;
	rig->owner = new_owner(-1);
	rig->dead = new_owner(-1);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	emul_host_make(&rig->host, options);
	takeover_close(rig);
	if (bystander)
		start_bystander(rig);
}

static void check_unused(struct takeover_rig *rig)
{
	for (unsigned i = 0; i < rig->nr_luns; i++)
		ck_assert_uint_eq(adapter_of(rig)->shm->lun[i].users, 0);
}

void takeover_destroy(struct takeover_rig *rig)
{
	takeover_open(rig);
	if (emul_audit_total(adapter_of(rig)))
		emul_audit_print(adapter_of(rig), stderr);
	ck_assert_uint_eq(emul_audit_total(adapter_of(rig)), 0);
	check_unused(rig);
	takeover_close(rig);
	takeover_remove(rig);
}

void takeover_remove(struct takeover_rig *rig)
{
	if (rig->bystander) {
		close(rig->bystander_pipe);
		ck_assert_int_eq(reap(rig->bystander), 0);
	}
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	emul_host_remove(&rig->host);
}

void takeover_await_owner_noticed(struct takeover_rig *rig)
{
	uint32_t pe = (uint32_t)rig->dead.contexts[0].source.context_id;

	takeover_open(rig);
	while (!adapter_of(rig)->shm->pe[pe].owner_died)
		emul_housekeep(adapter_of(rig));
	takeover_close(rig);
}

void takeover_await_recoveries(struct takeover_rig *rig, uint64_t nr)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	takeover_open(rig);
	while (adapter_of(rig)->shm->driver.nr_recoveries < nr)
		(void)nanosleep(&pause, NULL);
	takeover_close(rig);
}

void takeover_fault(struct takeover_rig *rig, const char *rule)
{
	takeover_open(rig);
	emul_host_fault(&rig->host, rule);
	takeover_close(rig);
}

void takeover_reset(struct takeover_rig *rig, enum emul_reset_kind kind)
{
	takeover_open(rig);
	emul_reset(adapter_of(rig), kind, 2);
	takeover_close(rig);
}
