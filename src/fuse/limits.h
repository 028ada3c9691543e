/* SPDX-License-Identifier: Apache-2.0 */
/* limits - what a volume may use. See also fs.h. */
#ifndef CXLFS_FUSE_LIMITS_H
#define CXLFS_FUSE_LIMITS_H

#include "fuse/core.h"
#include "replica/record.h"

/** fs_max_inodes() - return the number that @limits give, or mean by 0 */
uint64_t fs_max_inodes(const struct fs *fs, const struct fs_limits *limits);
/** fs_keeps_reserve() - return true if an operation on @bytes must not use the reserve of the
 * volume */
bool fs_keeps_reserve(struct fs *fs, fuse_req_t req, uint64_t bytes);

/** fs_limits_to_replica() / fs_limits_from_replica() - convert for records and snapshots */
struct replica_limits fs_limits_to_replica(const struct fs_limits *limits);
struct fs_limits fs_limits_from_replica(const struct replica_limits *from);

#endif
