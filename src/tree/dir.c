/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tree/inode.h"

void tree_dir_init(struct tree_dir *dir)
{
	*dir = (struct tree_dir){ .nr_entries = 0 };
}

void tree_dir_fini(struct tree_dir *dir)
{
	struct tree_btree_pos pos = tree_btree_seek(&dir->entries, 0);
	struct tree_entry *entry;
	uint64_t key;

	for (; (entry = tree_btree_at(&pos, &key)); tree_btree_next(&pos))
		free(entry);
	tree_btree_fini(&dir->entries);
	tree_dir_init(dir);
}

uint64_t tree_dir_key(const struct tree *tree, const char *name)
{
	uint64_t hash = XXH3_64bits_withSeed(name, strlen(name), tree->hash_seed);
	uint64_t key = (hash & tree->hash_mask) >> 1 & ~(TREE_KEY_GROUP - 1);

	return key ? key : TREE_KEY_GROUP; /* the lowest group has the cookies of "." and ".." */
}

void tree_dir_find(const struct tree *tree, const struct tree_dir *dir, const char *name,
		   struct tree_dir_slot *ret_slot)
{
	uint64_t first = tree_dir_key(tree, name), unused = first, key;
	struct tree_btree_pos pos = tree_btree_seek(&dir->entries, first);
	struct tree_entry *entry;

	for (; (entry = tree_btree_at(&pos, &key)); tree_btree_next(&pos)) {
		if (key - first >= TREE_KEY_GROUP)
			break;
		if (strcmp(entry->name, name) == 0) {
			*ret_slot = (struct tree_dir_slot){ entry, key };
			return;
		}
		if (key == unused)
			unused++;
	}
	*ret_slot = (struct tree_dir_slot){ NULL, unused - first < TREE_KEY_GROUP ? unused : 0 };
}

int tree_dir_add(const struct tree *tree, struct tree_dir *dir, const struct tree_dir_slot *slot,
		 const char *name, struct tree_inode *inode)
{
	size_t bytes = strlen(name) + 1;
	struct tree_entry *entry;
	int err;

	if (!slot->key)
		return -ENOSPC;
	entry = tree->alloc(sizeof(*entry) + bytes);
	if (!entry)
		return -ENOMEM;
	entry->inode = inode;
	memcpy(entry->name, name, bytes);
	err = tree_btree_add(&dir->entries, tree->alloc, slot->key, entry);
	if (err) {
		free(entry);
		return err;
	}
	dir->nr_entries++;
	return 0;
}

void tree_dir_remove(struct tree_dir *dir, const struct tree_dir_slot *slot)
{
	free(tree_btree_remove(&dir->entries, slot->key));
	dir->nr_entries--;
}
