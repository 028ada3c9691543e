/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dir - the entries of one directory.
 *
 * Ordered by a key made from the seeded hash of the name. The low TREE_KEY_SPARE_BITS bits
 * distinguish names with the same hash. The key of an entry never changes, so it is also its
 * readdir cookie: reading continues after that key even if names were created or removed.
 *
 * Errors: -errno, and then nothing has changed.
 */
#ifndef CXLFS_TREE_DIR_H
#define CXLFS_TREE_DIR_H

#include <stddef.h>
#include <stdint.h>

#include "tree/btree.h"

#define TREE_KEY_SPARE_BITS 8
#define TREE_KEY_GROUP      (UINT64_C(1) << TREE_KEY_SPARE_BITS)

#define TREE_COOKIE_DOT    1
#define TREE_COOKIE_DOTDOT 2

struct tree;
struct tree_inode;

struct tree_entry {
	struct tree_inode *inode;
	char name[];
};

struct tree_dir {
	struct tree_btree entries;
	uint64_t nr_entries;
	struct tree_inode *parent; /* the root is its own parent; kept after removal, see inode.h */
};

/** The result of tree_dir_find(); valid until the directory changes. */
struct tree_dir_slot {
	struct tree_entry *entry; /* NULL: no such name */
	uint64_t key;             /* its key, or a free one; 0: all keys of the name are in use */
};

void tree_dir_init(struct tree_dir *dir);
void tree_dir_fini(struct tree_dir *dir); /* frees the entries, not the inodes */

/** The lowest of the TREE_KEY_GROUP keys that the entry of a name may have. */
uint64_t tree_dir_key(const struct tree *tree, const char *name);

/** Finds a name, or a free key for it. */
void tree_dir_find(const struct tree *tree, const struct tree_dir *dir, const char *name,
		   struct tree_dir_slot *ret_slot);

/**
 * tree_dir_add() - add an entry for a name that tree_dir_find() did not find
 * Return: 0; -ENOMEM; -ENOSPC all keys of the name are in use.
 */
int tree_dir_add(const struct tree *tree, struct tree_dir *dir, const struct tree_dir_slot *slot,
		 const char *name, struct tree_inode *inode);

/** Removes and frees an entry. */
void tree_dir_remove(struct tree_dir *dir, const struct tree_dir_slot *slot);

#endif
