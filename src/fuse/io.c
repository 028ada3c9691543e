/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write, and the data operations of other requests. */
#include "fuse/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fuse/inode.h"
#include "fuse/limits.h"
#include "fuse/operations.h"
#include "fuse/request.h"

static void complete(struct data_op *op, ssize_t result)
{
	struct fs_io *io = (struct fs_io *)op;

	io->result = result;
	fs_io_end(io);
}

struct fs_io *fs_io_get(struct fs *fs, fuse_req_t req, uint64_t ino)
{
	struct fs_io *io = fs_io_pool_get(fs->pool);

	if (!io)
		return NULL;
	memset(&io->op, 0, offsetof(struct data_op, priv));
	io->op.done = complete;
	if (req)
		fs_hold(fs);
	io->fs = fs;
	io->req = req;
	io->ino = ino;
	io->slot = req ? slot_here() : NULL;
	if (io->slot)
		slot_keep(io->slot);
	io->setid = FS_SETID_KEEP;
	io->result = 0;
	return io;
}

struct fs_io *fs_io_begin(fuse_req_t req, uint64_t ino, enum data_op_kind kind, off_t offset,
			  uint64_t bytes)
{
	struct fs *fs = fs_enter(req);
	struct fs_io *io;

	if (!fs)
		return NULL;
	io = fs_io_get(fs, req, ino);
	if (!io) {
		fs_reply_err(fs, req, -ENOMEM);
		return NULL;
	}
	io->op.kind = kind;
	io->op.offset = (uint64_t)offset;
	io->op.bytes = bytes;
	return io;
}

void fs_io_put(struct fs_io *io)
{
	struct fs *fs = io->fs;
	bool has_request = io->req;

	if (io->slot)
		slot_release(io->slot);
	fs_io_pool_put(fs->pool, io);
	if (has_request)
		fs_leave(fs);
}

/* The thread may be serving another request: its commands complete on any thread. */
void fs_io_answer(struct fs_io *io)
{
	struct slot *serving = slot_here();

	slot_set_here(io->slot);
	if (io->slot)
		io->slot->request.command_ticks = io->op.command_ticks;
	if (io->result < 0)
		fs_reply_err(io->fs, io->req, (int)io->result);
	else
		io->reply(io);
	slot_set_here(serving);
	fs_io_put(io);
}

static void answer(void *arg)
{
	fs_io_answer(arg);
}

void fs_io_end(struct fs_io *io)
{
	if (io->slot)
		slot_resume(io->slot, answer, io);
	else
		fs_io_answer(io);
}

static void set_file_locked(struct fs *fs, struct tree_inode *inode, struct data_file *file)
{
	tree_set_payload(fs->tree, inode, file);
	commit_file(&fs->commit, tree_ino(inode), file);
}

int fs_file_get(struct fs *fs, uint64_t ino, bool create, struct data_file **ret_file)
{
	struct tree_inode *inode = fs_inode_lock(fs, ino);
	struct data_file *file;
	int err = 0;

	if (!inode)
		return -ESTALE;
	file = tree_payload(inode);
	if (!S_ISREG(tree_mode(inode))) {
		err = S_ISDIR(tree_mode(inode)) ? -EISDIR : -EINVAL;
	} else if (!file && create) {
		file = data_file_new(fs->config.volume);
		if (file)
			set_file_locked(fs, inode, file);
		else
			err = -ENOMEM;
	}
	fs_inode_unlock(fs, inode);
	if (!err)
		*ret_file = file;
	return err;
}

/* An empty file without a data object has nothing to read or to discard. */
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

void fs_io_submit(struct fs_io *io)
{
	if (!io->result)
		io->result = fs_file_get(io->fs, io->ino, needs_data(&io->op), &io->op.file);
	if (io->result || !io->op.file)
		fs_io_end(io);
	else
		data_submit(&io->op);
}

static void reply_read(struct fs_io *io)
{
	if (!(io->fi.flags & O_NOATIME))
		fs_touch_accessed(io->fs, io->ino);
	fs_reply_buf(io->fs, io->req, io->op.buf, (size_t)io->result);
}

void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off, struct fuse_file_info *fi)
{
	struct fs_io *io = fs_io_begin(req, ino, DATA_OP_READ, off,
				       bytes < SLOT_PAYLOAD_BYTES ? bytes : SLOT_PAYLOAD_BYTES);

	if (!io)
		return;
	io->fi.flags = fi->flags;
	io->reply = reply_read;
	io->op.buf = io->slot->payload;
	fs_io_submit(io);
}

static void reply_write(struct fs_io *io)
{
	/* With the writeback cache the kernel sends the times of pages by itself. */
	if (!io->fi.writepage)
		fs_touch_modified(io->fs, io->req, io->ino, io->setid);
	else if (!io->fs->config.writeback)
		fs_touch_mapped(io->fs, io->ino);
	fs_reply_write(io->fs, io->req, (size_t)io->result);
}

void fs_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t bytes, off_t off,
		 struct fuse_file_info *fi)
{
	struct fs_io *io = fs_io_begin(req, ino, DATA_OP_WRITE, off, bytes);

	if (!io)
		return;
	io->fi = *fi;
#if FS_HAVE_KILL_SUIDGID
	io->setid = fi->kill_suidgid ? FS_SETID_DROP : FS_SETID_KEEP;
#endif
	io->op.buf = (void *)(uintptr_t)buf; /* only read */
	io->op.keeps_reserve = fs_keeps_reserve(io->fs, req, bytes);
	io->reply = reply_write;
	fs_io_submit(io);
}
