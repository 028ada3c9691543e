/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the inodes and entries of a tree that was read: links, pins, orphans. */
#include <errno.h>
#include <stdlib.h>

#include "base/bitmap.h"
#include "tree/acl.h"
#include "tree/inode.h"
#include "tree/snapshot_internal.h"

static bool check_root(const struct tree *tree)
{
	const struct tree_inode *root = tree_get(tree, TREE_ROOT_INO);

	return root && tree_is_dir(root) && root->dir.parent == root;
}

/* nlink has counted the subdirectories until now. */
static int settle_dir(struct tree_inode *dir, bool is_named)
{
	if (!dir->dir.parent)
		return -EPROTO;
	if (is_named || dir->ino == TREE_ROOT_INO) {
		if (__builtin_add_overflow(dir->nlink, 2, &dir->nlink))
			return -EMLINK;
		return is_named && dir->ino == TREE_ROOT_INO ? -EPROTO : 0;
	}
	dir->dir.parent->pins++;
	return dir->dir.nr_entries ? -EPROTO : 0;
}

/* Whoever is above its limit by then stays there. */
static int settle_inode(struct tree *tree, struct tree_inode *inode, const uint64_t *named)
{
	int err = tree_quota_check(tree, inode->uid, 0);

	if (err)
		return err;
	tree_quota_update(tree, inode);
	inode->orphaned = S_ISREG(inode->mode) && !inode->nlink;
	if (!tree_acl_check(inode) || (inode->linkable && !inode->orphaned))
		return -EPROTO;
	return tree_is_dir(inode) ? settle_dir(inode, bitmap_test(named, inode->ino)) : 0;
}

static bool is_held(const struct tree_inode *inode)
{
	return inode->nlink || inode->refs || inode->pins;
}

/* Follows the parents up to the root or to a directory that reaches it. */
static bool reaches_root(const struct tree *tree, const struct tree_inode *dir, uint64_t *reach)
{
	const struct tree_inode *top = dir;

	for (uint64_t steps = 0; !bitmap_test(reach, top->ino); steps++) {
		if (steps > tree->itable.nr_used)
			return false;
		top = top->dir.parent;
	}
	for (; dir != top; dir = dir->dir.parent)
		bitmap_set(reach, dir->ino, dir->ino + 1);
	return true;
}

static bool check_lives(const struct tree *tree, uint64_t *reach)
{
	bitmap_set(reach, TREE_ROOT_INO, TREE_ROOT_INO + 1);
	for (uint64_t ino = TREE_ROOT_INO; ino < tree->itable.next_ino; ino++) {
		const struct tree_inode *inode = tree_get(tree, ino);

		if (inode && !is_held(inode))
			return false;
		if (inode && tree_is_dir(inode) && !reaches_root(tree, inode, reach))
			return false;
	}
	return true;
}

int tree_snapshot_settle(struct tree *tree, const uint64_t *named)
{
	uint64_t *reach;
	int err = check_root(tree) && tree_itable_check(&tree->itable) ? 0 : -EPROTO;

	for (uint64_t ino = TREE_ROOT_INO; ino < tree->itable.next_ino && !err; ino++) {
		struct tree_inode *inode = tree_get(tree, ino);

		err = inode ? settle_inode(tree, inode, named) : 0;
	}
	if (err)
		return err;
	reach = calloc(BITMAP_WORDS(tree->itable.next_ino), sizeof(*reach));
	if (!reach)
		return -ENOMEM;
	err = check_lives(tree, reach) ? 0 : -EPROTO;
	free(reach);
	return err;
}
