/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on whole ranges of a file. */
#include "fuse/internal.h"

#include <errno.h>
#include <linux/falloc.h>

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
	fs_workers_run_slow(fs->workers, io);
}
