/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h> /* RENAME_ flags */

#include "tree/inode.h"
#include "tree/name.h"

/* One end of a rename. */
struct rename_end {
	struct tree_inode *dir;
	const char *name;
	struct tree_dir_slot slot;
	struct tree_inode *inode;    /* before the rename; NULL: none */
	struct tree_inode *whiteout; /* new inode for the old name; NULL: none */
};

static int find_end(const struct tree *tree, struct rename_end *end)
{
	int err = tree_name_find(tree, end->dir, end->name, &end->slot);

	if (!err)
		end->inode = end->slot.entry ? end->slot.entry->inode : NULL;
	return err;
}

static int check_flags(unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	return (flags & RENAME_EXCHANGE) && flags != RENAME_EXCHANGE ? -EINVAL : 0;
}

static int find_ends(const struct tree *tree, struct rename_end *from, struct rename_end *to,
		     unsigned flags)
{
	int err = find_end(tree, from);

	if (!err)
		err = find_end(tree, to);
	if (err)
		return err;
	if (tree_name_is_dots(from->name))
		return -EBUSY;
	if (tree_name_is_dots(to->name))
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (!from->inode)
		return -ENOENT;
	if (to->inode && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	return !to->inode && (flags & RENAME_EXCHANGE) ? -ENOENT : 0;
}

static bool is_at_or_above(const struct tree_inode *inode, const struct tree_inode *dir)
{
	if (!tree_is_dir(inode))
		return false;
	while (dir != inode) {
		if (dir->dir.parent == dir)
			return false;
		dir = dir->dir.parent;
	}
	return true;
}

/* A directory must not become its own descendant. */
static int check_loops(const struct rename_end *from, const struct rename_end *to, unsigned flags)
{
	if (from->dir == to->dir)
		return 0;
	if (is_at_or_above(from->inode, to->dir))
		return -EINVAL;
	if (to->inode && is_at_or_above(to->inode, from->dir))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_replaced(const struct rename_end *from, const struct rename_end *to)
{
	if (!to->inode)
		return 0;
	if (tree_is_dir(from->inode) && !tree_is_dir(to->inode))
		return -ENOTDIR;
	if (!tree_is_dir(from->inode) && tree_is_dir(to->inode))
		return -EISDIR;
	return tree_is_dir(to->inode) && to->inode->dir.nr_entries ? -ENOTEMPTY : 0;
}

/* True if @dir can get the subdirectory @in in place of @out (NULL: nothing). */
static bool has_link_room(const struct tree *tree, const struct tree_inode *dir,
			  const struct tree_inode *in, const struct tree_inode *out)
{
	return !tree_is_dir(in) || (out && tree_is_dir(out)) || dir->nlink < tree->max_links;
}

static int check_links(const struct tree *tree, const struct rename_end *from,
		       const struct rename_end *to, unsigned flags)
{
	if (from->dir == to->dir)
		return 0;
	if (!has_link_room(tree, to->dir, from->inode, to->inode))
		return -EMLINK;
	if ((flags & RENAME_EXCHANGE) && !has_link_room(tree, from->dir, to->inode, from->inode))
		return -EMLINK;
	return 0;
}

static void change_parent(struct tree_inode *inode, struct tree_inode *from, struct tree_inode *to)
{
	if (!tree_is_dir(inode))
		return;
	inode->dir.parent = to;
	from->nlink--;
	to->nlink++;
}

static void note_times(struct rename_end *from, struct rename_end *to, const struct timespec *now)
{
	tree_name_changed(from->dir, now);
	tree_name_changed(to->dir, now);
	from->inode->ctime = *now;
	if (to->inode)
		to->inode->ctime = *now;
}

static void exchange(struct rename_end *from, struct rename_end *to)
{
	from->slot.entry->inode = to->inode;
	to->slot.entry->inode = from->inode;
	change_parent(from->inode, from->dir, to->dir);
	change_parent(to->inode, to->dir, from->dir);
}

/* A character device 0:0 means "deleted here" to overlayfs. */
static int make_whiteout(struct tree *tree, struct rename_end *from,
			 const struct tree_caller *caller)
{
	return tree_inode_make(tree, from->dir, S_IFCHR, caller, &from->whiteout);
}

/* Removes the old name, or makes it name the whiteout. */
static void remove_old_name(struct tree *tree, struct rename_end *from, const struct rename_end *to)
{
	if (from->whiteout) {
		from->whiteout->nlink = 1;
		tree_inode_publish(tree, from->whiteout);
		from->slot.entry->inode = from->whiteout;
	} else {
		tree_dir_remove(&from->dir->dir, &from->slot);
	}
	change_parent(from->inode, from->dir, to->dir);
}

/* Reuses the entry of the replaced name, so that readdir returns it exactly once. */
static void replace(struct tree *tree, struct rename_end *from, struct rename_end *to,
		    const struct timespec *now)
{
	to->slot.entry->inode = from->inode;
	remove_old_name(tree, from, to);
	if (tree_is_dir(to->inode))
		tree_inode_unlink_dir(to->inode, now);
	else
		to->inode->nlink--;
	(void)tree_inode_free_if_unused(tree, to->inode);
}

static int move(struct tree *tree, struct rename_end *from, struct rename_end *to)
{
	int err = tree_dir_add(tree, &to->dir->dir, &to->slot, to->name, from->inode);

	if (!err)
		remove_old_name(tree, from, to);
	return err;
}

static int check_ends(const struct tree *tree, const struct rename_end *from,
		      const struct rename_end *to, unsigned flags)
{
	int err = check_loops(from, to, flags);

	if (!err && !(flags & RENAME_EXCHANGE))
		err = check_replaced(from, to);
	return err ? err : check_links(tree, from, to, flags);
}

static int move_or_prepare(struct tree *tree, struct rename_end *from, struct rename_end *to,
			   unsigned flags, const struct tree_caller *caller)
{
	int err = flags & RENAME_WHITEOUT ? make_whiteout(tree, from, caller) : 0;

	if (!err && !to->inode)
		err = move(tree, from, to);
	if (err)
		tree_inode_free(tree, from->whiteout);
	return err;
}

int tree_rename(struct tree *tree, struct tree_inode *old_dir, const char *old_name,
		struct tree_inode *new_dir, const char *new_name, unsigned flags,
		const struct tree_caller *caller)
{
	struct rename_end from = { .dir = old_dir, .name = old_name };
	struct rename_end to = { .dir = new_dir, .name = new_name };
	int err = check_flags(flags);

	if (!err)
		err = find_ends(tree, &from, &to, flags);
	if (err || from.inode == to.inode)
		return err;
	err = check_ends(tree, &from, &to, flags);
	if (!err)
		err = move_or_prepare(tree, &from, &to, flags, caller);
	if (err)
		return err;
	note_times(&from, &to, &caller->now);
	if (flags & RENAME_EXCHANGE)
		exchange(&from, &to);
	else if (to.inode)
		replace(tree, &from, &to, &caller->now);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_RENAME, .ino = old_dir->ino,
		     .other_ino = new_dir->ino, .new_ino = from.whiteout ? from.whiteout->ino : 0,
		     .name = old_name, .new_name = new_name, .what = flags, .caller = *caller);
	return 0;
}
