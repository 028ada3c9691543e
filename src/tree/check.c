/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies the invariants of a tree. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree/acl.h"
#include "tree/inode.h"
#include "tree/name.h"
#include "tree/xattr.h"

/* Counts for one inode, from a walk over all entries. */
struct tally {
	uint64_t nr_names;
	uint64_t nr_subdirs;
	uint64_t nr_removed_dirs; /* removed directories that lie below it */
	const struct tree_inode *named_in;
	bool reaches_root;
};

struct check {
	const struct tree *tree;
	struct tally *tallies;
	uint64_t nr_violations;
};

static void __attribute__((format(printf, 3, 4)))
violation(struct check *check, const struct tree_inode *inode, const char *format, ...)
{
	va_list args;

	check->nr_violations++;
	fprintf(stderr, "tree: inode %" PRIu64 ": ", inode ? inode->ino : 0);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static struct tree_inode *next_inode(const struct check *check, uint64_t *ino)
{
	while (*ino < check->tree->itable.next_ino) {
		struct tree_inode *inode = tree_get(check->tree, (*ino)++);

		if (inode)
			return inode;
	}
	return NULL;
}

#define FOR_EACH_INODE(check, inode) \
	for (uint64_t next_ = 1; ((inode) = next_inode((check), &next_));)

static bool is_in_table(const struct check *check, const struct tree_inode *inode)
{
	return inode && tree_get(check->tree, inode->ino) == inode;
}

static void check_table(struct check *check)
{
	const struct tree *tree = check->tree;
	struct tree_inode *inode;
	uint64_t nr = 0;

	if (!tree_itable_check(&tree->itable))
		violation(check, NULL, "the queue of free numbers is invalid");
	FOR_EACH_INODE(check, inode)
	{
		nr++;
		if (tree_get(tree, inode->ino) != inode)
			violation(check, inode, "found under another number");
		if ((inode->generation == 0) != (inode->ino == TREE_ROOT_INO) ||
		    inode->generation >= tree->next_generation)
			violation(check, inode, "generation %" PRIu64, inode->generation);
	}
	if (nr != tree->itable.nr_used || nr > tree->quota.max)
		violation(check, NULL,
			  "%" PRIu64 " inodes, %" PRIu64 " counted, %" PRIu64 " allowed", nr,
			  tree->itable.nr_used, tree->quota.max);
	if (!tree_quota_is_consistent(tree))
		violation(check, NULL, "the charges of inodes do not add up");
	if (!tree_get(tree, TREE_ROOT_INO) || !tree_is_dir(tree_get(tree, TREE_ROOT_INO)))
		violation(check, NULL, "no root");
}

static void check_entry(struct check *check, const struct tree_inode *dir,
			const struct tree_entry *entry, uint64_t key)
{
	const struct tree_inode *inode = entry->inode;
	struct tree_dir_slot slot;
	struct tally *tally;

	if (!is_in_table(check, inode)) {
		violation(check, dir, "'%s' names a dead inode", entry->name);
		return;
	}
	if (tree_name_check(entry->name) || tree_name_is_dots(entry->name))
		violation(check, dir, "'%s' is not a valid name", entry->name);
	if (key - tree_dir_key(check->tree, entry->name) >= TREE_KEY_GROUP)
		violation(check, dir, "'%s' has a wrong key", entry->name);
	tree_dir_find(check->tree, &dir->dir, entry->name, &slot);
	if (slot.entry != entry || slot.key != key)
		violation(check, dir, "'%s' is there twice, or not found", entry->name);
	tally = &check->tallies[inode->ino];
	tally->nr_names++;
	tally->named_in = dir;
	if (tree_is_dir(inode))
		check->tallies[dir->ino].nr_subdirs++;
}

static void check_entries(struct check *check, const struct tree_inode *dir)
{
	struct tree_btree_pos pos = tree_btree_seek(&dir->dir.entries, 0);
	size_t nr = tree_btree_check(&dir->dir.entries);
	struct tree_entry *entry;
	uint64_t key;

	if (nr != dir->dir.nr_entries)
		violation(check, dir, "%zu entries in order, %" PRIu64 " counted", nr,
			  dir->dir.nr_entries);
	for (; (entry = tree_btree_at(&pos, &key)); tree_btree_next(&pos))
		check_entry(check, dir, entry, key);
}

static void check_parent(struct check *check, const struct tree_inode *dir)
{
	const struct tree_inode *parent = dir->dir.parent;

	if (!is_in_table(check, parent) || !tree_is_dir(parent)) {
		violation(check, dir, "its parent is dead or no directory");
		return;
	}
	if (dir->nlink == 0)
		check->tallies[parent->ino].nr_removed_dirs++;
	if (dir->ino == TREE_ROOT_INO && parent != dir)
		violation(check, dir, "the root has a parent");
	if (dir->nlink == 0 && dir->dir.nr_entries)
		violation(check, dir, "removed, but not empty");
	if (dir->nlink && parent->nlink == 0)
		violation(check, dir, "exists in a removed directory");
}

static void check_dir_links(struct check *check, const struct tree_inode *dir)
{
	const struct tally *tally = &check->tallies[dir->ino];
	bool is_root = dir->ino == TREE_ROOT_INO;
	uint64_t nr_names = dir->nlink && !is_root ? 1 : 0;

	if (tally->nr_names != nr_names)
		violation(check, dir, "a directory with %" PRIu64 " names", tally->nr_names);
	if (tally->nr_names && tally->named_in != dir->dir.parent)
		violation(check, dir, "its parent is not where its name is");
	if (dir->nlink != (nr_names || is_root ? tally->nr_subdirs + 2 : 0))
		violation(check, dir, "%" PRIu32 " links, %" PRIu64 " subdirectories", dir->nlink,
			  tally->nr_subdirs);
}

/* Follows the parents up to the root, or to a directory known to reach it, and marks the path. */
static void check_reaches_root(struct check *check, const struct tree_inode *dir)
{
	const struct tree_inode *top = dir;
	uint64_t steps = 0;

	while (top->ino != TREE_ROOT_INO && !check->tallies[top->ino].reaches_root) {
		top = top->dir.parent;
		if (++steps > check->tree->itable.nr_used) {
			violation(check, dir, "lies below itself");
			return;
		}
	}
	for (; dir != top; dir = dir->dir.parent)
		check->tallies[dir->ino].reaches_root = true;
}

static void check_dirs(struct check *check)
{
	uint64_t nr_before = check->nr_violations;
	struct tree_inode *inode;

	FOR_EACH_INODE(check, inode)
	{
		if (tree_is_dir(inode)) {
			check_entries(check, inode);
			check_parent(check, inode);
		}
	}
	FOR_EACH_INODE(check, inode)
	{
		/* Following parents is safe only in a tree without violations so far. */
		if (tree_is_dir(inode) && check->nr_violations == nr_before) {
			check_dir_links(check, inode);
			check_reaches_root(check, inode);
		}
	}
}

static void check_life(struct check *check, const struct tree_inode *inode)
{
	const struct tally *tally = &check->tallies[inode->ino];

	if (!tree_is_dir(inode) && tally->nr_names != inode->nlink)
		violation(check, inode, "%" PRIu32 " links, %" PRIu64 " names", inode->nlink,
			  tally->nr_names);
	if (inode->nlink > check->tree->max_links)
		violation(check, inode, "%" PRIu32 " links are too many", inode->nlink);
	if (inode->pins != tally->nr_removed_dirs)
		violation(check, inode, "%" PRIu64 " pins, %" PRIu64 " removed subdirectories",
			  inode->pins, tally->nr_removed_dirs);
	if (!inode->nlink && !inode->refs && !inode->pins)
		violation(check, inode, "nothing holds it");
	if (inode->orphaned != (S_ISREG(inode->mode) && !inode->nlink))
		violation(check, inode, "is %sorphaned", inode->orphaned ? "" : "not ");
	if (inode->linkable && (inode->nlink || !S_ISREG(inode->mode)))
		violation(check, inode, "must not be linkable");
}

static void check_contents(struct check *check, const struct tree_inode *inode)
{
	const struct tree_symlink *symlink = &inode->symlink;

	if (S_ISLNK(inode->mode) && (symlink->bytes == 0 || symlink->bytes > TREE_SYMLINK_MAX ||
				     strlen(symlink->target) != symlink->bytes))
		violation(check, inode, "its target is not what its size says");
	for (struct tree_xattr *xattr = inode->xattrs; xattr; xattr = xattr->next) {
		const char *name = tree_xattr_name(xattr);

		if (strlen(name) + 1 != xattr->name_bytes || tree_xattr_check_name(name))
			violation(check, inode, "an attribute cannot be called '%s'", name);
		if (xattr->value_bytes > TREE_XATTR_VALUE_MAX)
			violation(check, inode, "attribute '%s' is too big", name);
		if (tree_xattr_find(inode, name) != xattr)
			violation(check, inode, "has attribute '%s' twice", name);
	}
	if (tree_xattr_list_bytes(inode) > TREE_XATTR_LIST_MAX)
		violation(check, inode, "has too many attributes");
	if (!tree_acl_check(inode))
		violation(check, inode, "its ACLs are not valid or not in step with its mode");
}

int tree_check(const struct tree *tree)
{
	struct check check = { .tree = tree };
	struct tree_inode *inode;

	check.tallies = calloc(tree->itable.next_ino, sizeof(*check.tallies));
	if (!check.tallies)
		return -ENOMEM;
	check_table(&check);
	check_dirs(&check);
	FOR_EACH_INODE(&check, inode)
	{
		check_life(&check, inode);
		check_contents(&check, inode);
	}
	free(check.tallies);
	return check.nr_violations ? -EUCLEAN : 0;
}
