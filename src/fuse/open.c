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
		fs_tell_attributes_changed(fs, ino);
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
