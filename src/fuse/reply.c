/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies. A reply fails if the kernel has dropped the request (-ENOENT: the caller was killed) or
 * the connection has ended. The reference or the open that it would have passed to the kernel is
 * then undone.
 */
#include <assert.h>

#include "fuse/inode.h"
#include "fuse/request.h"

void fs_reply_err(struct fs *fs, fuse_req_t req, int err)
{
	assert(err <= 0);
	slot_note_error(err);
	fuse_reply_err(req, -err);
	fs_leave(fs);
}

static void drop_reference(struct fs *fs, uint64_t ino)
{
	fs_write_lock(fs);
	tree_unref(fs->tree, tree_get(fs->tree, ino), 1);
	fs_unlock(fs);
}

void fs_reply_entry(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *entry)
{
	if (fuse_reply_entry(req, entry) < 0 && entry->ino)
		drop_reference(fs, entry->ino);
	fs_leave(fs);
}

void fs_reply_create(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *entry,
		     const struct fuse_file_info *fi)
{
	if (fuse_reply_create(req, entry, fi) < 0) {
		fs_uncount_open(fs, entry->ino, fi->flags);
		drop_reference(fs, entry->ino);
	}
	fs_leave(fs);
}

void fs_reply_open(struct fs *fs, fuse_req_t req, uint64_t ino, const struct fuse_file_info *fi)
{
	if (fuse_reply_open(req, fi) < 0)
		fs_uncount_open(fs, ino, fi->flags);
	fs_leave(fs);
}

void fs_reply_buf(struct fs *fs, fuse_req_t req, const void *buf, size_t bytes)
{
	slot_note_moved(bytes);
	fuse_reply_buf(req, buf, bytes);
	fs_leave(fs);
}

void fs_reply_write(struct fs *fs, fuse_req_t req, size_t bytes)
{
	slot_note_moved(bytes);
	fuse_reply_write(req, bytes);
	fs_leave(fs);
}
