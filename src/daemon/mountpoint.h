/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountpoint - is this a place to mount on, and is something of ours there already?
 */
#ifndef CXLFS_DAEMON_MOUNTPOINT_H
#define CXLFS_DAEMON_MOUNTPOINT_H

#include "devport/devport.h"

/**
 * mountpoint_prepare() - check a mountpoint and make its name absolute
 * @path:     as the user gave it
 * @ret_path: absolute, without symbolic links; the caller frees it
 *
 * A dead mount of ours (its daemon is gone) is taken away; a live one is refused.
 * Return: 0; -errno after @explain has said why.
 */
int mountpoint_prepare(const char *path, explain_fn explain, void *explain_arg, char **ret_path);

/**
 * mountpoint_detach() - unmount the top mount at @path lazily, even if it is dead or in use
 * Calls fusermount3 if the user is not privileged. Return: 0; -errno.
 */
int mountpoint_detach(const char *path);

#endif
