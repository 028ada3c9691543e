/* SPDX-License-Identifier: Apache-2.0 */
#include "support/takeover_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ghost.h"
#include "emul/adapter.h"

enum kind { LEND, VLUN, GONE, PROGRESS, READY, FAILED, STARTED, DETACH, DETACHED, GO };

struct message {
	enum kind kind;
	unsigned number; /* of a LUN or a vLUN */
	int error;
	pid_t pid; /* of the successor */
	uint64_t progress;
	struct superpipe_context context;
	struct superpipe_vlun_source vlun;
	char why[256];
};

void takeover_check(bool condition, const char *file, int line, const char *text)
{
	if (condition)
		return;
	fprintf(stderr, "%s:%d: process %d: %s\n", file, line, (int)getpid(), text);
	_exit(1);
}

/* ---- messages ---- */

static int send_message(int socket, const struct message *message, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)message, sizeof(*message) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == sizeof(*message) ? 0 : -errno;
}

/* Return: false: the other side has ended. */
static bool receive_message(int socket, struct message *message)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { message, sizeof(*message) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	ssize_t got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);

	if (got != sizeof(*message))
		return false;
	message->context.fd = -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg)
		memcpy(&message->context.fd, CMSG_DATA(cmsg), sizeof(int));
	return true;
}

