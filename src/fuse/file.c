/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing files.
 *
 * The kernel may have changed pages that it has not written yet: through a shared mapping, or with
 * the writeback cache through any write. Only an open file can have them, because the kernel writes
 * them before it says that the file was closed. So opens that can change pages unseen are counted.
 */
#include "fuse/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

static bool can_dirty(const struct fs *fs, int flags)
{
	int mode = flags & O_ACCMODE;

	return fs->config.writeback ? mode != O_RDONLY : mode == O_RDWR;
}

void fs_count_open(struct fs *fs, struct tree_inode *inode, int flags, int change)
{
	if (fs->no_open || !can_dirty(fs, flags))
		return;
	fs_attr_lock(fs, inode);
	tree_add_writers(inode, change);
	fs_attr_unlock(fs, inode);
}

void fs_uncount_open(struct fs *fs, uint64_t ino, int flags)
{
	struct tree_inode *inode;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		fs_count_open(fs, inode, flags, -1);
	fs_unlock(fs);
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

/* Reads that the kernel answers from its cache do not reach us, so an open for reading counts as an
 * access. Return: whether the access time has changed. */
static bool note_access(struct fs *fs, struct tree_inode *inode, int flags)
{
	struct timespec now;
	bool due;

	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_NOATIME) ||
	    fs->atime == TREE_ATIME_NEVER)
		return false;
	now = fs_now();
	fs_attr_lock(fs, inode);
	due = tree_atime_due(inode, fs->atime, &now);
	if (due)
		tree_touch_accessed(inode, &now);
	fs_attr_unlock(fs, inode);
	return due;
}

void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;
	bool changed = false;

	if (!fs)
		return;
	if (fs->no_open) {
		fs_reply_err(fs, req, -ENOSYS); /* never asked again: every open succeeds */
		return;
	}
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode) {
		changed = note_access(fs, inode, fi->flags);
		fs_count_open(fs, inode, fi->flags, 1);
		/* From now on the kernel must ask for the blocks, which it does not count itself. */
		changed |= fs->config.writeback && can_dirty(fs, fi->flags);
	}
	fs_unlock(fs);
	if (!inode) {
		fs_reply_err(fs, req, -ESTALE);
		return;
	}
	if (changed && fs->config.atime != TREE_ATIME_STRICT)
		fs_inval_attr(fs, ino);
	fs_open_flags(fi);
	fs_reply_open(fs, req, ino, fi);
}

/* The kernel's reference keeps a file that is open; nothing else depends on its being closed. */
void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);

	if (!fs)
		return;
	fs_uncount_open(fs, ino, fi->flags);
	fs_reply_err(fs, req, 0);
}

static void range_done(struct fs_io *io)
{
	if (io->result >= 0)
		fs_touch_modified(io->fs, io->req, io->ino, FS_SETID_ASK);
	fs_reply_err(io->fs, io->req, io->result < 0 ? (int)io->result : 0);
	fs_io_put(io);
}

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

void fs_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t bytes,
		     struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	enum data_op_kind kind;
	struct fs_io *io;
	int err;

	(void)fi;
	if (!fs)
		return;
	err = range_kind(mode, &kind);
	if (err) {
		fs_reply_err(fs, req, err);
		return;
	}
	io = fs_io_get(fs, req, ino);
	if (!io) {
		fs_reply_err(fs, req, -ENOMEM);
		return;
	}
	io->op.kind = kind;
	io->op.keep_size = mode & FALLOC_FL_KEEP_SIZE;
	io->op.offset = (uint64_t)off;
	io->op.bytes = (uint64_t)bytes;
	io->done = range_done;
	fs_io_submit(io);
}

static ssize_t copy(struct fs_io *io)
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
	return data_copy(src, io->from, dst, io->op.offset, io->op.bytes);
}

static void copied(struct fs_io *io)
{
	if (io->result < 0) {
		fs_reply_err(io->fs, io->req, (int)io->result);
	} else {
		if (io->result)
			fs_touch_modified(io->fs, io->req, io->ino, FS_SETID_ASK);
		fs_touch_accessed(io->fs, io->source_ino);
		fuse_reply_write(io->req, (size_t)io->result);
		fs_leave(io->fs);
	}
	fs_io_put(io);
}

static void copy_slowly(struct fs_io *io)
{
	io->result = copy(io);
	io->done = copied;
	fs_io_end(io);
}

void fs_op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			   struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			   struct fuse_file_info *fi_out, size_t bytes, int flags)
{
	struct fs *fs = fs_enter(req);
	struct fs_io *io;

	(void)fi_in;
	(void)fi_out;
	if (!fs)
		return;
	if (flags) {
		fs_reply_err(fs, req, -EINVAL);
		return;
	}
	io = fs_io_get(fs, req, ino_out);
	if (!io) {
		fs_reply_err(fs, req, -ENOMEM);
		return;
	}
	io->source_ino = ino_in;
	io->from = (uint64_t)off_in;
	io->op.offset = (uint64_t)off_out;
	io->op.bytes = bytes;
	io->done = copy_slowly;
	fs_blocking_run(fs->blocking, io);
}

/* Pages that are dirty in the kernel's cache would look like holes. We cannot make the kernel write
 * them first: that notification sleeps in the kernel until our other threads have answered, and it
 * cannot be killed if they are gone. */
static bool may_be_dirty(struct fs *fs, uint64_t ino)
{
	struct tree_inode *inode;
	bool may = true;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode) {
		fs_attr_lock(fs, inode);
		may = fs_may_be_dirty_locked(fs, inode);
		fs_attr_unlock(fs, inode);
	}
	fs_unlock(fs);
	return may;
}

/* A file that is data from end to end. */
static int64_t seek_without_holes(struct data_file *file, int64_t offset, int whence)
{
	int64_t size = (int64_t)data_file_size(file);

	if (offset < 0 || offset >= size)
		return -ENXIO;
	return whence == SEEK_DATA ? offset : size;
}

void fs_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct data_file *file;
	int64_t found;
	int err;

	(void)fi;
	if (!fs)
		return;
	if (fs->config.writeback || fs->no_open) {
		fs_reply_err(fs, req, -ENOSYS); /* never asked again: no file has holes */
		return;
	}
	err = fs_file_get(fs, ino, false, &file);
	if (err || !file) {
		fs_reply_err(fs, req, err ? err : -ENXIO);
		return;
	}
	found = may_be_dirty(fs, ino) ? seek_without_holes(file, off, whence)
				      : data_seek(file, off, whence);
	if (found < 0) {
		fs_reply_err(fs, req, (int)found);
		return;
	}
	fuse_reply_lseek(req, found);
	fs_leave(fs);
}

void fs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
		 unsigned flags, const void *in, size_t in_bytes, size_t out_bytes)
{
	struct fs *fs = fs_enter(req);
	char text[FS_OPTIONS_BYTES] = "";

	(void)arg, (void)fi, (void)flags, (void)in, (void)in_bytes;
	if (!fs)
		return;
	if (cmd != FS_IOC_OPTIONS || ino != TREE_ROOT_INO || out_bytes < sizeof(text) ||
	    !fs->config.options) {
		fs_reply_err(fs, req, -ENOTTY);
		return;
	}
	strncpy(text, fs->config.options, sizeof(text) - 1);
	fuse_reply_ioctl(req, 0, text, sizeof(text));
	fs_leave(fs);
}
