/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Includes libfuse, chooses its API version, and says what this version of it supports.
 */
#ifndef CXLFS_FUSE_TRANSPORT_LIBFUSE_H
#define CXLFS_FUSE_TRANSPORT_LIBFUSE_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#ifndef FUSE_HOTFIX_VERSION
#define FUSE_HOTFIX_VERSION 0
#endif
#define FS_FUSE_AT_LEAST(major, minor, fix)                \
	(FUSE_VERSION > FUSE_MAKE_VERSION(major, minor) || \
	 (FUSE_VERSION == FUSE_MAKE_VERSION(major, minor) && FUSE_HOTFIX_VERSION >= (fix)))

/* Rings are our own, and need liburing alone; 3.18.3 tells us when a write must drop set-id bits;
 * O_TMPFILE came with 3.17, the time of birth with 3.18. */
#ifdef FS_WITH_LIBURING
#define FS_HAVE_IO_URING 1
#else
#define FS_HAVE_IO_URING 0
#endif
#define FS_HAVE_KILL_SUIDGID FS_FUSE_AT_LEAST(3, 18, 3)
#define FS_HAVE_TMPFILE      FS_FUSE_AT_LEAST(3, 17, 0)
#define FS_HAVE_STATX        FS_FUSE_AT_LEAST(3, 18, 0)

#endif
