/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes: reading, setting, and updating them for other operations. */
#include <errno.h>

#include "tree/acl.h"
#include "tree/inode.h"
#include "tree/xattr.h"

#define RELATIME_SECONDS (24 * 60 * 60) /* relatime updates an atime that is older */

static uint64_t size_of(const struct tree_inode *inode)
{
	if (tree_is_dir(inode))
		return inode->dir.nr_entries;
	return S_ISLNK(inode->mode) ? inode->symlink.bytes : 0;
}

void tree_getattr(const struct tree_inode *inode, struct tree_attr *ret_attr)
{
	*ret_attr = (struct tree_attr){
		.ino = inode->ino,
		.generation = inode->generation,
		.mode = inode->mode,
		.nlink = inode->nlink,
		.uid = inode->uid,
		.gid = inode->gid,
		.rdev = S_ISCHR(inode->mode) || S_ISBLK(inode->mode) ? inode->rdev : 0,
		.size = size_of(inode),
		.atime = inode->atime,
		.mtime = inode->mtime,
		.ctime = inode->ctime,
		.btime = inode->btime,
	};
}

mode_t tree_mode(const struct tree_inode *inode)
{
	return inode->mode;
}

uint64_t tree_ino(const struct tree_inode *inode)
{
	return inode->ino;
}

void tree_add_writers(struct tree *tree, struct tree_inode *inode, int change)
{
	inode->writers += (uint32_t)change;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_ADD_WRITERS, .ino = inode->ino,
		     .count = (uint64_t)change);
}

bool tree_has_writers(const struct tree_inode *inode)
{
	return inode->writers > 0;
}

static bool drop_setid(struct tree_inode *inode, bool in_group)
{
	mode_t before = inode->mode;

	if (tree_is_dir(inode))
		return false;
	inode->mode &= ~(mode_t)S_ISUID;
	if ((inode->mode & S_IXGRP) || !in_group)
		inode->mode &= ~(mode_t)S_ISGID;
	return inode->mode != before;
}

bool tree_drop_setid(struct tree *tree, struct tree_inode *inode, bool in_group)
{
	if (!drop_setid(inode, in_group))
		return false;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_DROP_SETID, .ino = inode->ino,
		     .caller.may_setgid = in_group);
	return true;
}

static void drop_capability(struct tree_inode *inode)
{
	if (inode->xattrs)
		(void)tree_xattr_drop(inode, TREE_XATTR_CAPABILITY);
}

/* A new owner or a writer must not get the privileges of the file. */
static void drop_privileges(struct tree_inode *inode, bool in_group)
{
	(void)drop_setid(inode, in_group);
	if (!tree_is_dir(inode))
		drop_capability(inode);
}

int tree_setattr(struct tree *tree, struct tree_inode *inode, unsigned what,
		 const struct tree_attr *attr, const struct tree_caller *caller)
{
	if (what & TREE_SET_UID) {
		int err = tree_quota_check(tree, attr->uid, 0);

		if (err)
			return err;
		inode->uid = attr->uid;
		tree_quota_update(tree, inode);
	}
	if (what & TREE_SET_GID)
		inode->gid = attr->gid;
	if (what & (TREE_SET_UID | TREE_SET_GID | TREE_SET_KILL_SUIDGID))
		drop_privileges(inode, caller->may_setgid);
	if (what & TREE_SET_MODE) {
		inode->mode = (inode->mode & S_IFMT) | (attr->mode & 07777);
		tree_acl_chmod(inode);
	}
	if (what & TREE_SET_ATIME)
		inode->atime = attr->atime;
	if (what & TREE_SET_MTIME)
		inode->mtime = attr->mtime;
	if (what & TREE_SET_BTIME)
		inode->btime = attr->btime;
	inode->ctime = what & TREE_SET_CTIME ? attr->ctime : caller->now;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_SETATTR, .ino = inode->ino, .what = what,
		     .mode = attr->mode, .uid = attr->uid, .gid = attr->gid, .atime = attr->atime,
		     .mtime = attr->mtime, .ctime = attr->ctime, .btime = attr->btime,
		     .caller = *caller);
	return 0;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static bool is_same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Many writes come in one tick of the clock; only the first is a change. */
void tree_touch_modified(struct tree *tree, struct tree_inode *inode, const struct timespec *now)
{
	if (is_same(&inode->mtime, now) && is_same(&inode->ctime, now) &&
	    !tree_xattr_find(inode, TREE_XATTR_CAPABILITY))
		return;
	inode->mtime = *now;
	inode->ctime = *now;
	/* Even if root writes, the capabilities of the old contents must go. */
	drop_capability(inode);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_TOUCH_MODIFIED, .ino = inode->ino,
		     .caller.now = *now);
}

bool tree_atime_due(const struct tree_inode *inode, enum tree_atime policy,
		    const struct timespec *now)
{
	int64_t age;

	if (policy == TREE_ATIME_NEVER)
		return false;
	if (is_same(&inode->atime, now))
		return false;
	if (policy == TREE_ATIME_STRICT)
		return true;
	if (!is_before(&inode->mtime, &inode->atime) || !is_before(&inode->ctime, &inode->atime))
		return true;
	/* Users may set any time, so the difference can overflow. */
	if (__builtin_sub_overflow((int64_t)now->tv_sec, (int64_t)inode->atime.tv_sec, &age))
		return now->tv_sec > inode->atime.tv_sec;
	return age >= RELATIME_SECONDS;
}

void tree_touch_accessed(struct tree *tree, struct tree_inode *inode, const struct timespec *now)
{
	inode->atime = *now;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_TOUCH_ACCESSED, .ino = inode->ino,
		     .caller.now = *now);
}
