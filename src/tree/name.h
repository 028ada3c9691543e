/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name - valid names, and looking up names in a directory.
 *
 * Errors: -errno.
 */
#ifndef CXLFS_TREE_NAME_H
#define CXLFS_TREE_NAME_H

#include <stdbool.h>
#include <time.h>

#include "tree/dir.h"
#include "tree/inode.h"

bool tree_name_is_dot(const char *name);
bool tree_name_is_dotdot(const char *name);
static inline bool tree_name_is_dots(const char *name)
{
	return tree_name_is_dot(name) || tree_name_is_dotdot(name);
}

/** Return: 0; -EINVAL empty or with a slash; -ENAMETOOLONG. */
int tree_name_check(const char *name);

/**
 * tree_name_find() - look up a name, before a change of the directory; "." and ".." are never found
 * Return: 0, also if there is no such name; -ENOTDIR; -ENOENT @dir was removed; errors of
 * tree_name_check().
 */
int tree_name_find(const struct tree *tree, const struct tree_inode *dir, const char *name,
		   struct tree_dir_slot *ret_slot);

/** tree_name_find() for a new name. Return: also -EEXIST. */
int tree_name_find_free(const struct tree *tree, const struct tree_inode *dir, const char *name,
			struct tree_dir_slot *ret_slot);

/** Updates the times of @dir after its entries changed. */
static inline void tree_name_changed(struct tree_inode *dir, const struct timespec *now)
{
	dir->mtime = *now;
	dir->ctime = *now;
}

#endif
