/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/btree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODE_MAX   64u                /* slots of every node but a single one: 1 KiB */
#define NODE_FIRST 4u                 /* slots of the first node of a map */
#define NODE_FEW   (NODE_MAX / 4)     /* a node with fewer slots in use is merged or evened out */
#define NODE_MERGE (NODE_MAX * 3 / 4) /* limit for merging: leaves room for insertions */

/*
 * Keys, then as many pointers: to values in a leaf, else to child nodes. The key of a child is a
 * lower bound of its keys; the key of the first child is unused.
 */
struct tree_btree_node {
	struct tree_btree_node *next; /* leaves: the one with the next higher keys */
	uint16_t nr;
	uint16_t capacity;
	uint16_t level; /* 0: leaf */
	uint64_t keys[];
};

typedef struct tree_btree_node node_t;

static void **slots_of(const node_t *node)
{
	return (void **)(node->keys + node->capacity);
}

static node_t *child_of(const node_t *node, unsigned index)
{
	return slots_of(node)[index];
}

static node_t *new_node(void *(*alloc)(size_t bytes), unsigned capacity, unsigned level)
{
	node_t *node = alloc(sizeof(*node) + capacity * (sizeof(uint64_t) + sizeof(void *)));

	if (!node)
		return NULL;
	node->next = NULL;
	node->nr = 0;
	node->capacity = (uint16_t)capacity;
	node->level = (uint16_t)level;
	return node;
}

static void free_subtree(node_t *node)
{
	for (unsigned i = 0; node->level && i < node->nr; i++)
		free_subtree(child_of(node, i));
	free(node);
}

void tree_btree_fini(struct tree_btree *btree)
{
	if (btree->root)
		free_subtree(btree->root);
	btree->root = NULL;
}

