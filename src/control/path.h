/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path - the path of the control socket of a mount.
 *
 * It is DIRECTORY/MAJOR:MINOR, after the device number of the mount, which is st_dev of every file
 * on it. That number is the same for bind mounts and in all mount namespaces. DIRECTORY is
 * /run/cxlfs for a daemon of root, and $XDG_RUNTIME_DIR/cxlfs or else /run/user/UID/cxlfs for a
 * daemon of another user. Only its owner may enter it.
 */
#ifndef CXLFS_CONTROL_PATH_H
#define CXLFS_CONTROL_PATH_H

#include <stddef.h>
#include <sys/un.h>

/** Fits into the address of a socket, as a NUL-terminated path. */
#define CONTROL_PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

/**
 * control_path_make() - make the directory for the sockets of this process's user
 * @ret_directory: set in any case, cut off if it is too long
 * Return: 0; -ENAMETOOLONG; -EPERM the directory belongs to another user, or others may enter it;
 * -errno of mkdir(2).
 */
int control_path_make(char ret_directory[CONTROL_PATH_BYTES]);

/** control_path_join() - make the path of the socket of @device, "MAJOR:MINOR". Return: 0;
 *  -ENAMETOOLONG. */
int control_path_join(const char *directory, const char *device, char ret_path[CONTROL_PATH_BYTES]);

/**
 * control_path_find() - find the socket of a mount
 * Root also finds those of other users.
 * Return: 0; -ENXIO there is none.
 */
int control_path_find(const char *device, char ret_path[CONTROL_PATH_BYTES]);

/**
 * control_path_each() - call @fn for the path of each socket that this user may use
 * @fn: returns 0 to go on
 * Return: what the last call of @fn returned; 0 if there was no call.
 */
int control_path_each(int (*fn)(void *arg, const char *path), void *arg);

#endif
