/* SPDX-License-Identifier: Apache-2.0 */
/* Making, linking, renaming and removing names. */
#include "fuse/internal.h"

#include <errno.h>

/* Whether its maker is in the group matters only for a set-group-id, group-executable file. */
static bool maker_may_setgid(fuse_req_t req, const struct tree_inode *dir, mode_t mode)
{
	struct tree_attr attr;

	if ((mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP))
		return true;
	tree_getattr(dir, &attr);
	return fs_caller_in_group(req, attr.mode & S_ISGID ? attr.gid : fuse_req_ctx(req)->gid);
}

static void reply_entry(struct fs *fs, fuse_req_t req, int err,
			const struct fuse_entry_param *entry)
{
	if (err)
		fs_reply_err(fs, req, err);
	else
		fs_reply_entry(fs, req, entry);
}

static void reply_opened(struct fs *fs, fuse_req_t req, int err,
			 const struct fuse_entry_param *entry, struct fuse_file_info *fi)
{
	if (err) {
		fs_reply_err(fs, req, err);
		return;
	}
	fs_open_flags(fi);
	fs_reply_create(fs, req, entry, fi);
}

/* A file for which no resource handle is left is refused now, as if the inodes had run out. */
static int check_room(struct fs *fs, mode_t mode)
{
	bool regular = S_ISREG(mode) || !(mode & S_IFMT);

	return regular && !data_volume_can_add_file(fs->config.volume) ? -ENOSPC : 0;
}

static int make_locked(struct fs *fs, fuse_req_t req, fuse_ino_t parent, const char *name,
		       mode_t mode, dev_t rdev, struct tree_inode **ret_inode)
{
	struct tree_caller caller = fs_caller(req);
	struct tree_inode *dir = tree_get(fs->tree, parent);
	int err = check_room(fs, mode);

	if (!dir)
		return -ESTALE;
	if (err)
		return err;
	caller.may_setgid = maker_may_setgid(req, dir, mode);
	return tree_mknod(fs->tree, dir, name, mode, rdev, &caller, ret_inode);
}

static void make(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs *fs = fs_enter_names(req);
	struct fuse_entry_param entry;
	struct tree_inode *inode;
	int err;

	if (!fs)
		return;
	fs_write_lock(fs);
	err = make_locked(fs, req, parent, name, mode, rdev, &inode);
	if (!err)
		fs_entry_locked(fs, inode, &entry);
	fs_unlock(fs);
	reply_entry(fs, req, err, &entry);
}

void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	make(req, parent, name, mode, rdev);
}

void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	make(req, parent, name, (mode & ~(mode_t)S_IFMT) | S_IFDIR, 0);
}

void fs_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_enter_names(req);
	struct fuse_entry_param entry;
	struct tree_caller caller;
	struct tree_inode *dir, *inode;
	int err = -ESTALE;

	if (!fs)
		return;
	caller = fs_caller(req);
	fs_write_lock(fs);
	dir = tree_get(fs->tree, parent);
	if (dir)
		err = tree_symlink(fs->tree, dir, name, target, &caller, &inode);
	if (!err)
		fs_entry_locked(fs, inode, &entry);
	fs_unlock(fs);
	reply_entry(fs, req, err, &entry);
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
	/* A target never changes, and the kernel's reference keeps the inode until we have answered. */
	fuse_reply_readlink(req, target);
	fs_leave(fs);
}

void fs_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	struct fs *fs = fs_enter_names(req);
	struct fuse_entry_param entry;
	struct tree_caller caller;
	struct tree_inode *inode, *dir;
	int err = -ESTALE;

	if (!fs)
		return;
	caller = fs_caller(req);
	fs_write_lock(fs);
	inode = tree_get(fs->tree, ino);
	dir = tree_get(fs->tree, new_parent);
	if (inode && dir)
		err = tree_link(fs->tree, inode, dir, new_name, &caller);
	if (!err)
		fs_entry_locked(fs, inode, &entry);
	fs_unlock(fs);
	reply_entry(fs, req, err, &entry);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, bool directory)
{
	struct fs *fs = fs_enter_names(req);
	struct tree_caller caller;
	struct tree_inode *dir;
	int err = -ESTALE;

	if (!fs)
		return;
	caller = fs_caller(req);
	fs_write_lock(fs);
	dir = tree_get(fs->tree, parent);
	if (dir && directory)
		err = tree_rmdir(fs->tree, dir, name, &caller);
	else if (dir)
		err = tree_unlink(fs->tree, dir, name, &caller, NULL);
	fs_unlock(fs);
	fs_reply_err(fs, req, err);
}

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, false);
}

void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, true);
}

void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		  const char *new_name, unsigned flags)
{
	struct fs *fs = fs_enter_names(req);
	struct tree_caller caller;
	struct tree_inode *old_dir, *new_dir;
	int err = -ESTALE;

	if (!fs)
		return;
	caller = fs_caller(req);
	fs_write_lock(fs);
	old_dir = tree_get(fs->tree, parent);
	new_dir = tree_get(fs->tree, new_parent);
	if (old_dir && new_dir)
		err = tree_rename(fs->tree, old_dir, name, new_dir, new_name, flags, &caller);
	fs_unlock(fs);
	fs_reply_err(fs, req, err);
}

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter_names(req);
	struct fuse_entry_param entry;
	struct tree_inode *inode;
	int err;

	if (!fs)
		return;
	fs_write_lock(fs);
	err = make_locked(fs, req, parent, name, (mode & ~(mode_t)S_IFMT) | S_IFREG, 0, &inode);
	if (!err) {
		fs_count_open(fs, inode, fi->flags, 1);
		fs_entry_locked(fs, inode, &entry);
	}
	fs_unlock(fs);
	reply_opened(fs, req, err, &entry, fi);
}

void fs_op_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter_names(req);
	struct fuse_entry_param entry;
	struct tree_caller caller;
	struct tree_inode *dir, *inode;
	int err = -ESTALE;

	if (!fs)
		return;
	caller = fs_caller(req);
	fs_write_lock(fs);
	dir = tree_get(fs->tree, parent);
	if (dir)
		err = check_room(fs, S_IFREG);
	if (!err) {
		caller.may_setgid = maker_may_setgid(req, dir, mode);
		err = tree_tmpfile(fs->tree, dir, mode, &caller, &inode);
	}
	if (!err) {
		fs_count_open(fs, inode, fi->flags, 1);
		fs_entry_locked(fs, inode, &entry);
	}
	fs_unlock(fs);
	reply_opened(fs, req, err, &entry, fi);
}
