/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_open - opens only files that other users cannot control.
 *
 * The daemon often runs as root, and an adapter may be in a directory that everybody can write to.
 * So the emulator uses only directories and files that belong to root or to the effective user, and
 * that nobody else can write to. It follows a symbolic link only if the link belongs to one of the
 * two. Block devices may be writable by their group, as they usually are.
 *
 * All checks use the open descriptor, so nobody can replace a file after its check.
 */
#ifndef CXLFS_EMUL_STORE_SAFE_OPEN_H
#define CXLFS_EMUL_STORE_SAFE_OPEN_H

#include <stddef.h>

#define EMUL_SAFE_OPEN_WHY 128 /* bytes of a reason */

/**
 * emul_safe_open() - openat() that rejects files which other users can change
 * @flags: of open(2); adds O_CLOEXEC and O_NOFOLLOW; new files get mode 0600
 * @why:   receives a reason that continues a sentence after the name; empty if errno explains it
 * Return: the descriptor; -EPERM with a reason in @why; else -errno of open(2).
 */
int emul_safe_open(int dir_fd, const char *name, int flags, char why[EMUL_SAFE_OPEN_WHY]);

/**
 * emul_safe_open_parent() - open the directory that holds @path
 * @ret_base: the last part of @path without slashes, or "."; the caller frees it
 * Return: an O_PATH descriptor; -errno.
 */
int emul_safe_open_parent(const char *path, char **ret_base);

#endif
