/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "tree/inode.h"

static struct tree make_tree(const struct tree_config *config)
{
	struct tree tree = {
		.quota = {
			.max = config->max_inodes ? config->max_inodes : UINT64_MAX,
			.max_user = config->max_user_inodes ? config->max_user_inodes : UINT64_MAX,
		},
		.max_links = config->max_links ? config->max_links : UINT32_MAX,
		.hash_seed = config->hash_seed,
		.hash_mask = UINT64_MAX,
		.alloc = malloc,
		.payload_free = config->payload_free,
		.payload_orphaned = config->payload_orphaned,
		.payload_arg = config->payload_arg,
		.changed = config->changed,
		.changed_arg = config->changed_arg,
	};

	tree_itable_init(&tree.itable);
	return tree;
}

static int make_root(struct tree *tree, const struct tree_config *config)
{
	const struct tree_caller caller = {
		.uid = config->root_uid,
		.gid = config->root_gid,
		.now = config->now,
	};
	struct tree_inode *root;
	int err = tree_itable_reserve(&tree->itable, tree->alloc);

	if (!err)
		err = tree_quota_check(tree, config->root_uid, 0);
	if (!err)
		err = tree_inode_new(tree, S_IFDIR | (config->root_mode & 07777), &caller, &root);
	if (err)
		return err;
	root->nlink = 2;
	root->dir.parent = root;
	tree_inode_publish(tree, root);
	assert(root->ino == TREE_ROOT_INO);
	return 0;
}

int tree_new_empty(const struct tree_config *config, struct tree **ret_tree)
{
	struct tree *tree = malloc(sizeof(*tree));

	assert(config->payload_free);
	if (!tree)
		return -ENOMEM;
	*tree = make_tree(config);
	*ret_tree = tree;
	return 0;
}

int tree_new(const struct tree_config *config, struct tree **ret_tree)
{
	struct tree *tree;
	int err = tree_new_empty(config, &tree);

	if (err)
		return err;
	err = make_root(tree, config);
	if (err) {
		tree_free(tree);
		return err;
	}
	*ret_tree = tree;
	return 0;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	/* By number rather than by name: no recursion, and it finds unlinked inodes too. */
	for (uint64_t ino = TREE_ROOT_INO; ino < tree->itable.next_ino; ino++)
		tree_inode_free(tree, tree_get(tree, ino));
	tree_quota_fini(tree);
	tree_itable_fini(&tree->itable);
	free(tree);
}

void *tree_next_payload(const struct tree *tree, uint64_t *ino)
{
	while (++*ino < tree->itable.next_ino) {
		const struct tree_inode *inode = tree_get(tree, *ino);
		void *payload = inode ? tree_payload(inode) : NULL;

		if (payload)
			return payload;
	}
	return NULL;
}

uint64_t tree_nr_inodes(const struct tree *tree)
{
	return tree->itable.nr_used;
}

uint64_t tree_nr_charged(const struct tree *tree)
{
	return tree->quota.used;
}

uint64_t tree_end_of_numbers(const struct tree *tree)
{
	return tree->itable.next_ino;
}

uint64_t tree_max_inodes(const struct tree *tree)
{
	return tree->quota.max == UINT64_MAX ? 0 : tree->quota.max;
}

int tree_set_max_user_inodes(struct tree *tree, uint64_t max)
{
	return tree_quota_set_max_user(tree, max ? max : UINT64_MAX);
}

int tree_set_max_inodes(struct tree *tree, uint64_t max)
{
	if (max == 0)
		max = UINT64_MAX;
	if (tree->quota.used > max)
		return -EINVAL;
	tree->quota.max = max;
	TREE_CHANGED(tree, .kind = TREE_CHANGE_SET_MAX_INODES, .count = max);
	return 0;
}
