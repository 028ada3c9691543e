/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume may use, and the ioctls that ask for it and change it. */
#include "fuse/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* Memory for a small file with a name of usual length, rounded up. */
#define INODE_COST_BYTES 512

uint64_t fs_max_inodes(const struct fs_limits *limits)
{
	return limits->max_inodes ? limits->max_inodes
				  : memory_limit_bytes() / 2 / INODE_COST_BYTES;
}

bool fs_spares_reserve(struct fs *fs, fuse_req_t req, uint64_t bytes)
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
	return merged;
}

static int set_max_inodes(struct fs *fs, const struct fs_limits *limits)
{
	int err;

	fs_write_lock(fs);
	err = tree_set_max_inodes(fs->tree, fs_max_inodes(limits));
	fs_unlock(fs);
	return err;
}

int fs_set_limits(struct fs *fs, const struct fs_limits *limits)
{
	bool inodes = limits->which & FS_LIMIT_INODES;
	bool data = limits->which & (FS_LIMIT_SIZE | FS_LIMIT_RESERVE);
	struct fs_limits merged;
	int err = 0;

	if (data && fs->config.physical)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&fs->limits_lock);
	merged = merge(&fs->limits, limits);
	if (inodes)
		err = set_max_inodes(fs, &merged);
	if (!err && data) {
		err = data_volume_set_limits(fs->config.volume, &merged.data);
		/* Back to a number that there was; more inodes than it may have come since. */
		if (err && inodes)
			(void)set_max_inodes(fs, &fs->limits);
	}
	if (!err)
		fs->limits = merged;
	pthread_mutex_unlock(&fs->limits_lock);
	return err;
}

/* ---- ioctls ---- */

static void reply_usage(struct fs *fs, fuse_req_t req)
{
	struct data_volume_stats data;
	struct fs_usage usage;

	data_volume_get_stats(fs->config.volume, &data);
	memset(&usage, 0, sizeof(usage));
	pthread_mutex_lock(&fs->limits_lock);
	usage.limits = fs->limits;
	pthread_mutex_unlock(&fs->limits_lock);
	usage.chunk_bytes = data.chunk_bytes;
	usage.used_bytes = (data.nr_chunks - data.nr_free_chunks) * data.chunk_bytes;
	usage.nr_segments = data.nr_segments;
	usage.nr_extents = data.nr_extents;
	fs_read_lock(fs);
	usage.nr_inodes = tree_nr_charged(fs->tree);
	fs_unlock(fs);
	fuse_reply_ioctl(req, 0, &usage, sizeof(usage));
	fs_leave(fs);
}

static void reply_options(struct fs *fs, fuse_req_t req)
{
	char text[FS_OPTIONS_BYTES] = "";

	strncpy(text, fs->config.options, sizeof(text) - 1);
	fuse_reply_ioctl(req, 0, text, sizeof(text));
	fs_leave(fs);
}

static void reply_set(struct fs_io *io)
{
	fuse_reply_ioctl(io->req, 0, NULL, 0);
	fs_leave(io->fs);
}

static void run_set(struct fs_io *io)
{
	io->result = fs_set_limits(io->fs, &io->limits);
	fs_io_end(io);
}

static int check_set(fuse_req_t req, const struct fs_limits *limits)
{
	const uint32_t all = FS_LIMIT_SIZE | FS_LIMIT_RESERVE | FS_LIMIT_INODES;

	if (fuse_req_ctx(req)->uid != geteuid() && !fs_caller_can(req, CAP_SYS_ADMIN))
		return -EPERM;
	return limits->which & ~all ? -EINVAL : 0;
}

/* Waits for ioctls of the adapter, so not on this thread. */
static void set_limits(struct fs *fs, fuse_req_t req, const struct fs_limits *limits)
{
	int err = check_set(req, limits);
	struct fs_io *io;

	io = err ? NULL : fs_io_get(fs, req, TREE_ROOT_INO);
	if (!io) {
		fs_reply_err(fs, req, err ? err : -ENOMEM);
		return;
	}
	io->limits = *limits;
	io->reply = reply_set;
	io->run = run_set;
	fs_blocking_run(fs->blocking, io);
}

void fs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
		 unsigned flags, const void *in, size_t in_bytes, size_t out_bytes)
{
	struct fs *fs = fs_enter(req);

	(void)arg, (void)fi, (void)flags;
	if (!fs)
		return;
	if (ino == TREE_ROOT_INO && cmd == FS_IOC_OPTIONS && out_bytes >= FS_OPTIONS_BYTES &&
	    fs->config.options)
		reply_options(fs, req);
	else if (ino == TREE_ROOT_INO && cmd == FS_IOC_USAGE &&
		 out_bytes >= sizeof(struct fs_usage))
		reply_usage(fs, req);
	else if (ino == TREE_ROOT_INO && cmd == FS_IOC_SET_LIMITS &&
		 in_bytes >= sizeof(struct fs_limits))
		set_limits(fs, req, in);
	else
		fs_reply_err(fs, req, -ENOTTY);
}
