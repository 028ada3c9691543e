/* SPDX-License-Identifier: Apache-2.0 */
#include "support/takeover_process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_message.h"

void takeover_check(bool condition, const char *file, int line, const char *text)
{
	if (condition)
		return;
	fprintf(stderr, "%s:%d: process %d: %s\n", file, line, (int)getpid(), text);
	_exit(1);
}

/* ---- messages ---- */

int takeover_send(int socket, const struct takeover_message *message, int fd)
{
	return fd_message_send(socket, message, sizeof(*message), &fd, fd >= 0);
}

bool takeover_receive(int socket, struct takeover_message *message)
{
	int fd;
	size_t nr_fds;
	ssize_t got = fd_message_receive(socket, message, sizeof(*message), 0, &fd, 1, &nr_fds);

	if (got != sizeof(*message))
		return false;
	message->context.fd = nr_fds ? fd : -1;
	return true;
}

/* ---- the owner ---- */

static int send_context(void *arg, unsigned lun, const struct superpipe_context *context)
{
	const int *socket = arg;
	struct takeover_message message = { .kind = TAKEOVER_LEND, .number = lun };

	/* Without the padding of *context, which was never set. */
	message.context.source = context->source;
	message.context.fd = context->fd;
	return takeover_send(*socket, &message, context->fd);
}

static void explain(void *arg, const char *text)
{
	struct takeover_rig *rig = arg;

	snprintf(rig->explained, sizeof(rig->explained), "%s", text);
}

void takeover_tell_vlun(struct takeover_self *self, unsigned i, const struct superpipe_vlun *vlun)
{
	struct takeover_message message = { .kind = vlun ? TAKEOVER_VLUN : TAKEOVER_GONE,
					    .number = i };

	if (vlun)
		superpipe_vlun_export(vlun, &message.vlun);
	TAKEOVER_CHECK(takeover_send(self->socket, &message, -1) == 0);
}

void takeover_tell_progress(struct takeover_self *self, uint64_t number)
{
	const struct takeover_message message = { .kind = TAKEOVER_PROGRESS, .progress = number };

	TAKEOVER_CHECK(takeover_send(self->socket, &message, -1) == 0);
}

void takeover_await_end_request(struct takeover_self *self)
{
	struct takeover_message message;

	TAKEOVER_CHECK(takeover_receive(self->socket, &message));
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
	struct takeover_message before = { .kind = TAKEOVER_VLUN, .number = i };
	uint64_t granted;

	superpipe_vlun_export(self->vluns[i], &before.vlun);
	if (nr_chunks < before.vlun.nr_chunks) {
		before.vlun.nr_chunks = nr_chunks;
		TAKEOVER_CHECK(takeover_send(self->socket, &before, -1) == 0);
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
						   .send_context = send_context,
						   .send_context_arg = &self->socket };
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

void takeover_run_owner(struct takeover_rig *rig, int socket, takeover_act *act)
{
	struct takeover_self self = { .rig = rig, .socket = socket };
	const struct takeover_message ready = { .kind = TAKEOVER_READY };

	TAKEOVER_CHECK(open_devices(&self) == 0);
	TAKEOVER_CHECK(superpipe_attach(self.sp) == 0);
	TAKEOVER_CHECK(superpipe_send_contexts(self.sp) == 0);
	TAKEOVER_CHECK(takeover_send(socket, &ready, -1) == 0);
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
	return rc ? rc : superpipe_send_contexts(self->sp);
}

static void run_successor(struct takeover_rig *rig, int socket, takeover_act *act)
{
	struct takeover_self self = { .rig = rig, .socket = socket };
	struct takeover_message message = { .kind = TAKEOVER_READY };

	takeover_close_fds(&rig->dead);
	message.error = succeed(&self);
	if (message.error) {
		message.kind = TAKEOVER_FAILED;
		snprintf(message.why, sizeof(message.why), "%s", rig->explained);
		(void)takeover_send(socket, &message, -1);
		superpipe_close(self.sp);
		_exit(0);
	}
	TAKEOVER_CHECK(takeover_send(socket, &message, -1) == 0);
	if (!takeover_receive(socket, &message))
		_exit(0);
	serve(&self, act);
}

int takeover_clone_without_proxy(struct takeover_rig *rig)
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

/* ---- the proxy ---- */

static void answer(const struct takeover_proxy *proxy, struct takeover_message message)
{
	if (message.error)
		message.kind = TAKEOVER_FAILED;
	snprintf(message.why, sizeof(message.why), "%s", proxy->rig->explained);
	TAKEOVER_CHECK(takeover_send(proxy->socket, &message, -1) == 0);
	if (message.error)
		_exit(0);
}

static void start_successor(const struct takeover_proxy *proxy,
			    const struct superpipe_dead_owner *dead)
{
	struct takeover_message started = { .kind = TAKEOVER_STARTED,
					    .error = superpipe_dead_owner_recover(dead) };

	if (!started.error) {
		started.pid = fork();
		TAKEOVER_CHECK(started.pid >= 0);
	}
	if (!started.error && started.pid == 0) {
		close(proxy->socket);
		run_successor(proxy->rig, proxy->successor_socket, proxy->act);
	}
	answer(proxy, started);
}

void takeover_run_proxy(struct takeover_proxy *proxy)
{
	struct takeover_rig *rig = proxy->rig;
	char names[TAKEOVER_LUNS][300];
	const char *devices[TAKEOVER_LUNS];
	const struct superpipe_dead_owner dead = {
		.devices = devices,
		.nr_luns = rig->nr_luns,
		.contexts = proxy->of->contexts,
		.explain = explain,
		.explain_arg = rig,
		.send_context = send_context,
		.send_context_arg = &proxy->socket,
	};
	struct takeover_message message;

	for (unsigned i = 0; i < rig->nr_luns; i++) {
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", rig->host.dir, i);
		devices[i] = names[i];
	}
	if (proxy->act)
		start_successor(proxy, &dead);
	close(proxy->successor_socket);
	if (!takeover_receive(proxy->socket, &message))
		_exit(0);
	answer(proxy, (struct takeover_message){ .kind = TAKEOVER_DETACHED,
						 .error = superpipe_dead_owner_detach(&dead) });
	_exit(0);
}
