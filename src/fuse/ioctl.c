/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/internal.h"

#include <errno.h>
#include <string.h>

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
