/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/snapshot.h"

#include <endian.h>
#include <string.h>

#include "tree/inode.h"
#include "tree/snapshot_internal.h"
#include "tree/xattr.h"

/* Large enough that the header of a record does not matter. */
#define BATCH_BYTES 65536u

struct walk {
	const struct tree *tree;
	enum tree_snapshot_what what;
	struct record_writer *out;
};

bool tree_snapshot_has(const struct tree_inode *inode, enum tree_snapshot_what what)
{
	return what == TREE_SNAPSHOT_ALL || inode->nlink;
}

/* The next inode of the snapshot at or after *ino; *ino becomes the number behind it. */
static const struct tree_inode *next_inode(const struct walk *walk, uint64_t *ino)
{
	while (*ino < walk->tree->itable.next_ino) {
		const struct tree_inode *inode = tree_get(walk->tree, (*ino)++);

		if (inode && tree_snapshot_has(inode, walk->what))
			return inode;
	}
	return NULL;
}

static void put_tree(const struct walk *walk)
{
	const struct tree *tree = walk->tree;

	record_begin(walk->out, TREE_RECORD_TREE, 0);
	record_put_u64(walk->out, tree->itable.next_ino);
	record_put_u64(walk->out, tree->next_generation);
	record_put_u64(walk->out, tree->hash_seed);
	record_put_u64(walk->out, tree->hash_mask);
	record_end(walk->out);
}

/* ---- free numbers ---- */

static void put_free(const struct walk *walk, uint64_t ino)
{
	if (record_bytes(walk->out) >= BATCH_BYTES) {
		record_end(walk->out);
		record_begin(walk->out, TREE_RECORD_FREE, 0);
	}
	record_put_u64(walk->out, ino);
}

/* Numbers of inodes that the snapshot leaves out become free last. */
static void put_all_free(const struct walk *walk)
{
	const struct tree_itable *table = &walk->tree->itable;

	record_begin(walk->out, TREE_RECORD_FREE, 0);
	for (uint64_t ino = table->free_head; ino; ino = tree_itable_next_free(table, ino))
		put_free(walk, ino);
	for (uint64_t ino = TREE_ROOT_INO; ino < table->next_ino; ino++) {
		const struct tree_inode *inode = tree_get(walk->tree, ino);

		if (inode && !tree_snapshot_has(inode, walk->what))
			put_free(walk, ino);
	}
	record_end(walk->out);
}

/* ---- inodes ---- */

static void put_time(struct record_writer *out, const struct timespec *time)
{
	record_put_u64(out, (uint64_t)time->tv_sec);
	record_put_u32(out, (uint32_t)time->tv_nsec);
}

static void put_type(struct record_writer *out, const struct tree_inode *inode)
{
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) {
		record_put_u64(out, inode->rdev);
	} else if (S_ISLNK(inode->mode)) {
		record_put_u32(out, inode->symlink.bytes);
		record_put_bytes(out, inode->symlink.target, inode->symlink.bytes);
	}
}

/* Links, pins and whether it is an orphan follow from the entries of the directories. */
static void put_inode(const struct walk *walk, const struct tree_inode *inode)
{
	struct record_writer *out = walk->out;
	bool all = walk->what == TREE_SNAPSHOT_ALL;

	record_begin(out, TREE_RECORD_INODE, 0);
	record_put_u64(out, inode->ino);
	record_put_u64(out, inode->generation);
	record_put_u64(out, all ? inode->refs : 0);
	record_put_u32(out, all ? inode->writers : 0);
	record_put_u32(out, inode->linkable ? TREE_RECORD_LINKABLE : 0);
	record_put_u32(out, inode->mode);
	record_put_u32(out, inode->uid);
	record_put_u32(out, inode->gid);
	put_time(out, &inode->atime);
	put_time(out, &inode->mtime);
	put_time(out, &inode->ctime);
	put_time(out, &inode->btime);
	put_type(out, inode);
	record_end(out);
}

static void put_xattr(struct record_writer *out, struct tree_xattr *xattr)
{
	record_begin(out, TREE_RECORD_XATTR, 0);
	record_put_u16(out, xattr->name_bytes);
	record_put_bytes(out, tree_xattr_name(xattr), xattr->name_bytes);
	record_put_u32(out, xattr->value_bytes);
	record_put_bytes(out, tree_xattr_value(xattr), xattr->value_bytes);
	record_end(out);
}

static void put_inodes(const struct walk *walk)
{
	const struct tree_inode *inode;
	uint64_t next = TREE_ROOT_INO;

	while ((inode = next_inode(walk, &next)) && !record_writer_error(walk->out)) {
		put_inode(walk, inode);
		for (struct tree_xattr *xattr = inode->xattrs; xattr; xattr = xattr->next)
			put_xattr(walk->out, xattr);
	}
}

/* ---- directories ---- */

static void put_entry(struct record_writer *out, const struct tree_entry *entry, uint64_t key)
{
	size_t name_bytes = strlen(entry->name);

	record_put_u64(out, key);
	record_put_u64(out, entry->inode->ino);
	record_put_u8(out, (uint8_t)name_bytes);
	record_put_bytes(out, entry->name, name_bytes);
}

/* As many entries as one record takes, from @pos on. */
static void put_entries(struct record_writer *out, struct tree_btree_pos *pos)
{
	uint32_t nr = 0;
	struct tree_entry *entry;
	uint64_t key;
	void *count;

	record_begin(out, TREE_RECORD_ENTRIES, 0);
	count = record_put_room(out, sizeof(nr));
	while (record_bytes(out) < BATCH_BYTES && (entry = tree_btree_at(pos, &key))) {
		put_entry(out, entry, key);
		tree_btree_next(pos);
		nr++;
	}
	nr = htole32(nr);
	memcpy(count, &nr, sizeof(nr));
	record_end(out);
}

static void put_dir(struct record_writer *out, const struct tree_inode *dir)
{
	struct tree_btree_pos pos = tree_btree_seek(&dir->dir.entries, 0);
	uint64_t key;

	record_begin(out, TREE_RECORD_DIR, 0);
	record_put_u64(out, dir->ino);
	record_put_u64(out, dir->dir.parent->ino);
	record_end(out);
	while (tree_btree_at(&pos, &key))
		put_entries(out, &pos);
}

static void put_dirs(const struct walk *walk)
{
	const struct tree_inode *inode;
	uint64_t next = TREE_ROOT_INO;

	while ((inode = next_inode(walk, &next)) && !record_writer_error(walk->out))
		if (tree_is_dir(inode))
			put_dir(walk->out, inode);
}

int tree_snapshot_write(const struct tree *tree, enum tree_snapshot_what what,
			struct record_writer *out)
{
	const struct walk walk = { .tree = tree, .what = what, .out = out };

	put_tree(&walk);
	put_all_free(&walk);
	put_inodes(&walk);
	put_dirs(&walk);
	record_begin(out, TREE_RECORD_END, 0);
	record_end(out);
	return record_writer_error(out);
}
