/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/operations.h"
#include "fuse/request.h"

static bool is_access_acl(const char *name)
{
	return !strcmp(name, "system.posix_acl_access");
}

void fs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		    size_t bytes, int flags)
{
	struct fs_change change;
	struct tree_attr attr;
	bool drop_setgid;

	if (!fs_change_begin(&change, req, ino))
		return;
	tree_getattr(change.inode, &attr);
	drop_setgid =
		is_access_acl(name) && (attr.mode & S_ISGID) && !fs_caller_in_group(req, attr.gid);
	fs_change_end(&change, tree_setxattr(change.fs->tree, change.inode, name, value, bytes,
					     flags, drop_setgid, &change.caller));
}

void fs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fs_change change;

	if (fs_change_begin(&change, req, ino))
		fs_change_end(&change, tree_removexattr(change.fs->tree, change.inode, name,
							&change.caller));
}

/* Without CAP_SYS_ADMIN the kernel does not let a caller read trusted attributes. Programs that
 * copy attributes fail on names that they cannot read, so such a caller gets a list without them.
 */
static ssize_t list_locked(fuse_req_t req, const struct tree_inode *inode, char *list, size_t bytes)
{
	bool with_trusted =
		tree_listxattr(inode, true, NULL, 0) != tree_listxattr(inode, false, NULL, 0);

	return tree_listxattr(inode, with_trusted && fs_caller_can(req, CAP_SYS_ADMIN), list,
			      bytes);
}

/* @name: NULL lists the names */
static void read_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t bytes)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;
	ssize_t got = -ESTALE;
	char *buf = NULL;

	if (!fs)
		return;
	if (bytes && !(buf = malloc(bytes))) {
		fs_reply_err(fs, req, -ENOMEM);
		return;
	}
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		got = name ? tree_getxattr(inode, name, buf, bytes)
			   : list_locked(req, inode, buf, bytes);
	fs_unlock(fs);
	if (got < 0) {
		fs_reply_err(fs, req, (int)got);
	} else if (bytes) {
		fs_reply_buf(fs, req, buf, (size_t)got);
	} else {
		fuse_reply_xattr(req, (size_t)got);
		fs_leave(fs);
	}
	free(buf);
}

void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t bytes)
{
	read_xattr(req, ino, name, bytes);
}

void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t bytes)
{
	read_xattr(req, ino, NULL, bytes);
}
