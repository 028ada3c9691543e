/* SPDX-License-Identifier: Apache-2.0 */
#include "data/written_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"

struct written_leaf {
	uint32_t nr_written;
	uint64_t bits[BITMAP_WORDS(WRITTEN_LEAF_BLOCKS)];
};

/* Stands for every leaf whose blocks are all written. Only its address is used. */
static const struct written_leaf full_leaf;

static struct written_leaf *full(void)
{
	return (struct written_leaf *)&full_leaf; /* never written through: see leaf_make() */
}

static uint32_t nr_leaves(const struct written_map *map)
{
	return (map->nr_blocks + WRITTEN_LEAF_BLOCKS - 1) / WRITTEN_LEAF_BLOCKS;
}

static uint32_t leaf_blocks(const struct written_map *map, uint32_t leaf)
{
	uint32_t rest = map->nr_blocks - leaf * WRITTEN_LEAF_BLOCKS;

	return rest < WRITTEN_LEAF_BLOCKS ? rest : WRITTEN_LEAF_BLOCKS;
}

/** A part of a range that lies in one leaf; block numbers inside the leaf. */
struct part {
	uint32_t leaf, from, to;
	bool whole;
};

static bool next_part(const struct written_map *map, uint32_t *from, uint32_t to,
		      struct part *ret_part)
{
	uint32_t leaf, base, blocks;

	if (*from >= to)
		return false;
	leaf = *from / WRITTEN_LEAF_BLOCKS;
	base = leaf * WRITTEN_LEAF_BLOCKS;
	blocks = leaf_blocks(map, leaf);
	ret_part->leaf = leaf;
	ret_part->from = *from - base;
	ret_part->to = to - base < blocks ? to - base : blocks;
	ret_part->whole = ret_part->from == 0 && ret_part->to == blocks;
	*from = base + blocks;
	return true;
}

static void drop_leaf(struct written_leaf *leaf)
{
	if (leaf != full())
		free(leaf);
}

int written_map_init(struct written_map *map, uint32_t nr_blocks)
{
	map->nr_blocks = nr_blocks;
	map->nr_written = 0;
	map->leaves = calloc(nr_leaves(map), sizeof(*map->leaves));
	return map->leaves ? 0 : -ENOMEM;
}

void written_map_fini(struct written_map *map)
{
	if (!map->leaves)
		return;
	for (uint32_t i = 0; i < nr_leaves(map); i++)
		drop_leaf(map->leaves[i]);
	free(map->leaves);
	map->leaves = NULL;
}

static struct written_leaf *leaf_copy(const struct written_leaf *leaf)
{
	struct written_leaf *copy;

	if (!leaf || leaf == full())
		return (struct written_leaf *)leaf;
	copy = malloc(sizeof(*copy));
	if (copy)
		*copy = *leaf;
	return copy;
}

int written_map_copy(struct written_map *copy, const struct written_map *map)
{
	int err = written_map_init(copy, map->nr_blocks);

	for (uint32_t i = 0; !err && i < nr_leaves(map); i++) {
		copy->leaves[i] = leaf_copy(map->leaves[i]);
		if (map->leaves[i] && !copy->leaves[i])
			err = -ENOMEM;
	}
	if (err)
		written_map_fini(copy);
	else
		copy->nr_written = map->nr_written;
	return err;
}

static int leaf_make(struct written_map *map, uint32_t index)
{
	struct written_leaf *leaf = calloc(1, sizeof(*leaf));

	if (!leaf)
		return -ENOMEM;
	if (map->leaves[index])
		leaf->nr_written = (uint32_t)bitmap_set(leaf->bits, 0, leaf_blocks(map, index));
	map->leaves[index] = leaf;
	return 0;
}

int written_map_prepare_set(struct written_map *map, uint32_t from, uint32_t to)
{
	struct part part;
	int err = 0;

	while (!err && next_part(map, &from, to, &part)) {
		if (!map->leaves[part.leaf])
			err = leaf_make(map, part.leaf);
	}
	return err;
}

int written_map_prepare_clear(struct written_map *map, uint32_t from, uint32_t to)
{
	struct part part;
	int err = 0;

	while (!err && next_part(map, &from, to, &part)) {
		if (map->leaves[part.leaf] == full() && !part.whole)
			err = leaf_make(map, part.leaf);
	}
	return err;
}

static void leaf_set(struct written_map *map, const struct part *part)
{
	struct written_leaf *leaf = map->leaves[part->leaf];
	uint32_t blocks = leaf_blocks(map, part->leaf);
	uint32_t before = leaf == full() ? blocks : leaf ? leaf->nr_written : 0;
	uint32_t after = blocks;

	if (leaf == full())
		return;
	if (!part->whole)
		after = before + (uint32_t)bitmap_set(leaf->bits, part->from, part->to);
	map->nr_written += after - before;
	if (after < blocks) {
		leaf->nr_written = after;
		return;
	}
	drop_leaf(leaf);
	map->leaves[part->leaf] = full();
}

void written_map_set(struct written_map *map, uint32_t from, uint32_t to)
{
	struct part part;

	while (next_part(map, &from, to, &part))
		leaf_set(map, &part);
}

int written_map_add(struct written_map *map, uint32_t from, uint32_t to)
{
	struct part part;
	int err = 0;

	while (!err && next_part(map, &from, to, &part)) {
		if (!part.whole && !map->leaves[part.leaf])
			err = leaf_make(map, part.leaf);
		if (!err)
			leaf_set(map, &part);
	}
	return err;
}

static void leaf_clear(struct written_map *map, const struct part *part)
{
	struct written_leaf *leaf = map->leaves[part->leaf];
	uint32_t gone;

	if (!leaf)
		return;
	if (part->whole) {
		gone = leaf == full() ? leaf_blocks(map, part->leaf) : leaf->nr_written;
		drop_leaf(leaf);
		map->leaves[part->leaf] = NULL;
	} else {
		gone = (uint32_t)bitmap_clear(leaf->bits, part->from, part->to);
		leaf->nr_written -= gone;
	}
	map->nr_written -= gone;
}

void written_map_clear(struct written_map *map, uint32_t from, uint32_t to)
{
	struct part part;

	while (next_part(map, &from, to, &part))
		leaf_clear(map, &part);
}

bool written_map_test(const struct written_map *map, uint32_t block)
{
	const struct written_leaf *leaf = map->leaves[block / WRITTEN_LEAF_BLOCKS];

	if (!leaf || leaf == full())
		return leaf != NULL;
	return bitmap_test(leaf->bits, block % WRITTEN_LEAF_BLOCKS);
}

uint32_t written_map_next(const struct written_map *map, uint32_t from, uint32_t to, bool written)
{
	uint32_t start = from, base, hit;
	struct part part;

	if (map->nr_written == (written ? 0 : map->nr_blocks))
		return to;
	while (next_part(map, &start, to, &part)) {
		const struct written_leaf *leaf = map->leaves[part.leaf];

		base = part.leaf * WRITTEN_LEAF_BLOCKS;
		if (!leaf || leaf == full()) {
			if ((leaf != NULL) == written)
				return base + part.from;
			continue;
		}
		hit = (uint32_t)(written ? bitmap_next_set(leaf->bits, part.from, part.to)
					 : bitmap_next_clear(leaf->bits, part.from, part.to));
		if (hit < part.to)
			return base + hit;
	}
	return to;
}
