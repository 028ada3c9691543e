/* SPDX-License-Identifier: Apache-2.0 */
/* listen - the listening end of a control socket. */
#ifndef CXLFS_CONTROL_LISTEN_H
#define CXLFS_CONTROL_LISTEN_H

#include <sys/types.h>

#include "control/path.h"

/** All zeros is closed. */
struct control_listener {
	int fd;
	char path[CONTROL_PATH_BYTES];      /* once it is published; empty: closed */
	char temporary[CONTROL_PATH_BYTES]; /* its name until then */
	dev_t dev;                          /* of the socket */
	ino_t ino;
};

/**
 * control_listener_open() - make a socket that only this user can open, under a temporary name
 * That of a process that died before it could publish its socket is replaced.
 * @path: for control_listener_publish()
 * Return: 0; -ENAMETOOLONG; -errno.
 */
int control_listener_open(struct control_listener *listener, const char *path);

/** control_listener_publish() - give the socket its name, in one step: a client finds either the
 * old socket or the new one. Return: 0; -errno. */
int control_listener_publish(struct control_listener *listener);

/** control_listener_close() - close and remove the socket, unless it has been replaced */
void control_listener_close(struct control_listener *listener);

/** control_listener_hand_over() - close, but do not remove the socket, which another process
 *  replaces */
void control_listener_hand_over(struct control_listener *listener);

/** control_listener_accept() - accept a connection of root or of the daemon's user, and make it
 *  non-blocking.
 *  Return: a descriptor; -EAGAIN no client waits; -EPERM the client is another user; -errno. */
int control_listener_accept(struct control_listener *listener);

#endif
