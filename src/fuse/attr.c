/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/internal.h"

#include <errno.h>
#include <sys/sysmacros.h>

void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;
	struct fs_attr attr;

	(void)fi;
	if (!fs)
		return;
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		fs_stat_locked(fs, inode, &attr);
	fs_unlock(fs);
	if (inode)
		fs_reply_attr(fs, req, &attr);
	else
		fs_reply_err(fs, req, -ESTALE);
}

#if FS_HAVE_STATX

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

static unsigned tree_what(int to_set)
{
	unsigned what = 0;

	what |= to_set & FUSE_SET_ATTR_MODE ? TREE_SET_MODE : 0;
	what |= to_set & FUSE_SET_ATTR_UID ? TREE_SET_UID : 0;
	what |= to_set & FUSE_SET_ATTR_GID ? TREE_SET_GID : 0;
	what |= to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW) ? TREE_SET_ATIME : 0;
	what |= to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW) ? TREE_SET_MTIME : 0;
	what |= to_set & FUSE_SET_ATTR_SIZE ? TREE_SET_MTIME : 0;
	what |= to_set & FUSE_SET_ATTR_CTIME ? TREE_SET_CTIME : 0;
	what |= to_set & FUSE_SET_ATTR_KILL_SUID ? TREE_SET_KILL_SUIDGID : 0;
	return what;
}

static int set_locked(struct fs *fs, struct tree_inode *inode, fuse_req_t req,
		      const struct stat *st, int to_set)
{
	struct tree_caller caller = fs_caller(req);
	struct tree_attr attr = {
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.atime = to_set & FUSE_SET_ATTR_ATIME_NOW ? caller.now : st->st_atim,
		.mtime = to_set & FUSE_SET_ATTR_MTIME_NOW ? caller.now : st->st_mtim,
		.ctime = st->st_ctim,
	};
	int err;

	caller.may_setgid = fs_keeps_setgid(req, inode);
	if ((to_set & FUSE_SET_ATTR_SIZE) && !(to_set & FUSE_SET_ATTR_MTIME))
		attr.mtime = caller.now;
	fs_attr_lock(fs, inode);
	err = tree_setattr(fs->tree, inode, tree_what(to_set), &attr, &caller);
	fs_attr_unlock(fs, inode);
	return err;
}

/* Before a write, fallocate or copy_file_range the kernel sends a request that sets nothing if it
 * finds set-id bits that have to go. The answer tells it what the mode is now. */
static bool sets_nothing(int to_set)
{
	return !(to_set & ~FUSE_SET_ATTR_CTIME);
}

static void set_and_reply(struct fs *fs, fuse_req_t req, uint64_t ino, const struct stat *attr,
			  int to_set)
{
	struct tree_inode *inode;
	struct fs_attr told;
	int err = -ESTALE;

	if (sets_nothing(to_set))
		(void)fs_drop_setid(fs, req, ino, FS_SETID_ASK);
	fs_write_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		err = set_locked(fs, inode, req, attr, to_set);
	if (!err)
		fs_stat_locked(fs, inode, &told);
	fs_unlock(fs);
	if (err)
		fs_reply_err(fs, req, err);
	else
		fs_reply_attr(fs, req, &told);
}

static void truncated(struct fs_io *io)
{
	if (io->result < 0)
		fs_reply_err(io->fs, io->req, (int)io->result);
	else
		set_and_reply(io->fs, io->req, io->ino, &io->attr, io->what);
	fs_io_put(io);
}

static void truncate_first(struct fs *fs, fuse_req_t req, uint64_t ino, const struct stat *attr,
			   int to_set)
{
	struct fs_io *io = fs_io_get(fs, req, ino);

	if (!io) {
		fs_reply_err(fs, req, -ENOMEM);
		return;
	}
	io->attr = *attr;
	io->what = to_set;
	io->done = truncated;
	io->op.kind = DATA_OP_TRUNCATE;
	io->op.offset = (uint64_t)attr->st_size;
	fs_io_submit(io);
}

void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		   struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);

	(void)fi;
	if (!fs)
		return;
	if (to_set & FUSE_SET_ATTR_SIZE)
		truncate_first(fs, req, ino, attr, to_set);
	else
		set_and_reply(fs, req, ino, attr, to_set);
}

void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_enter(req);
	struct data_volume_stats data;
	uint64_t used, max, room;
	struct statvfs st;

	(void)ino;
	if (!fs)
		return;
	data_volume_get_stats(fs->config.volume, &data);
	fs_read_lock(fs);
	used = tree_nr_inodes(fs->tree);
	max = tree_max_inodes(fs->tree);
	fs_unlock(fs);
	/* Another file with data needs an inode and a resource handle. */
	room = max - used;
	if (room > data.nr_free_handles)
		room = data.nr_free_handles;
	st = (struct statvfs){
		.f_bsize = DATA_BLOCK_BYTES,
		.f_frsize = DATA_BLOCK_BYTES,
		.f_blocks = data.nr_chunks * (data.chunk_bytes / DATA_BLOCK_BYTES),
		.f_bfree = data.nr_free_chunks * (data.chunk_bytes / DATA_BLOCK_BYTES),
		.f_files = used + room,
		.f_ffree = room,
		.f_favail = room,
		.f_namemax = TREE_NAME_MAX,
	};
	st.f_bavail = st.f_bfree;
	fuse_reply_statfs(req, &st);
	fs_leave(fs);
}
