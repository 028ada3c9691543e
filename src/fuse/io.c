/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing. */
#include "fuse/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fuse/transport/lanes.h"

struct fs_io *fs_io_get(struct fs *fs, fuse_req_t req, uint64_t ino)
{
	struct fs_io *io = fs_io_pool_get(fs->pool);

	if (!io)
		return NULL;
	memset(&io->op, 0, offsetof(struct data_op, priv));
	if (req)
		fs_hold(fs);
	io->fs = fs;
	io->req = req;
	io->ino = ino;
	io->entry = req ? ring_entry_here() : NULL;
	if (io->entry)
		ring_keep(io->entry);
	io->setid = FS_SETID_KEEP;
	io->buf = NULL;
	return io;
}

void fs_io_put(struct fs_io *io)
{
	struct fs *fs = io->fs;
	bool has_request = io->req;

	if (io->entry)
		ring_release(io->entry);
	if (io->buf)
		fs_io_pool_buffer_put(fs->pool, io->buf, io->buf_bytes);
	fs_io_pool_put(fs->pool, io);
	if (has_request)
		fs_leave(fs);
}

void fs_io_end(struct fs_io *io)
{
	if (io->entry && !ring_is_here(io->entry))
		ring_answer(io->entry, io);
	else
		io->done(io);
}

static void complete(struct data_op *op, ssize_t result)
{
	struct fs_io *io = (struct fs_io *)op;

	io->result = result;
	fs_io_end(io);
}

int fs_file_get(struct fs *fs, uint64_t ino, bool create, struct data_file **ret_file)
{
	struct tree_inode *inode;
	struct data_file *file = NULL;
	int err = 0;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (!inode) {
		fs_unlock(fs);
		return -ESTALE;
	}
	fs_attr_lock(fs, inode);
	if (!S_ISREG(tree_mode(inode)))
		err = S_ISDIR(tree_mode(inode)) ? -EISDIR : -EINVAL;
	else
		file = tree_payload(inode);
	if (!err && !file && create) {
		file = data_file_new(fs->config.volume);
		if (file)
			tree_set_payload(fs->tree, inode, file);
		else
			err = -ENOMEM;
	}
	fs_attr_unlock(fs, inode);
	fs_unlock(fs);
	if (!err)
		*ret_file = file;
	return err;
}

/* What needs no data object if there is none yet: an empty file has nothing to read or to drop. */
static bool needs_data(const struct data_op *op)
{
	switch (op->kind) {
	case DATA_OP_READ:
	case DATA_OP_PUNCH:
		return false;
	case DATA_OP_TRUNCATE:
		return op->offset > 0;
	default:
		return true;
	}
}

static int find_data(struct fs_io *io)
{
	return fs_file_get(io->fs, io->ino, needs_data(&io->op), &io->op.file);
}

void fs_io_submit(struct fs_io *io)
{
	int err = find_data(io);

	io->op.done = complete;
	if (err || !io->op.file)
		complete(&io->op, err);
	else
		data_submit(&io->op);
}

/* With a ring the flash writes straight into the buffer from which the kernel takes the answer. */
static int read_buffer(struct fs_io *io, size_t bytes)
{
	size_t payload_bytes = 0;

	if (io->entry)
		io->op.buf = ring_entry_payload(io->entry, &payload_bytes);
	if (bytes <= payload_bytes)
		return 0;
	io->buf = fs_io_pool_buffer_get(io->fs->pool, bytes, &io->buf_bytes);
	io->op.buf = io->buf;
	return io->buf ? 0 : -ENOMEM;
}

static void read_done(struct fs_io *io)
{
	if (io->result < 0) {
		fs_reply_err(io->fs, io->req, (int)io->result);
	} else {
		if (!(io->fi.flags & O_NOATIME))
			fs_touch_accessed(io->fs, io->ino);
		fs_reply_buf(io->fs, io->req, io->op.buf, (size_t)io->result);
	}
	fs_io_put(io);
}

void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct fs_io *io;

	if (!fs)
		return;
	io = fs_io_get(fs, req, ino);
	if (!io || read_buffer(io, bytes)) {
		fs_reply_err(fs, req, -ENOMEM);
		if (io)
			fs_io_put(io);
		return;
	}
	io->fi.flags = fi->flags;
	io->op.kind = DATA_OP_READ;
	io->op.offset = (uint64_t)off;
	io->op.bytes = bytes;
	io->done = read_done;
	fs_io_submit(io);
}

static void write_done(struct fs_io *io)
{
	if (io->result < 0) {
		fs_reply_err(io->fs, io->req, (int)io->result);
	} else {
		/* With the writeback cache the kernel sends the time of written pages itself. */
		if (!io->fi.writepage)
			fs_touch_modified(io->fs, io->req, io->ino, io->setid);
		else if (!io->fs->config.writeback)
			fs_touch_mapped(io->fs, io->ino);
		fuse_reply_write(io->req, (size_t)io->result);
		fs_leave(io->fs);
	}
	fs_io_put(io);
}

void fs_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t bytes, off_t off,
		 struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct fs_io *io;

	if (!fs)
		return;
	io = fs_io_get(fs, req, ino);
	if (!io) {
		fs_reply_err(fs, req, -ENOMEM);
		return;
	}
	io->fi = *fi;
#if FS_HAVE_KILL_SUIDGID
	io->setid = fi->kill_suidgid ? FS_SETID_DROP : FS_SETID_KEEP;
#endif
	io->op.kind = DATA_OP_WRITE;
	io->op.offset = (uint64_t)off;
	io->op.bytes = bytes;
	io->op.buf = (void *)(uintptr_t)buf; /* only read from */
	io->done = write_done;
	io->result = io->entry ? 0 : lanes_keep(io, buf, bytes);
	if (io->result)
		write_done(io);
	else
		fs_io_submit(io);
}
