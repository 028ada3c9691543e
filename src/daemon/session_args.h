/* SPDX-License-Identifier: Apache-2.0 */
/* session_args - the arguments for fuse_session_new(). */
#ifndef CXLFS_DAEMON_SESSION_ARGS_H
#define CXLFS_DAEMON_SESSION_ARGS_H

#include <stdbool.h>

#include "fuse/transport/libfuse.h"

/**
 * session_args_complete() - add type, permissions, name and allow_other to the user's options
 * @args: what fuse_opt_parse() left for libfuse
 * @name: for the mount table, unless @args has fsname
 * Return: 0; -1 out of memory.
 */
int session_args_complete(struct fuse_args *args, const char *name, bool allow_other);

#endif
