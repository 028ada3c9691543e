/* SPDX-License-Identifier: Apache-2.0 */
/* control - ioctls of the root directory, for the programs of cxlfs. */
#ifndef CXLFS_FUSE_CONTROL_H
#define CXLFS_FUSE_CONTROL_H

#include <stdint.h>
#include <sys/ioctl.h>

#include "data/data.h"

/** Returns fs_config.options, truncated if too long. */
#define FS_OPTIONS_BYTES 4096
#define FS_IOC_OPTIONS   _IOR('x', 0x63, char[FS_OPTIONS_BYTES])

enum {
	FS_LIMIT_SIZE = 0x1,
	FS_LIMIT_RESERVE = 0x2,
	FS_LIMIT_INODES = 0x4,
};

/** What a volume may use; can change while it is mounted. */
struct fs_limits {
	struct data_limits data;
	uint32_t which;      /* FS_LIMIT_...: those to set */
	uint64_t max_inodes; /* 0: as many as half of the memory holds */
};

/** How much of it is in use. */
struct fs_usage {
	struct fs_limits limits;
	uint64_t chunk_bytes, used_bytes; /* in whole chunks */
	uint64_t nr_inodes;
	uint64_t nr_segments, nr_extents; /* of packed chunks of files */
};

#define FS_IOC_USAGE _IOR('x', 0x64, struct fs_usage)
/** As fs_set_limits(); for the user of the daemon, and callers with CAP_SYS_ADMIN. */
#define FS_IOC_SET_LIMITS _IOW('x', 0x65, struct fs_limits)

#endif
