/* SPDX-License-Identifier: Apache-2.0 */
/* control_socket - offers the control socket of a volume. The volume works without it too. */
#ifndef CXLFS_DAEMON_CONTROL_SOCKET_H
#define CXLFS_DAEMON_CONTROL_SOCKET_H

#include "control/commands.h"
#include "control/path.h"

/** All zeros is closed. */
struct control_socket {
	char directory[CONTROL_PATH_BYTES]; /* empty: there can be no socket */
	struct control_volume volume;       /* what the commands act on */
	struct control_server *server;      /* NULL: there is no socket */
};

/**
 * control_socket_prepare() - make the directory of the socket
 * Call it while the process may still make directories. Logs a failure.
 */
void control_socket_prepare(struct control_socket *control);

/**
 * control_socket_open() - make the socket, once the volume is mounted
 * @volume: copied; what it points to is borrowed
 * Return: 0, also without a directory; -errno there is no socket.
 */
int control_socket_open(struct control_socket *control, const struct control_volume *volume);

/** control_socket_publish() - let clients find the socket, if there is one. Logs a failure. */
void control_socket_publish(struct control_socket *control);

/** control_socket_log_failure() - log that the volume at @place has no socket */
void control_socket_log_failure(const char *place, int err);

/** control_socket_close() - wait for a command that runs, and remove the socket */
void control_socket_close(struct control_socket *control);

/** control_socket_hand_over() - the same, but a successor replaces the socket, or has replaced it
 */
void control_socket_hand_over(struct control_socket *control);

#endif
