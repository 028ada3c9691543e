/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume may use. */
#include "fuse/limits.h"

#include <errno.h>
#include <linux/capability.h>

#include "base/memory.h"
#include "fuse/request.h"

/* Memory for a small file with a name of usual length, rounded up; a standby needs as much. */
#define INODE_COST_BYTES 512

uint64_t fs_max_inodes(const struct fs *fs, const struct fs_limits *limits)
{
	unsigned nr_processes = fs->config.journal ? 2 : 1;

	return limits->max_inodes ? limits->max_inodes
				  : memory_limit_bytes() / 2 / INODE_COST_BYTES / nr_processes;
}

bool fs_keeps_reserve(struct fs *fs, fuse_req_t req, uint64_t bytes)
{
	return fuse_req_ctx(req)->uid != 0 &&
	       data_volume_may_reach_reserve(fs->config.volume, bytes) &&
	       !fs_caller_can(req, CAP_SYS_RESOURCE);
}

/* ---- changing them ---- */

static struct fs_limits merge(const struct fs_limits *old, const struct fs_limits *changes)
{
	struct fs_limits merged = *old;

	if (changes->which & FS_LIMIT_SIZE)
		merged.data.size_bytes = changes->data.size_bytes;
	if (changes->which & FS_LIMIT_RESERVE) {
		merged.data.reserve_bytes = changes->data.reserve_bytes;
		merged.data.reserve_ppm = changes->data.reserve_ppm;
	}
	if (changes->which & FS_LIMIT_INODES)
		merged.max_inodes = changes->max_inodes;
	if (changes->which & FS_LIMIT_USER_INODES)
		merged.max_user_inodes = changes->max_user_inodes;
	return merged;
}

/* Of @limits those that are set in @which. */
static int set_inodes(struct fs *fs, const struct fs_limits *limits, uint32_t which)
{
	int err = 0;

	fs_write_lock(fs);
	if (which & FS_LIMIT_INODES)
		err = tree_set_max_inodes(fs->tree, fs_max_inodes(fs, limits));
	if (!err && which & FS_LIMIT_USER_INODES)
		err = tree_set_max_user_inodes(fs->tree, limits->max_user_inodes);
	fs_unlock(fs);
	return err;
}

static int set_all(struct fs *fs, const struct fs_limits *limits, uint32_t which)
{
	int err = set_inodes(fs, limits, which);

	if (!err && which & (FS_LIMIT_SIZE | FS_LIMIT_RESERVE))
		err = data_volume_set_limits(fs->config.volume, &limits->data);
	return err;
}

int fs_set_limits(struct fs *fs, const struct fs_limits *limits)
{
	struct replica_limits saved;
	struct fs_limits merged;
	int err;

	if (limits->which & (FS_LIMIT_SIZE | FS_LIMIT_RESERVE) && fs->config.physical)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&fs->limits_lock);
	merged = merge(&fs->limits, limits);
	err = set_all(fs, &merged, limits->which);
	if (!err) {
		fs->limits = merged;
		saved = fs_limits_to_replica(&merged);
		commit_limits(&fs->commit, &saved);
	} else {
		/* Back to a number that there was; more inodes than it may have come since. */
		(void)set_inodes(fs, &fs->limits, limits->which);
	}
	pthread_mutex_unlock(&fs->limits_lock);
	return err;
}

/* ---- asking for them ---- */

void fs_get_limits(struct fs *fs, struct fs_limits *ret_limits)
{
	pthread_mutex_lock(&fs->limits_lock);
	*ret_limits = fs->limits;
	pthread_mutex_unlock(&fs->limits_lock);
}

void fs_get_usage(struct fs *fs, struct fs_usage *ret_usage)
{
	struct data_volume_stats data;

	data_volume_get_stats(fs->config.volume, &data);
	ret_usage->chunk_bytes = data.chunk_bytes;
	ret_usage->used_bytes = (data.nr_chunks - data.nr_free_chunks) * data.chunk_bytes;
	fs_read_lock(fs);
	ret_usage->nr_inodes = tree_nr_charged(fs->tree);
	fs_unlock(fs);
}

/* ---- for the standby ---- */

struct replica_limits fs_limits_to_replica(const struct fs_limits *limits)
{
	return (struct replica_limits){
		.size_bytes = limits->data.size_bytes,
		.reserve_bytes = limits->data.reserve_bytes,
		.reserve_ppm = limits->data.reserve_ppm,
		.max_inodes = limits->max_inodes,
		.max_user_inodes = limits->max_user_inodes,
	};
}

struct fs_limits fs_limits_from_replica(const struct replica_limits *from)
{
	return (struct fs_limits){
		.data = { .size_bytes = from->size_bytes,
			  .reserve_bytes = from->reserve_bytes,
			  .reserve_ppm = from->reserve_ppm },
		.max_inodes = from->max_inodes,
		.max_user_inodes = from->max_user_inodes,
	};
}
