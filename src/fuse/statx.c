/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes with the time of birth. The kernel asks for them when a program wants that time. */
#include "fuse/internal.h"

#if FS_HAVE_STATX

#include <errno.h>
#include <sys/sysmacros.h>

static struct statx_timestamp timestamp(const struct timespec *time)
{
	return (struct statx_timestamp){
		.tv_sec = time->tv_sec,
		.tv_nsec = (uint32_t)time->tv_nsec,
	};
}

static struct statx statx_of(const struct stat *st, const struct timespec *btime)
{
	return (struct statx){
		.stx_mask = STATX_BASIC_STATS | STATX_BTIME,
		.stx_blksize = (uint32_t)st->st_blksize,
		.stx_nlink = (uint32_t)st->st_nlink,
		.stx_uid = st->st_uid,
		.stx_gid = st->st_gid,
		.stx_mode = (uint16_t)st->st_mode,
		.stx_ino = st->st_ino,
		.stx_size = (uint64_t)st->st_size,
		.stx_blocks = (uint64_t)st->st_blocks,
		.stx_atime = timestamp(&st->st_atim),
		.stx_mtime = timestamp(&st->st_mtim),
		.stx_ctime = timestamp(&st->st_ctim),
		.stx_btime = timestamp(btime),
		.stx_rdev_major = major(st->st_rdev),
		.stx_rdev_minor = minor(st->st_rdev),
	};
}

void fs_op_statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;
	struct tree_attr attr;
	struct statx stx;
	struct fs_attr told;

	(void)flags;
	(void)mask;
	(void)fi;
	if (!fs)
		return;
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode) {
		fs_stat_locked(fs, inode, &told);
		fs_attr_lock(fs, inode);
		tree_getattr(inode, &attr);
		fs_attr_unlock(fs, inode);
	}
	fs_unlock(fs);
	if (!inode) {
		fs_reply_err(fs, req, -ESTALE);
		return;
	}
	stx = statx_of(&told.st, &attr.btime);
	fuse_reply_statx(req, 0, &stx, told.seconds);
	fs_leave(fs);
}

#endif
