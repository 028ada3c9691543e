/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dir - the entries of one directory.
 *
 * Ordered by a key that is made from the seeded hash of the name: its low TREE_KEY_SPARE_BITS bits
 * tell apart names whose hashes agree in all the others. The key stays the same as long as the
 * entry exists, so it serves as lookup key and as readdir cookie at once: going on after a cookie
 * is going on after a key, whatever was made or removed in between.
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
	struct tree_inode *parent; /* the root's: itself; kept after removal, see inode.h */
};

/** Where a name is in a directory, or where it would go. The key is good until it is used. */
struct tree_dir_slot {
	struct tree_entry *entry; /* NULL: no such name */
	uint64_t key;             /* its key, or one for it; 0: as many names collide as can */
};

void tree_dir_init(struct tree_dir *dir);
void tree_dir_fini(struct tree_dir *dir); /* frees the entries, not what they name */

/** The first key that a name's entry may have; the group is TREE_KEY_GROUP keys from there on. */
uint64_t tree_dir_key(const struct tree *tree, const char *name);

/** Finds a name, and if it is not there, a key for it. */
void tree_dir_find(const struct tree *tree, const struct tree_dir *dir, const char *name,
		   struct tree_dir_slot *ret_slot);

/**
 * tree_dir_add() - enter @inode under a name that tree_dir_find() did not find
 * Return: 0; -ENOMEM; -ENOSPC when as many names collide as can.
 */
int tree_dir_add(const struct tree *tree, struct tree_dir *dir, const struct tree_dir_slot *slot,
		 const char *name, struct tree_inode *inode);

/** Takes the entry of a place out and frees it. */
void tree_dir_remove(struct tree_dir *dir, const struct tree_dir_slot *slot);

#endif
