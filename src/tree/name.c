/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/name.h"

#include <errno.h>
#include <string.h>

bool tree_name_is_dot(const char *name)
{
	return strcmp(name, ".") == 0;
}

bool tree_name_is_dotdot(const char *name)
{
	return strcmp(name, "..") == 0;
}

int tree_name_check(const char *name)
{
	size_t bytes = strnlen(name, TREE_NAME_MAX + 1);

	if (bytes > TREE_NAME_MAX)
		return -ENAMETOOLONG;
	return bytes && !memchr(name, '/', bytes) ? 0 : -EINVAL;
}

int tree_name_find(const struct tree *tree, const struct tree_inode *dir, const char *name,
		   struct tree_dir_slot *ret_slot)
{
	int err = tree_inode_check_dir(dir);

	if (!err)
		err = tree_name_check(name);
	if (!err)
		tree_dir_find(tree, &dir->dir, name, ret_slot);
	return err;
}

int tree_name_find_free(const struct tree *tree, const struct tree_inode *dir, const char *name,
			struct tree_dir_slot *ret_slot)
{
	int err = tree_name_find(tree, dir, name, ret_slot);

	if (err)
		return err;
	return ret_slot->entry || tree_name_is_dots(name) ? -EEXIST : 0;
}

/* The kernel does this only for inodes that it has dropped. If this one has no name, we have not
 * yet received that and are about to free it. */
static int lookup_itself(const struct tree *tree, const struct tree_inode *inode,
			 struct tree_inode **ret_inode)
{
	if (inode->nlink == 0)
		return -ESTALE;
	*ret_inode = tree_get(tree, inode->ino);
	return 0;
}

int tree_lookup(const struct tree *tree, const struct tree_inode *dir, const char *name,
		struct tree_inode **ret_inode)
{
	struct tree_dir_slot slot;
	int err;

	if (tree_name_is_dot(name))
		return lookup_itself(tree, dir, ret_inode);
	if (!tree_is_dir(dir))
		return -ENOTDIR;
	err = tree_name_check(name);
	if (err)
		return err;
	if (tree_name_is_dotdot(name)) {
		*ret_inode = dir->dir.parent;
		return 0;
	}
	tree_dir_find(tree, &dir->dir, name, &slot);
	if (!slot.entry)
		return -ENOENT;
	*ret_inode = slot.entry->inode;
	return 0;
}

static bool visit_dots(const struct tree_inode *dir, uint64_t cookie,
		       bool (*fn)(void *arg, const struct tree_dirent *entry), void *arg)
{
	const struct tree_dirent dot = { ".", dir, TREE_COOKIE_DOT };
	const struct tree_dirent dotdot = { "..", dir->dir.parent, TREE_COOKIE_DOTDOT };

	return (cookie >= dot.cookie || fn(arg, &dot)) &&
	       (cookie >= dotdot.cookie || fn(arg, &dotdot));
}

int tree_readdir(const struct tree *tree, const struct tree_inode *dir, uint64_t cookie,
		 bool (*fn)(void *arg, const struct tree_dirent *entry), void *arg)
{
	int err = tree_inode_check_dir(dir);
	struct tree_dirent dirent;
	struct tree_btree_pos pos;
	struct tree_entry *entry;

	(void)tree;
	if (err || cookie == UINT64_MAX || !visit_dots(dir, cookie, fn, arg))
		return err;
	pos = tree_btree_seek(&dir->dir.entries, cookie + 1);
	for (; (entry = tree_btree_at(&pos, &dirent.cookie)); tree_btree_next(&pos)) {
		dirent.name = entry->name;
		dirent.inode = entry->inode;
		if (!fn(arg, &dirent))
			break;
	}
	return 0;
}
