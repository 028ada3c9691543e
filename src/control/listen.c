/* SPDX-License-Identifier: Apache-2.0 */
#include "control/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 16

/* The mode is set before the socket has a name. */
static int bind_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (fchmod(fd, 0600))
		return -errno;
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

static int temporary_path(const char *path, char ret_path[CONTROL_PATH_BYTES])
{
	int length = snprintf(ret_path, CONTROL_PATH_BYTES, "%s.new", path);

	return length < (int)CONTROL_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int bind_temporary(struct control_listener *listener, int fd)
{
	struct stat st;
	int err = bind_to(fd, listener->temporary);

	if (!err && lstat(listener->temporary, &st))
		err = -errno;
	if (err) {
		(void)unlink(listener->temporary);
		return err;
	}
	listener->fd = fd;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return 0;
}

int control_listener_open(struct control_listener *listener, const char *path)
{
	int err, fd;

	*listener = (struct control_listener){ 0 };
	err = temporary_path(path, listener->temporary);
	if (err)
		return err;
	strcpy(listener->path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = fd < 0 ? -errno : bind_temporary(listener, fd);
	if (!err)
		return 0;
	if (fd >= 0)
		close(fd);
	*listener = (struct control_listener){ 0 };
	return err;
}

int control_listener_publish(struct control_listener *listener)
{
	return rename(listener->temporary, listener->path) ? -errno : 0;
}

void control_listener_hand_over(struct control_listener *listener)
{
	if (*listener->path)
		close(listener->fd);
	*listener = (struct control_listener){ 0 };
}

/* Another volume may have the name by now. */
static void remove_ours(const struct control_listener *listener, const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && st.st_dev == listener->dev && st.st_ino == listener->ino)
		(void)unlink(path);
}

void control_listener_close(struct control_listener *listener)
{
	if (*listener->path) {
		remove_ours(listener, listener->temporary);
		remove_ours(listener, listener->path);
	}
	control_listener_hand_over(listener);
}

int control_listener_accept(struct control_listener *listener)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		close(fd);
		return -EPERM;
	}
	return fd;
}