/* The number of keys below @key from slot @from on, plus @from. */
static unsigned lower_bound(const node_t *node, unsigned from, uint64_t key)
{
	unsigned low = from, high = node->nr;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (node->keys[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The child whose range contains @key. */
static unsigned child_for(const node_t *node, uint64_t key)
{
	unsigned index = lower_bound(node, 1, key);

	return index < node->nr && node->keys[index] == key ? index : index - 1;
}

static void copy_slots(node_t *to, unsigned to_index, const node_t *from, unsigned from_index,
		       unsigned nr)
{
	memmove(to->keys + to_index, from->keys + from_index, nr * sizeof(*to->keys));
	memmove(slots_of(to) + to_index, slots_of(from) + from_index, nr * sizeof(void *));
}

static void insert_slot(node_t *node, unsigned index, uint64_t key, void *slot)
{
	assert(node->nr < node->capacity);
	copy_slots(node, index + 1, node, index, node->nr - index);
	node->keys[index] = key;
	slots_of(node)[index] = slot;
	node->nr++;
}

static void remove_slot(node_t *node, unsigned index)
{
	node->nr--;
	copy_slots(node, index, node, index + 1, node->nr - index);
}

/* Moves the upper half of a full child to a new node beside it. */
static int split_child(node_t *node, unsigned index, void *(*alloc)(size_t bytes))
{
	node_t *left = child_of(node, index);
	node_t *right = new_node(alloc, NODE_MAX, left->level);
	unsigned half = left->nr / 2;

	if (!right)
		return -ENOMEM;
	right->nr = left->nr - half;
	copy_slots(right, 0, left, half, right->nr);
	left->nr = half;
	right->next = left->next;
	left->next = right;
	insert_slot(node, index + 1, right->keys[0], right);
	return 0;
}

/* Replaces a full root by a larger leaf, or adds a level. */
static int grow_root(struct tree_btree *btree, void *(*alloc)(size_t bytes))
{
	node_t *old = btree->root;
	bool above = old->capacity == NODE_MAX;
	node_t *root = new_node(alloc, above ? NODE_MAX : old->capacity * 2, old->level + above);

	if (!root)
		return -ENOMEM;
	btree->root = root;
	if (!above) {
		copy_slots(root, 0, old, 0, old->nr);
		root->nr = old->nr;
		free(old);
		return 0;
	}
	insert_slot(root, 0, 0, old);
	return 0;
}

static int make_root(struct tree_btree *btree, void *(*alloc)(size_t bytes))
{
	if (!btree->root) {
		btree->root = new_node(alloc, NODE_FIRST, 0);
		return btree->root ? 0 : -ENOMEM;
	}
	return btree->root->nr == btree->root->capacity ? grow_root(btree, alloc) : 0;
}

static void shrink_root(struct tree_btree *btree)
{
	node_t *root = btree->root;

	while (root && (root->nr == 0 || (root->level && root->nr == 1))) {
		btree->root = root->nr ? child_of(root, 0) : NULL;
		free(root);
		root = btree->root;
	}
}

int tree_btree_add(struct tree_btree *btree, void *(*alloc)(size_t bytes), uint64_t key,
		   void *value)
{
	node_t *node;
	int err = make_root(btree, alloc);

	node = btree->root;
	while (!err && node->level) {
		unsigned index = child_for(node, key);

		if (child_of(node, index)->nr == NODE_MAX) {
			err = split_child(node, index, alloc);
			if (err)
				break;
			index = child_for(node, key);
		}
		node = child_of(node, index);
	}
	if (err) {
		shrink_root(btree);
		return err;
	}
	insert_slot(node, lower_bound(node, 0, key), key, value);
	return 0;
}

/* Moves everything from child @index + 1 to child @index. */
static void merge_children(node_t *node, unsigned index)
{
	node_t *left = child_of(node, index), *right = child_of(node, index + 1);

	if (right->level)
		right->keys[0] = node->keys[index + 1];
	copy_slots(left, left->nr, right, 0, right->nr);
	left->nr += right->nr;
	left->next = right->next;
	remove_slot(node, index + 1);
	free(right);
}

/* Evens out the children @index and @index + 1. */
static void even_out_children(node_t *node, unsigned index)
{
	node_t *left = child_of(node, index), *right = child_of(node, index + 1);
	unsigned half = (left->nr + right->nr) / 2, nr;

	if (right->level)
		right->keys[0] = node->keys[index + 1];
	if (left->nr < half) {
		nr = half - left->nr;
		copy_slots(left, left->nr, right, 0, nr);
		copy_slots(right, 0, right, nr, right->nr - nr);
		right->nr -= nr;
	} else {
		nr = left->nr - half;
		copy_slots(right, nr, right, 0, right->nr);
		copy_slots(right, 0, left, half, nr);
		right->nr += nr;
	}
	left->nr = half;
	node->keys[index + 1] = right->keys[0];
}

/* A node above the leaves has at least two children, so there is a neighbour. */
static void rebalance_child(node_t *node, unsigned index)
{
	if (child_of(node, index)->nr >= NODE_FEW)
		return;
	if (index + 1 == node->nr)
		index--;
	if (child_of(node, index)->nr + child_of(node, index + 1)->nr <= NODE_MERGE)
		merge_children(node, index);
	else
		even_out_children(node, index);
}

/* Recursion is as deep as the tree: a few levels. */
static void *remove_from_subtree(node_t *node, uint64_t key)
{
	unsigned index;
	void *value;

	if (node->level) {
		index = child_for(node, key);
		value = remove_from_subtree(child_of(node, index), key);
		rebalance_child(node, index);
		return value;
	}
	index = lower_bound(node, 0, key);
	assert(index < node->nr && node->keys[index] == key);
	value = slots_of(node)[index];
	remove_slot(node, index);
	return value;
}

void *tree_btree_remove(struct tree_btree *btree, uint64_t key)
{
	void *value;

	assert(btree->root);
	value = remove_from_subtree(btree->root, key);
	shrink_root(btree);
	return value;
}

static void skip_end_of_leaf(struct tree_btree_pos *pos)
{
	if (pos->index < pos->leaf->nr)
		return;
	pos->leaf = pos->leaf->next;
	pos->index = 0;
}

struct tree_btree_pos tree_btree_seek(const struct tree_btree *btree, uint64_t key)
{
	struct tree_btree_pos pos = { .leaf = btree->root };

	if (!pos.leaf)
		return pos;
	while (pos.leaf->level)
		pos.leaf = child_of(pos.leaf, child_for(pos.leaf, key));
	pos.index = lower_bound(pos.leaf, 0, key);
	skip_end_of_leaf(&pos);
	return pos;
}

void tree_btree_next(struct tree_btree_pos *pos)
{
	pos->index++;
	skip_end_of_leaf(pos);
}

void *tree_btree_at(const struct tree_btree_pos *pos, uint64_t *ret_key)
{
	if (!pos->leaf)
		return NULL;
	*ret_key = pos->leaf->keys[pos->index];
	return slots_of(pos->leaf)[pos->index];
}

/* State of a walk over all nodes. */
struct walk {
	const node_t *last_leaf;
	uint64_t last_key;
	size_t nr_keys;
};

static bool check_leaf(const node_t *leaf, uint64_t low, struct walk *walk)
{
	if (walk->last_leaf && walk->last_leaf->next != leaf)
		return false;
	for (unsigned i = 0; i < leaf->nr; i++) {
		if (leaf->keys[i] < low || (walk->nr_keys && leaf->keys[i] <= walk->last_key))
			return false;
		walk->last_key = leaf->keys[i];
		walk->nr_keys++;
	}
	walk->last_leaf = leaf;
	return true;
}

static bool check_subtree(const node_t *node, uint64_t low, bool is_root, struct walk *walk)
{
	if (node->nr == 0 || node->nr > node->capacity || node->capacity > NODE_MAX)
		return false;
	if (!is_root && (node->capacity != NODE_MAX || node->nr < NODE_FEW))
		return false;
	if (!node->level)
		return check_leaf(node, low, walk);
	for (unsigned i = 0; i < node->nr; i++) {
		const node_t *child = child_of(node, i);
		uint64_t child_low = i ? node->keys[i] : low;

		/* The upper bound of a child is checked with the next child. */
		if (child->level != node->level - 1 || child_low < low)
			return false;
		if (i && walk->nr_keys && walk->last_key >= node->keys[i])
			return false;
		if (!check_subtree(child, child_low, false, walk))
			return false;
	}
	return true;
}

size_t tree_btree_check(const struct tree_btree *btree)
{
	struct walk walk = { .last_leaf = NULL };

	if (!btree->root)
		return 0;
	if (btree->root->level && btree->root->nr < 2)
		return SIZE_MAX;
	if (!check_subtree(btree->root, 0, true, &walk) || walk.last_leaf->next)
		return SIZE_MAX;
	return walk.nr_keys;
}
