/* SPDX-License-Identifier: Apache-2.0 */
/* Adding and removing names of inodes. */
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "tree/inode.h"
#include "tree/name.h"

int tree_link(struct tree *tree, struct tree_inode *inode, struct tree_inode *dir, const char *name,
	      const struct tree_caller *caller)
{
	struct tree_dir_slot slot;
	int err = tree_name_find_free(tree, dir, name, &slot);

	if (err)
		return err;
	if (tree_is_dir(inode))
		return -EPERM;
	if (inode->nlink == 0 && !inode->linkable)
		return -ENOENT;
	if (inode->nlink >= tree->max_links) {
		log_debug(LOGC_TREE, "inode %" PRIu64 " has %u links already", inode->ino,
			  inode->nlink);
		return -EMLINK;
	}
	err = tree_quota_check(tree, inode->uid, 1);
	if (!err)
		err = tree_dir_add(tree, &dir->dir, &slot, name, inode);
	if (err)
		return err;
	inode->nlink++;
	tree_quota_update(tree, inode);
	inode->linkable = false;
	tree_inode_set_orphaned(tree, inode, false);
	inode->ctime = caller->now;
	tree_name_changed(dir, &caller->now);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_LINK, .ino = dir->ino, .other_ino = inode->ino,
		     .name = name, .caller = *caller);
	return 0;
}

int tree_unlink(struct tree *tree, struct tree_inode *dir, const char *name,
		const struct tree_caller *caller, struct tree_inode **ret_inode)
{
	struct tree_inode *inode;
	struct tree_dir_slot slot;
	int err = tree_name_find(tree, dir, name, &slot);

	if (err)
		return err;
	if (tree_name_is_dots(name))
		return -EISDIR;
	if (!slot.entry)
		return -ENOENT;
	inode = slot.entry->inode;
	if (tree_is_dir(inode))
		return -EISDIR;
	tree_dir_remove(&dir->dir, &slot);
	inode->nlink--;
	inode->ctime = caller->now;
	tree_name_changed(dir, &caller->now);
	if (tree_inode_free_if_unused(tree, inode))
		inode = NULL;
	if (ret_inode)
		*ret_inode = inode;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_UNLINK, .ino = dir->ino, .name = name,
		     .caller = *caller);
	return 0;
}

static int check_rmdir(const char *name, const struct tree_entry *entry)
{
	if (tree_name_is_dots(name))
		return name[1] ? -ENOTEMPTY : -EINVAL;
	if (!entry)
		return -ENOENT;
	if (!tree_is_dir(entry->inode))
		return -ENOTDIR;
	return entry->inode->dir.nr_entries ? -ENOTEMPTY : 0;
}

int tree_rmdir(struct tree *tree, struct tree_inode *dir, const char *name,
	       const struct tree_caller *caller)
{
	struct tree_inode *inode;
	struct tree_dir_slot slot;
	int err = tree_name_find(tree, dir, name, &slot);

	if (!err)
		err = check_rmdir(name, slot.entry);
	if (err)
		return err;
	inode = slot.entry->inode;
	tree_dir_remove(&dir->dir, &slot);
	tree_inode_unlink_dir(inode, &caller->now);
	tree_name_changed(dir, &caller->now);
	(void)tree_inode_free_if_unused(tree, inode);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_RMDIR, .ino = dir->ino, .name = name,
		     .caller = *caller);
	return 0;
}
