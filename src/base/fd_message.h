/* SPDX-License-Identifier: Apache-2.0 */
/* fd_message - bytes and descriptors, sent together over a Unix socket (SCM_RIGHTS of unix(7)). */
#ifndef CXLFS_BASE_FD_MESSAGE_H
#define CXLFS_BASE_FD_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

#define FD_MESSAGE_MAX_FDS 8

/**
 * fd_message_send() - send a message. A closed socket does not cause SIGPIPE.
 * @fds:    stay open here
 * @nr_fds: at most FD_MESSAGE_MAX_FDS
 * Return: 0; -EIO a signal has interrupted a stream socket after a part of the bytes; -errno.
 */
int fd_message_send(int socket, const void *bytes, size_t nr_bytes, const int *fds, size_t nr_fds);

/**
 * fd_message_receive() - receive a message. Its descriptors are closed by execve(2).
 * @flags:   of recvmsg(2)
 * @ret_fds: the caller owns the first @ret_nr_fds. The kernel closes those beyond @max_fds.
 *
 * Return: the number of bytes; 0 the other side has closed its socket; -errno: no descriptors came.
 */
ssize_t fd_message_receive(int socket, void *bytes, size_t nr_bytes, int flags, int *ret_fds,
			   size_t max_fds, size_t *ret_nr_fds);

#endif
