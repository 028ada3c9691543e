/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that became read-only while it is mounted for writing: changes fail with EROFS. */
#include <errno.h>
#include <linux/fuse.h>

#include "fuse/request.h"
#include "fuse/takeover/internal.h"

static bool is_change(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_SETATTR:
	case FUSE_SYMLINK:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME:
	case FUSE_LINK:
	case FUSE_WRITE:
	case FUSE_SETXATTR:
	case FUSE_REMOVEXATTR:
	case FUSE_CREATE:
	case FUSE_FALLOCATE:
	case FUSE_RENAME2:
	case FUSE_COPY_FILE_RANGE:
	case FUSE_TMPFILE:
		return true;
	default:
		return false;
	}
}

bool refuse_change(struct fs *fs, fuse_req_t req)
{
	const struct slot *slot = slot_here();

	if (!slot || !is_change(slot->request.kind))
		return false;
	fs_reply_err(fs, req, -EROFS);
	return true;
}

void fs_make_read_only(struct fs *fs)
{
	fs->read_only = true;
	fs->answer_first = answer_instead;
}
