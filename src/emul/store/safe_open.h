/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_open - whose files the emulator uses.
 *
 * The daemon often runs as root, and an adapter may lie in a directory that everybody can write to.
 * So the emulator uses only directories and files that belong to root or to the effective user, and
 * that nobody else can write to. It follows a symbolic link only if the link belongs to one of the
 * two. Block devices may be writable by their group, as they usually are.
 *
 * Everything is checked on the open descriptor, so nothing can be swapped in between.
 */
#ifndef CXLFS_EMUL_STORE_SAFE_OPEN_H
#define CXLFS_EMUL_STORE_SAFE_OPEN_H

#include <stddef.h>

#define EMUL_SAFE_OPEN_WHY 128 /* bytes of a reason */

/**
 * emul_safe_open() - openat() for what can be trusted
 * @flags: of open(2); O_CLOEXEC and O_NOFOLLOW are added, files are made with mode 0600
 * @why:   receives the rest of a sentence that begins with the name; empty if -errno says it all
 * Return: the descriptor; -EPERM with a reason in @why; else -errno of open(2).
 */
int emul_safe_open(int dir_fd, const char *name, int flags, char why[EMUL_SAFE_OPEN_WHY]);

/**
 * emul_safe_open_parent() - open the directory that holds @path
 * @ret_base: the last part of @path without slashes, at least "."; to be freed
 * Return: the descriptor, fit for *at() only; -errno.
 */
int emul_safe_open_parent(const char *path, char **ret_base);

#endif