static void make_sockets(int pair[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

/* ---- the owner ---- */

static int lend(void *arg, unsigned lun, const struct superpipe_context *context)
{
	const int *socket = arg;
	const struct message message = { .kind = LEND, .number = lun, .context = *context };

	return send_message(*socket, &message, context->fd);
}

static void explain(void *arg, const char *text)
{
	struct takeover_rig *rig = arg;

	snprintf(rig->explained, sizeof(rig->explained), "%s", text);
}

void takeover_tell_vlun(struct takeover_self *self, unsigned i, const struct superpipe_vlun *vlun)
{
	struct message message = { .kind = vlun ? VLUN : GONE, .number = i };

	if (vlun)
		superpipe_vlun_export(vlun, &message.vlun);
	TAKEOVER_CHECK(send_message(self->socket, &message, -1) == 0);
}

void takeover_tell_progress(struct takeover_self *self, uint64_t number)
{
	const struct message message = { .kind = PROGRESS, .progress = number };

	TAKEOVER_CHECK(send_message(self->socket, &message, -1) == 0);
}

void takeover_await_end_request(struct takeover_self *self)
{
	struct message message;

	TAKEOVER_CHECK(receive_message(self->socket, &message));
}

void takeover_open_vlun(struct takeover_self *self, unsigned i, unsigned lun, uint64_t nr_chunks)
{
	uint64_t granted;

	TAKEOVER_CHECK(superpipe_vlun_open(self->sp, lun, &self->vluns[i]) == 0);
	TAKEOVER_CHECK(superpipe_vlun_resize(self->vluns[i], nr_chunks, &granted) == 0);
	TAKEOVER_CHECK(granted == nr_chunks);
	takeover_tell_vlun(self, i, self->vluns[i]);
}

uint64_t takeover_resize_vlun(struct takeover_self *self, unsigned i, uint64_t nr_chunks)
{
	struct message before = { .kind = VLUN, .number = i };
	uint64_t granted;

	superpipe_vlun_export(self->vluns[i], &before.vlun);
	if (nr_chunks < before.vlun.nr_chunks) {
		before.vlun.nr_chunks = nr_chunks;
		TAKEOVER_CHECK(send_message(self->socket, &before, -1) == 0);
	}
	TAKEOVER_CHECK(superpipe_vlun_resize(self->vluns[i], nr_chunks, &granted) == 0);
	takeover_tell_vlun(self, i, self->vluns[i]);
	return granted;
}

void takeover_close_vlun(struct takeover_self *self, unsigned i)
{
	takeover_tell_vlun(self, i, NULL);
	TAKEOVER_CHECK(superpipe_vlun_close(self->vluns[i]) == 0);
	self->vluns[i] = NULL;
}

static int open_devices(struct takeover_self *self)
{
	struct takeover_rig *rig = self->rig;
	const struct superpipe_options options = { .recover_pause_ms = 2,
						   .lend = lend,
						   .lend_arg = &self->socket };
	char names[TAKEOVER_LUNS][300];
	const char *devices[TAKEOVER_LUNS];

	for (unsigned i = 0; i < rig->nr_luns; i++) {
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", rig->host.dir, i);
		devices[i] = names[i];
	}
	return superpipe_open(devices, rig->nr_luns, &options, explain, rig, &self->sp);
}

static void serve(struct takeover_self *self, takeover_act *act)
{
	act(self);
	superpipe_close(self->sp);
	_exit(0);
}

static void run_owner(struct takeover_rig *rig, int socket, takeover_act *act)
{
	struct takeover_self self = { .rig = rig, .socket = socket };
	const struct message ready = { .kind = READY };

	TAKEOVER_CHECK(open_devices(&self) == 0);
	TAKEOVER_CHECK(superpipe_attach(self.sp) == 0);
	TAKEOVER_CHECK(superpipe_lend(self.sp) == 0);
	TAKEOVER_CHECK(send_message(socket, &ready, -1) == 0);
	serve(&self, act);
}

/* ---- the successor ---- */

static int clone_and_import(struct takeover_self *self)
{
	struct takeover_rig *rig = self->rig;
	struct superpipe_clone_source sources[TAKEOVER_LUNS];
	int rc;

	for (unsigned i = 0; i < rig->nr_luns; i++)
		sources[i] = rig->dead.contexts[i].source;
	rc = superpipe_attach_clone(self->sp, sources);
	for (unsigned i = 0; !rc && i < TAKEOVER_VLUNS; i++) {
		if (rig->known[i])
			rc = superpipe_vlun_import(self->sp, &rig->vluns[i], &self->vluns[i]);
	}
	return rc;
}

static int succeed(struct takeover_self *self)
{
	int rc = open_devices(self);

	if (!rc)
		rc = clone_and_import(self);
	if (!rc)
		rc = superpipe_reconcile(self->sp);
	return rc ? rc : superpipe_lend(self->sp);
}

static void run_successor(struct takeover_rig *rig, int socket, takeover_act *act)
{
	struct takeover_self self = { .rig = rig, .socket = socket };
	struct message message = { .kind = READY };

	takeover_close_fds(&rig->dead);
	message.error = succeed(&self);
	if (message.error) {
		message.kind = FAILED;
		snprintf(message.why, sizeof(message.why), "%s", rig->explained);
		(void)send_message(socket, &message, -1);
		superpipe_close(self.sp);
		_exit(0);
	}
	TAKEOVER_CHECK(send_message(socket, &message, -1) == 0);
	if (!receive_message(socket, &message))
		_exit(0);
	serve(&self, act);
}

int takeover_clone_without_a_ghost(struct takeover_rig *rig)
{
	struct takeover_self self = { .rig = rig, .socket = -1 };
	int rc = open_devices(&self);

	if (!rc)
		rc = clone_and_import(&self);
	if (!rc)
		rc = superpipe_reconcile(self.sp);
	superpipe_close(self.sp);
	return rc;
}

/* ---- the ghost ---- */

struct ghost {
	struct takeover_rig *rig;
	struct takeover_owner *of;
	pid_t pid;
	int socket, successor_socket;
	takeover_act *act; /* of the successor; NULL: none is wanted */
};

static void answer(const struct ghost *ghost, struct message message)
{
	if (message.error)
		message.kind = FAILED;
	snprintf(message.why, sizeof(message.why), "%s", ghost->rig->explained);
	TAKEOVER_CHECK(send_message(ghost->socket, &message, -1) == 0);
	if (message.error)
		_exit(0);
}

static void start_successor(const struct ghost *ghost, const struct superpipe_dead *dead)
{
	struct message started = { .kind = STARTED, .error = superpipe_dead_recover(dead) };

	if (!started.error) {
		started.pid = fork();
		TAKEOVER_CHECK(started.pid >= 0);
	}
	if (!started.error && started.pid == 0) {
		close(ghost->socket);
		run_successor(ghost->rig, ghost->successor_socket, ghost->act);
	}
	answer(ghost, started);
}

static void run_ghost(struct ghost *ghost)
{
	struct takeover_rig *rig = ghost->rig;
	char names[TAKEOVER_LUNS][300];
	const char *devices[TAKEOVER_LUNS];
	const struct superpipe_dead dead = {
		.devices = devices,
		.nr_luns = rig->nr_luns,
		.contexts = ghost->of->contexts,
		.explain = explain,
		.explain_arg = rig,
		.lend = lend,
		.lend_arg = &ghost->socket,
	};
	struct message message;

	for (unsigned i = 0; i < rig->nr_luns; i++) {
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", rig->host.dir, i);
		devices[i] = names[i];
	}
	if (ghost->act)
		start_successor(ghost, &dead);
	close(ghost->successor_socket);
	if (!receive_message(ghost->socket, &message))
		_exit(0);
	answer(ghost, (struct message){ .kind = DETACHED, .error = superpipe_dead_detach(&dead) });
	_exit(0);
}

/* ---- the standby: messages ---- */

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

/* Whether it comes from @owner itself or from its ghost. */
static void note(struct takeover_rig *rig, struct takeover_owner *owner,
		 const struct message *message)
{
	struct superpipe_context *context = &owner->contexts[message->number % TAKEOVER_LUNS];

	switch (message->kind) {
	case LEND:
		if (context->fd >= 0)
			close(context->fd);
		*context = message->context;
		owner->nr_lent++;
		break;
	case VLUN:
		rig->vluns[message->number] = message->vlun;
		rig->known[message->number] = true;
		break;
	case GONE:
		rig->known[message->number] = false;
		break;
	case PROGRESS:
		rig->progress = message->progress;
		break;
	case FAILED:
		snprintf(rig->explained, sizeof(rig->explained), "%s", message->why);
		break;
	default:
		break;
	}
}

/* Return: 0; -errno of a FAILED; -ENOLINK the other side has ended. */
static int await(struct takeover_rig *rig, struct takeover_owner *owner, int socket, enum kind kind,
		 pid_t *ret_pid)
{
	struct message message;

	while (receive_message(socket, &message)) {
		note(rig, owner, &message);
		if (ret_pid)
			*ret_pid = message.pid;
		if (message.kind == kind)
			return 0;
		if (message.kind == FAILED)
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

/* ---- the standby: owners ---- */

void takeover_start(struct takeover_rig *rig, takeover_act *act)
{
	int pair[2];

	make_sockets(pair);
	rig->owner = new_owner(pair[0]);
	rig->owner.pid = fork();
	if (rig->owner.pid == 0) {
		close(pair[0]);
		run_owner(rig, pair[1], act);
	}
	close(pair[1]);
	ck_assert_int_eq(await(rig, &rig->owner, pair[0], READY, NULL), 0);
}

void takeover_await_progress(struct takeover_rig *rig, uint64_t number)
{
	rig->progress = 0;
	while (rig->progress < number)
		ck_assert_int_eq(await(rig, &rig->owner, rig->owner.socket, PROGRESS, NULL), 0);
}

void takeover_await_lent(struct takeover_rig *rig, unsigned nr)
{
	while (rig->owner.nr_lent < nr)
		ck_assert_int_eq(await(rig, &rig->owner, rig->owner.socket, LEND, NULL), 0);
}

static int await_death(struct takeover_rig *rig)
{
	int status;

	(void)await(rig, &rig->owner, rig->owner.socket, GO, NULL);
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
	const struct message go = { .kind = GO };

	ck_assert_int_eq(send_message(rig->owner.socket, &go, -1), 0);
}

void takeover_await_end(struct takeover_rig *rig)
{
	int status = await_death(rig);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
	takeover_close_fds(&rig->dead);
}

/* ---- the standby: takeovers ---- */

static void start_ghost(struct ghost *ghost)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int own[2], successor[2];

	make_sockets(own);
	make_sockets(successor);
	ghost->pid = -EEXIST;
	for (unsigned i = 0; ghost->pid == -EEXIST && i < 5000; i++) {
		ghost->pid = ghost_fork(ghost->of->pid);
		if (ghost->pid == -EEXIST)
			(void)nanosleep(&pause, NULL);
	}
	ghost->socket = own[ghost->pid == 0];
	ghost->successor_socket = successor[ghost->pid == 0];
	close(own[ghost->pid != 0]);
	close(successor[ghost->pid != 0]);
	if (ghost->pid == 0)
		run_ghost(ghost);
	ck_assert_int_eq(ghost->pid, ghost->of->pid);
}

/* Return: as await(). */
static int end_ghost(struct ghost *ghost, bool detach)
{
	const struct message message = { .kind = DETACH };
	int rc = 0;

	if (detach) {
		ck_assert_int_eq(send_message(ghost->socket, &message, -1), 0);
		rc = await(ghost->rig, ghost->of, ghost->socket, DETACHED, NULL);
	}
	close(ghost->socket);
	(void)reap(ghost->pid);
	if (detach && !rc)
		takeover_close_fds(ghost->of);
	return rc;
}

/* By a ghost that has nothing else to do. */
static void detach_dead(struct takeover_rig *rig, struct takeover_owner *owner)
{
	struct ghost ghost = { .rig = rig, .of = owner };

	start_ghost(&ghost);
	close(ghost.successor_socket);
	ck_assert_int_eq(end_ghost(&ghost, true), 0);
}

static int give_up(struct ghost *ghost, struct takeover_owner *successor, int rc)
{
	(void)end_ghost(ghost, false);
	close(successor->socket);
	if (successor->pid)
		(void)reap(successor->pid);
	/* One that has ended by itself has detached its contexts. */
	if (rc == -ENOLINK && successor->nr_lent)
		detach_dead(ghost->rig, successor);
	takeover_close_fds(successor);
	return rc;
}

int takeover_try(struct takeover_rig *rig, takeover_act *act)
{
	const struct message go = { .kind = GO };
	struct ghost ghost = { .rig = rig, .of = &rig->dead, .act = act };
	struct takeover_owner next;
	int rc;

	start_ghost(&ghost);
	next = new_owner(ghost.successor_socket);
	rc = await(rig, &rig->dead, ghost.socket, STARTED, &next.pid);
	if (!rc)
		rc = await(rig, &next, next.socket, READY, NULL);
	if (rc)
		return give_up(&ghost, &next, rc);
	if (end_ghost(&ghost, true))
		detach_dead(rig, &rig->dead);
	rig->owner = next;
	ck_assert_int_eq(send_message(next.socket, &go, -1), 0);
	return 0;
}

void takeover_retry(struct takeover_rig *rig, takeover_act *act)
{
	int rc = -EINVAL;

	for (unsigned i = 0; rc && i < 5; i++)
		rc = takeover_try(rig, act);
	ck_assert_msg(rc == 0, "%s: %s", strerror(-rc), rig->explained);
}

/* ---- the standby: the adapter ---- */

bool takeover_is_possible(void)
{
	int rc = ghost_is_possible(NULL, NULL);

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

void takeover_fault(struct takeover_rig *rig, const char *rule)
{
	takeover_open(rig);
	emul_host_fault(&rig->host, rule);
	takeover_close(rig);
}

void takeover_reset(struct takeover_rig *rig)
{
	takeover_open(rig);
	emul_reset(adapter_of(rig), EMUL_RESET_EEH, 2);
	takeover_close(rig);
}
