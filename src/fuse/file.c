/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on files: open, release, fallocate, lseek and copy_file_range. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "fuse/inode.h"
#include "fuse/io.h"
#include "fuse/limits.h"
#include "fuse/operations.h"
#include "fuse/request.h"

/* ---- open, release ---- */

/* Returns true if the kernel can have dirty pages of a file opened with @flags: through a shared
 * mapping, and with the writeback cache through any write. */
static bool can_dirty(const struct fs *fs, int flags)
{
	int mode = flags & O_ACCMODE;

	return fs->config.writeback ? mode != O_RDONLY : mode == O_RDWR;
}

void fs_count_open_locked(struct fs *fs, struct tree_inode *inode, int flags, int change)
{
	if (!fs->no_open && can_dirty(fs, flags))
		tree_add_writers(fs->tree, inode, change);
}

void fs_uncount_open(struct fs *fs, uint64_t ino, int flags)
{
	struct tree_inode *inode = fs_inode_lock(fs, ino);

	if (!inode)
		return;
	fs_count_open_locked(fs, inode, flags, -1);
	fs_inode_unlock(fs, inode);
}

bool fs_may_be_dirty_locked(const struct fs *fs, const struct tree_inode *inode)
{
	return !fs->config.physical && (fs->no_open || tree_has_writers(inode));
}

void fs_open_flags(struct fuse_file_info *fi)
{
	fi->keep_cache = 1;
	fi->noflush = 1;
}

/* Reads that the kernel serves from its cache send no request, so opening a file to read it counts
 * as an access. Return: true if the access time has changed. */
static bool note_access_locked(struct fs *fs, struct tree_inode *inode, int flags)
{
	return (flags & O_ACCMODE) != O_WRONLY && !(flags & O_NOATIME) &&
	       fs_touch_accessed_locked(fs, inode);
}

void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;
	bool changed;

	if (!fs)
		return;
	if (fs->no_open) {
		fs_reply_err(fs, req, -ENOSYS); /* the kernel opens files without a request */
		return;
	}
	inode = fs_inode_lock(fs, ino);
	if (!inode) {
		fs_reply_err(fs, req, -ESTALE);
		return;
	}
	changed = note_access_locked(fs, inode, fi->flags);
	fs_count_open_locked(fs, inode, fi->flags, 1);
	commit_outcome(&fs->commit, REPLICA_OUTCOME_OPENED, 0, ino, (unsigned)fi->flags);
	fs_inode_unlock(fs, inode);
	/* With the writeback cache the kernel must ask for new blocks: it does not count them. */
	changed |= fs->config.writeback && can_dirty(fs, fi->flags);
	if (changed && fs->config.atime != TREE_ATIME_STRICT)
		fs_inval_attr(fs, ino);
	fs_open_flags(fi);
	fs_reply_open(fs, req, ino, fi);
}

void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;

	if (!fs)
		return;
	inode = fs_inode_lock(fs, ino);
	if (inode) {
		fs_count_open_locked(fs, inode, fi->flags, -1);
		commit_outcome(&fs->commit, REPLICA_OUTCOME_ERROR, 0, 0, 0);
		fs_inode_unlock(fs, inode);
	}
	fs_reply_err(fs, req, 0);
}

/* ---- fallocate ---- */

static int range_kind(int mode, enum data_op_kind *ret_kind)
{
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
		*ret_kind = DATA_OP_ALLOCATE;
		return 0;
	case FALLOC_FL_PUNCH_HOLE:
		*ret_kind = DATA_OP_PUNCH;
		return 0;
	case FALLOC_FL_ZERO_RANGE:
		*ret_kind = DATA_OP_ZERO;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void reply_fallocate(struct fs_io *io)
{
	fs_touch_modified(io->fs, io->req, io->ino, FS_SETID_ASK);
	fs_reply_err(io->fs, io->req, 0);
}

void fs_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t bytes,
		     struct fuse_file_info *fi)
{
	struct fs_io *io = fs_io_begin(req, ino, DATA_OP_ALLOCATE, off, (uint64_t)bytes);

	(void)fi;
	if (!io)
		return;
	io->op.keeps_reserve = fs_keeps_reserve(io->fs, req, (uint64_t)bytes);
	io->op.keep_size = mode & FALLOC_FL_KEEP_SIZE;
	io->reply = reply_fallocate;
	io->result = range_kind(mode, &io->op.kind);
	fs_io_submit(io);
}

/* ---- copy_file_range ---- */

static ssize_t copy_range(struct fs_io *io)
{
	struct data_file *src, *dst;
	int err;

	err = fs_file_get(io->fs, io->source_ino, false, &src);
	if (err)
		return err;
	if (!src)
		return 0;
	err = fs_file_get(io->fs, io->ino, true, &dst);
	if (err)
		return err;
	return data_copy(src, io->source_offset, dst, io->op.offset, io->op.bytes,
			 io->op.keeps_reserve);
}

static void reply_copy(struct fs_io *io)
{
	if (io->result)
		fs_touch_modified(io->fs, io->req, io->ino, FS_SETID_ASK);
	fs_touch_accessed(io->fs, io->source_ino);
	fs_reply_write(io->fs, io->req, (size_t)io->result);
}

static void run_copy(struct fs_io *io)
{
	io->result = copy_range(io);
	fs_io_end(io);
}

void fs_op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			   struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			   struct fuse_file_info *fi_out, size_t bytes, int flags)
{
	struct fs_io *io = fs_io_begin(req, ino_out, DATA_OP_WRITE, off_out, bytes);

	(void)fi_in;
	(void)fi_out;
	if (!io)
		return;
	if (flags) {
		io->result = -EINVAL;
		fs_io_end(io);
		return;
	}
	io->op.keeps_reserve = fs_keeps_reserve(io->fs, req, bytes);
	io->source_ino = ino_in;
	io->source_offset = (uint64_t)off_in;
	io->reply = reply_copy;
	io->run = run_copy;
	fs_blocking_run(io->fs->blocking, io);
}

/* ---- lseek ---- */

/* Dirty pages in the kernel's cache would look like holes. cxlfs cannot make the kernel write them
 * first: that notification sleeps in the kernel until other threads of cxlfs have answered, and
 * nothing can interrupt it if they are gone. */
static bool may_be_dirty(struct fs *fs, uint64_t ino)
{
	struct tree_inode *inode = fs_inode_lock(fs, ino);
	bool may;

	if (!inode)
		return true;
	may = fs_may_be_dirty_locked(fs, inode);
	fs_inode_unlock(fs, inode);
	return may;
}

/* Treats the whole file as data. */
static int64_t seek_without_holes(struct data_file *file, int64_t offset, int whence)
{
	int64_t size = (int64_t)data_file_size(file);

	if (offset < 0 || offset >= size)
		return -ENXIO;
	return whence == SEEK_DATA ? offset : size;
}

static int64_t seek(struct fs *fs, uint64_t ino, off_t off, int whence)
{
	struct data_file *file;
	int err = fs_file_get(fs, ino, false, &file);

	if (err || !file)
		return err ? err : -ENXIO;
	return may_be_dirty(fs, ino) ? seek_without_holes(file, off, whence)
				     : data_seek(file, off, whence);
}

void fs_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	int64_t found;

	(void)fi;
	if (!fs)
		return;
	/* -ENOSYS: the kernel does not ask again, and reports files without holes. */
	found = fs->config.writeback || fs->no_open ? -ENOSYS : seek(fs, ino, off, whence);
	if (found < 0) {
		fs_reply_err(fs, req, (int)found);
		return;
	}
	fuse_reply_lseek(req, found);
	fs_leave(fs);
}
