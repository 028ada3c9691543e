/* SPDX-License-Identifier: Apache-2.0 */
/* takeover_process - owners, successors and proxies of takeover_rig, and their messages. */
#ifndef CXLFS_TESTS_SUPPORT_TAKEOVER_PROCESS_H
#define CXLFS_TESTS_SUPPORT_TAKEOVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "support/takeover_rig.h"

enum takeover_kind {
	TAKEOVER_LEND,
	TAKEOVER_VLUN,
	TAKEOVER_GONE, /* a vLUN */
	TAKEOVER_PROGRESS,
	TAKEOVER_READY,
	TAKEOVER_FAILED,
	TAKEOVER_STARTED, /* a successor */
	TAKEOVER_DETACH,
	TAKEOVER_DETACHED,
	TAKEOVER_GO,
};

struct takeover_message {
	enum takeover_kind kind;
	unsigned number; /* of a LUN or a vLUN */
	int error;
	pid_t pid; /* of the successor */
	uint64_t progress;
	struct superpipe_context context;
	struct superpipe_vlun_source vlun;
	char why[256];
};

/** takeover_send() - @fd: goes along; -1: none. Return: 0; -errno. */
int takeover_send(int socket, const struct takeover_message *message, int fd);

/** takeover_receive() - message->context.fd is what came along. Return: false: the other side has
 *  ended. */
bool takeover_receive(int socket, struct takeover_message *message);

struct takeover_proxy {
	struct takeover_rig *rig;
	struct takeover_owner *of;
	pid_t pid;
	int socket, successor_socket;
	takeover_act *act; /* of the successor; NULL: none is wanted */
};

/* What the processes run; they do not return. */
void takeover_run_owner(struct takeover_rig *rig, int socket, takeover_act *act);
void takeover_run_proxy(struct takeover_proxy *proxy);

#endif
