/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountpoint - checks the directory to mount on and removes a dead cxlfs mount from it
 */
#ifndef CXLFS_DAEMON_MOUNTPOINT_H
#define CXLFS_DAEMON_MOUNTPOINT_H

#include "devport/devport.h"

/**
 * mountpoint_prepare() - check a mountpoint and resolve its path
 * @path:     as the user gave it
 * @ret_path: absolute, without symbolic links; the caller frees it
 *
 * Unmounts a cxlfs mount whose daemon has died. Fails if a live one is there.
 * Return: 0; -errno after a call of @explain.
 */
int mountpoint_prepare(const char *path, explain_fn explain, void *explain_arg, char **ret_path);

/**
 * mountpoint_detach() - unmount the top mount at @path lazily, even if it is dead or in use
 * Calls fusermount3 if the user is not privileged. Return: 0; -errno.
 */
int mountpoint_detach(const char *path);

#endif
