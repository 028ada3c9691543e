/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that create, link, rename and remove names. */
#include <errno.h>

#include "fuse/inode.h"
#include "fuse/operations.h"
#include "fuse/request.h"

/* A whole LUN is shown as a file; such files cannot be created or removed. */
static bool begin(struct fs_change *change, fuse_req_t req, fuse_ino_t parent)
{
	struct fs *fs;

	if (!fs_of(req)->config.physical)
		return fs_change_begin(change, req, parent);
	fs = fs_enter(req);
	if (fs)
		fs_reply_err(fs, req, -EPERM);
	return false;
}

/* @err: the result of the change; if 0, it has made or found @inode */
static void end_with_entry(const struct fs_change *change, int err, struct tree_inode *inode)
{
	struct fuse_entry_param entry;

	if (err) {
		fs_change_end(change, err);
		return;
	}
	fs_entry_locked(change->fs, inode, &entry);
	commit_outcome(&change->fs->commit, REPLICA_OUTCOME_ENTRY, 0, entry.ino, 0);
	fs_unlock(change->fs);
	fs_reply_entry(change->fs, change->req, &entry);
}

static void end_with_open_file(const struct fs_change *change, int err, struct tree_inode *inode,
			       struct fuse_file_info *fi)
{
	struct fuse_entry_param entry;

	if (err) {
		fs_change_end(change, err);
		return;
	}
	fs_count_open_locked(change->fs, inode, fi->flags, 1);
	fs_entry_locked(change->fs, inode, &entry);
	commit_outcome(&change->fs->commit, REPLICA_OUTCOME_CREATED, 0, entry.ino,
		       (unsigned)fi->flags);
	fs_unlock(change->fs);
	fs_open_flags(fi);
	fs_reply_create(change->fs, change->req, &entry, fi);
}

/* The group matters only for an S_ISGID file that the group may execute. */
static bool creator_may_setgid(fuse_req_t req, const struct tree_inode *dir, mode_t mode)
{
	struct tree_attr attr;

	if ((mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP))
		return true;
	tree_getattr(dir, &attr);
	return fs_caller_in_group(req, attr.mode & S_ISGID ? attr.gid : fuse_req_ctx(req)->gid);
}

/* A regular file may need a resource handle, so it cannot be created if none is free. */
static int check_create(struct fs_change *change, mode_t mode)
{
	bool regular = S_ISREG(mode) || !(mode & S_IFMT);
	int err = regular ? data_volume_check_add_file(change->fs->config.volume) : 0;

	if (err)
		return err;
	change->caller.may_setgid = creator_may_setgid(change->req, change->inode, mode);
	return 0;
}

static int make_node(struct fs_change *change, const char *name, mode_t mode, dev_t rdev,
		     struct tree_inode **ret_inode)
{
	int err = check_create(change, mode);

	return err ? err
		   : tree_mknod(change->fs->tree, change->inode, name, mode, rdev, &change->caller,
				ret_inode);
}

void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct tree_inode *inode = NULL;
	struct fs_change change;
	int err;

	if (!begin(&change, req, parent))
		return;
	err = make_node(&change, name, mode, rdev, &inode);
	end_with_entry(&change, err, inode);
}

void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	fs_op_mknod(req, parent, name, (mode & ~(mode_t)S_IFMT) | S_IFDIR, 0);
}

void fs_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct tree_inode *inode = NULL;
	struct fs_change change;
	int err;

	if (!begin(&change, req, parent))
		return;
	err = tree_symlink(change.fs->tree, change.inode, name, target, &change.caller, &inode);
	end_with_entry(&change, err, inode);
}

void fs_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_enter(req);
	const char *target = NULL;
	struct tree_inode *inode;

	if (!fs)
		return;
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		target = tree_readlink(inode);
	fs_unlock(fs);
	if (!target) {
		fs_reply_err(fs, req, inode ? -EINVAL : -ESTALE);
		return;
	}
	fs_touch_accessed(fs, ino);
	/* Safe without the lock: a target never changes, and the kernel holds a reference to the
	 * inode until the reply. */
	fuse_reply_readlink(req, target);
	fs_leave(fs);
}

void fs_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	struct tree_inode *inode;
	struct fs_change change;
	int err = -ESTALE;

	if (!begin(&change, req, new_parent))
		return;
	inode = tree_get(change.fs->tree, ino);
	if (inode)
		err = tree_link(change.fs->tree, inode, change.inode, new_name, &change.caller);
	end_with_entry(&change, err, inode);
}

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_change change;

	if (begin(&change, req, parent))
		fs_change_end(&change, tree_unlink(change.fs->tree, change.inode, name,
						   &change.caller, NULL));
}

void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs_change change;

	if (begin(&change, req, parent))
		fs_change_end(&change,
			      tree_rmdir(change.fs->tree, change.inode, name, &change.caller));
}

void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		  const char *new_name, unsigned flags)
{
	struct tree_inode *new_dir;
	struct fs_change change;
	int err = -ESTALE;

	if (!begin(&change, req, parent))
		return;
	new_dir = tree_get(change.fs->tree, new_parent);
	if (new_dir)
		err = tree_rename(change.fs->tree, change.inode, name, new_dir, new_name, flags,
				  &change.caller);
	fs_change_end(&change, err);
}

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	struct tree_inode *inode = NULL;
	struct fs_change change;
	int err;

	if (!begin(&change, req, parent))
		return;
	err = make_node(&change, name, (mode & ~(mode_t)S_IFMT) | S_IFREG, 0, &inode);
	end_with_open_file(&change, err, inode, fi);
}

void fs_op_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi)
{
	struct tree_inode *inode = NULL;
	struct fs_change change;
	int err;

	if (!begin(&change, req, parent))
		return;
	err = check_create(&change, (mode & ~(mode_t)S_IFMT) | S_IFREG);
	if (!err)
		err = tree_tmpfile(change.fs->tree, change.inode, mode, &change.caller, &inode);
	end_with_open_file(&change, err, inode, fi);
}
