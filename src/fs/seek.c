/* SPDX-License-Identifier: Apache-2.0 */
/* SEEK_DATA and SEEK_HOLE. */
#include "fs/internal.h"

#include <errno.h>

void fs_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct data_file *file;
	int64_t found;
	int err;

	(void)fi;
	if (!fs)
		return;
	/* Pages that the kernel has not written back yet would look like holes; with -ENOSYS it
	 * takes every file as data from end to end, which is always true enough. To have it write
	 * them first is no way: the notification that does it sleeps in the kernel until our other
	 * threads have answered, and cannot be killed if they are gone. */
	if (fs->config.writeback) {
		fs_reply_err(fs, req, -ENOSYS);
		return;
	}
	err = fs_file_get(fs, ino, false, &file);
	if (err || !file) {
		fs_reply_err(fs, req, err ? err : -ENXIO);
		return;
	}
	found = data_seek(file, off, whence);
	if (found < 0) {
		fs_reply_err(fs, req, (int)found);
		return;
	}
	fuse_reply_lseek(req, found);
	fs_leave(fs);
}
