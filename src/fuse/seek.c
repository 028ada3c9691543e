/* SPDX-License-Identifier: Apache-2.0 */
/* SEEK_DATA and SEEK_HOLE. */
#include "fuse/internal.h"

#include <errno.h>
#include <unistd.h>

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
