/* SPDX-License-Identifier: Apache-2.0 */
/* Creating inodes of every type, including symbolic links and unnamed files. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tree/acl.h"
#include "tree/inode.h"
#include "tree/name.h"

/* The group of a new inode, and the effects of a set-group-id directory. */
static void inherit_group(const struct tree_inode *dir, mode_t *mode,
			  const struct tree_caller *caller, gid_t *ret_gid)
{
	const mode_t sgid_exec = S_ISGID | S_IXGRP;

	*ret_gid = caller->gid;
	if (!(dir->mode & S_ISGID))
		return;
	*ret_gid = dir->gid;
	if (S_ISDIR(*mode))
		*mode |= S_ISGID;
	/* Such a program would grant a group that the caller is not in. */
	else if ((*mode & sgid_exec) == sgid_exec && !caller->may_setgid)
		*mode &= ~(mode_t)S_ISGID;
}

int tree_inode_make(struct tree *tree, const struct tree_inode *dir, mode_t mode,
		    const struct tree_caller *caller, struct tree_inode **ret_inode)
{
	struct tree_inode *inode;
	gid_t gid;
	int err;

	err = tree_quota_check(tree, caller->uid, 1);
	if (err)
		goto no_inode;
	inherit_group(dir, &mode, caller, &gid);
	err = tree_inode_new(tree, mode, caller, &inode);
	if (err)
		goto no_inode;
	inode->gid = gid;
	err = tree_acl_inherit(tree, dir, inode, caller->umask);
	if (!err)
		err = tree_itable_reserve(&tree->itable, tree->alloc);
	if (err) {
		tree_inode_free(tree, inode);
		goto no_inode;
	}
	*ret_inode = inode;
	return 0;

no_inode:
	log_debug(LOGC_TREE, "no new inode: %s", strerror(-err));
	return err;
}

/* Adds the first name of a new inode; frees the inode on failure. */
static int add_first_name(struct tree *tree, struct tree_inode *dir,
			  const struct tree_dir_slot *slot, const char *name,
			  struct tree_inode *inode, const struct timespec *now)
{
	int err = tree_dir_add(tree, &dir->dir, slot, name, inode);

	if (err) {
		tree_inode_free(tree, inode);
		return err;
	}
	inode->nlink = 1;
	if (tree_is_dir(inode)) {
		inode->nlink = 2;
		inode->dir.parent = dir;
		dir->nlink++;
	}
	tree_inode_publish(tree, inode);
	tree_name_changed(dir, now);
	return 0;
}

int tree_mknod(struct tree *tree, struct tree_inode *dir, const char *name, mode_t mode, dev_t rdev,
	       const struct tree_caller *caller, struct tree_inode **ret_inode)
{
	struct tree_inode *inode;
	struct tree_dir_slot slot;
	int err;

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if (!tree_inode_is_type(mode) || S_ISLNK(mode))
		return -EINVAL;
	err = tree_name_find_free(tree, dir, name, &slot);
	if (err)
		return err;
	if (S_ISDIR(mode) && dir->nlink >= tree->max_links) {
		log_debug(LOGC_TREE, "inode %" PRIu64 " has %u links already", dir->ino,
			  dir->nlink);
		return -EMLINK;
	}
	err = tree_inode_make(tree, dir, mode & (S_IFMT | 07777), caller, &inode);
	if (err)
		return err;
	if (S_ISCHR(mode) || S_ISBLK(mode))
		inode->rdev = rdev;
	err = add_first_name(tree, dir, &slot, name, inode, &caller->now);
	if (err)
		return err;
	*ret_inode = inode;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_MKNOD, .ino = dir->ino, .new_ino = inode->ino,
		     .name = name, .mode = mode, .rdev = rdev, .caller = *caller);
	return 0;
}

int tree_symlink(struct tree *tree, struct tree_inode *dir, const char *name, const char *target,
		 const struct tree_caller *caller, struct tree_inode **ret_inode)
{
	size_t bytes = strnlen(target, TREE_SYMLINK_MAX + 1);
	struct tree_inode *inode;
	struct tree_dir_slot slot;
	int err;

	if (bytes == 0)
		return -ENOENT;
	if (bytes > TREE_SYMLINK_MAX)
		return -ENAMETOOLONG;
	err = tree_name_find_free(tree, dir, name, &slot);
	if (!err)
		err = tree_quota_check(tree, caller->uid, 1 + bytes / TREE_QUOTA_UNIT_BYTES);
	if (!err)
		err = tree_inode_make(tree, dir, S_IFLNK | 0777, caller, &inode);
	if (err)
		return err;
	inode->symlink.target = tree->alloc(bytes + 1);
	if (!inode->symlink.target) {
		tree_inode_free(tree, inode);
		return -ENOMEM;
	}
	memcpy(inode->symlink.target, target, bytes + 1);
	inode->symlink.bytes = (uint32_t)bytes;
	err = add_first_name(tree, dir, &slot, name, inode, &caller->now);
	if (err)
		return err;
	*ret_inode = inode;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_SYMLINK, .ino = dir->ino, .new_ino = inode->ino,
		     .name = name, .value = target, .value_bytes = bytes + 1, .caller = *caller);
	return 0;
}

int tree_tmpfile(struct tree *tree, struct tree_inode *dir, mode_t mode,
		 const struct tree_caller *caller, struct tree_inode **ret_inode)
{
	struct tree_inode *inode;
	int err = tree_inode_check_dir(dir);

	if (!err)
		err = tree_inode_make(tree, dir, S_IFREG | (mode & 07777), caller, &inode);
	if (err)
		return err;
	inode->linkable = true;
	inode->orphaned = true;
	tree_inode_publish(tree, inode);
	*ret_inode = inode;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_TMPFILE, .ino = dir->ino, .new_ino = inode->ino,
		     .mode = mode, .caller = *caller);
	return 0;
}
