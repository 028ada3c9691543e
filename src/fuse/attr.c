/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on attributes: getattr, statx, setattr and statfs. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "fuse/inode.h"
#include "fuse/io.h"
#include "fuse/operations.h"
#include "fuse/request.h"

static int get_attr(struct fs *fs, uint64_t ino, struct fs_attr *ret_attr)
{
	struct tree_inode *inode;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		fs_attr_get_locked(fs, inode, ret_attr);
	fs_unlock(fs);
	return inode ? 0 : -ESTALE;
}

static void reply_attr(struct fs *fs, fuse_req_t req, int err, const struct fs_attr *attr)
{
	if (err) {
		fs_reply_err(fs, req, err);
		return;
	}
	fuse_reply_attr(req, &attr->st, attr->seconds);
	fs_leave(fs);
}

void fs_reply_attr(struct fs *fs, fuse_req_t req, uint64_t ino)
{
	struct fs_attr attr;
	int err = get_attr(fs, ino, &attr);

	reply_attr(fs, req, err, &attr);
}

void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);

	(void)fi;
	if (fs)
		fs_reply_attr(fs, req, ino);
}

#if FS_HAVE_STATX

static struct statx_timestamp timestamp(const struct timespec *time)
{
	return (struct statx_timestamp){
		.tv_sec = time->tv_sec,
		.tv_nsec = (uint32_t)time->tv_nsec,
	};
}

static struct statx statx_of(const struct fs_attr *attr)
{
	const struct stat *st = &attr->st;

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
		.stx_btime = timestamp(&attr->btime),
		.stx_rdev_major = major(st->st_rdev),
		.stx_rdev_minor = minor(st->st_rdev),
	};
}

/* The kernel sends this instead of getattr if a program asks for the time of birth. */
void fs_op_statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct fs_attr attr;
	struct statx stx;
	int err;

	(void)flags;
	(void)mask;
	(void)fi;
	if (!fs)
		return;
	err = get_attr(fs, ino, &attr);
	if (err) {
		fs_reply_err(fs, req, err);
		return;
	}
	stx = statx_of(&attr);
	fuse_reply_statx(req, 0, &stx, attr.seconds);
	fs_leave(fs);
}

#endif

/* @to_set: FUSE_SET_ATTR_... Returns TREE_SET_... */
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

/* If a write, fallocate or copy_file_range must clear set-id bits, the kernel first sends a setattr
 * that sets nothing. The reply contains the new mode. */
static bool sets_nothing(int to_set)
{
	return !(to_set & ~FUSE_SET_ATTR_CTIME);
}

static void set_and_reply(struct fs *fs, fuse_req_t req, uint64_t ino, const struct stat *st,
			  int to_set)
{
	struct tree_inode *inode;
	struct fs_attr attr;
	int err = -ESTALE;

	if (sets_nothing(to_set))
		(void)fs_drop_setid(fs, req, ino, FS_SETID_ASK);
	fs_write_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		err = set_locked(fs, inode, req, st, to_set);
	if (!err)
		fs_attr_get_locked(fs, inode, &attr);
	commit_outcome(&fs->commit, REPLICA_OUTCOME_ATTR, 0, ino, 0);
	fs_unlock(fs);
	reply_attr(fs, req, err, &attr);
}

static void reply_truncated(struct fs_io *io)
{
	set_and_reply(io->fs, io->req, io->ino, &io->attr, io->to_set);
}

/* The kernel may combine chmod, chown, utimes and truncate in one request. */
void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		   struct fuse_file_info *fi)
{
	struct fs_io *io;
	struct fs *fs;

	(void)fi;
	if (!(to_set & FUSE_SET_ATTR_SIZE)) {
		fs = fs_enter(req);
		if (fs)
			set_and_reply(fs, req, ino, st, to_set);
		return;
	}
	io = fs_io_begin(req, ino, DATA_OP_TRUNCATE, st->st_size, 0);
	if (!io)
		return;
	io->attr = *st;
	io->to_set = to_set;
	io->reply = reply_truncated;
	fs_io_submit(io);
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
	used = tree_nr_charged(fs->tree);
	max = tree_max_inodes(fs->tree);
	fs_unlock(fs);
	/* A new file needs an inode, and a resource handle for its data unless it is packed. */
	room = max > used ? max - used : 0;
	if (!data.packs && room > data.nr_free_handles)
		room = data.nr_free_handles;
	st = (struct statvfs){
		.f_bsize = DATA_BLOCK_BYTES,
		.f_frsize = DATA_BLOCK_BYTES,
		.f_blocks = data.nr_chunks * (data.chunk_bytes / DATA_BLOCK_BYTES),
		.f_bfree = data.nr_free_blocks,
		.f_files = used + room,
		.f_ffree = room,
		.f_favail = room,
		.f_namemax = TREE_NAME_MAX,
	};
	if (data.nr_free_blocks > data.nr_reserved_blocks)
		st.f_bavail = data.nr_free_blocks - data.nr_reserved_blocks;
	fuse_reply_statfs(req, &st);
	fs_leave(fs);
}
