/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/inode.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/xattr.h"

bool tree_inode_is_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	default:
		return false;
	}
}

int tree_inode_new(struct tree *tree, mode_t mode, const struct tree_caller *caller,
		   struct tree_inode **ret_inode)
{
	struct tree_inode *inode = tree->alloc(sizeof(*inode));

	if (!inode)
		return -ENOMEM;
	*inode = (struct tree_inode){
		.mode = mode,
		.uid = caller->uid,
		.gid = caller->gid,
		.atime = caller->now,
		.mtime = caller->now,
		.ctime = caller->now,
		.btime = caller->now,
	};
	if (S_ISDIR(mode))
		tree_dir_init(&inode->dir);
	*ret_inode = inode;
	return 0;
}

static void release_payload(struct tree *tree, struct tree_inode *inode)
{
	void *payload = inode->payload;

	inode->payload = NULL;
	if (payload)
		tree->payload_free(tree->payload_arg, payload);
}

void tree_inode_free(struct tree *tree, struct tree_inode *inode)
{
	if (!inode)
		return;
	if (S_ISDIR(inode->mode))
		tree_dir_fini(&inode->dir);
	else if (S_ISREG(inode->mode))
		release_payload(tree, inode);
	else if (S_ISLNK(inode->mode))
		free(inode->symlink.target);
	tree_xattr_free_all(inode);
	tree_quota_release(tree, inode);
	free(inode);
}

void tree_inode_publish(struct tree *tree, struct tree_inode *inode)
{
	inode->ino = tree_itable_add(&tree->itable, inode);
	inode->generation = tree->next_generation++;
	tree_quota_update(tree, inode);
}

static bool is_held(const struct tree_inode *inode)
{
	return inode->nlink || inode->refs || inode->pins;
}

static void report_orphan(struct tree *tree, const struct tree_inode *inode)
{
	if (inode->payload && tree->payload_orphaned)
		tree->payload_orphaned(tree->payload_arg, inode->payload, inode->orphaned);
}

void tree_inode_set_orphaned(struct tree *tree, struct tree_inode *inode, bool orphaned)
{
	if (inode->orphaned == orphaned)
		return;
	inode->orphaned = orphaned;
	report_orphan(tree, inode);
}

bool tree_inode_free_if_unused(struct tree *tree, struct tree_inode *inode)
{
	struct tree_inode *const first = inode;

	if (S_ISREG(inode->mode) && inode->nlink == 0 && inode->refs)
		tree_inode_set_orphaned(tree, inode, true);
	if (is_held(first)) {
		tree_quota_update(tree, first);
		return false;
	}
	/* A removed directory may have been the last pin of its removed parent, and so on. */
	while (inode && !is_held(inode)) {
		struct tree_inode *parent = tree_is_dir(inode) ? inode->dir.parent : NULL;

		tree_itable_remove(&tree->itable, inode->ino);
		tree_inode_free(tree, inode);
		if (parent)
			parent->pins--;
		inode = parent;
	}
	return true;
}

void tree_inode_unlink_dir(struct tree_inode *inode, const struct timespec *now)
{
	inode->nlink = 0;
	inode->ctime = *now;
	inode->dir.parent->nlink--;
	inode->dir.parent->pins++;
}

int tree_inode_check_dir(const struct tree_inode *dir)
{
	if (!tree_is_dir(dir))
		return -ENOTDIR;
	return dir->nlink ? 0 : -ENOENT;
}

struct tree_inode *tree_get(const struct tree *tree, uint64_t ino)
{
	return tree_itable_get(&tree->itable, ino);
}

void tree_ref(struct tree *tree, struct tree_inode *inode, uint64_t count)
{
	inode->refs += count;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_REF, .ino = inode->ino, .count = count);
}

void tree_unref(struct tree *tree, struct tree_inode *inode, uint64_t count)
{
	uint64_t ino = inode->ino;

	/* Never below 0, even if the count from the kernel is too large. */
	inode->refs -= count < inode->refs ? count : inode->refs;
	(void)tree_inode_free_if_unused(tree, inode);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_UNREF, .ino = ino, .count = count);
}

void *tree_payload(const struct tree_inode *inode)
{
	return S_ISREG(inode->mode) ? inode->payload : NULL;
}

void tree_set_payload(struct tree *tree, struct tree_inode *inode, void *payload)
{
	assert(S_ISREG(inode->mode) && !inode->payload == (payload != NULL));
	inode->payload = payload;
	if (payload && inode->orphaned)
		report_orphan(tree, inode);
}

const char *tree_readlink(const struct tree_inode *inode)
{
	return S_ISLNK(inode->mode) ? inode->symlink.target : NULL;
}
