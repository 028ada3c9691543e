/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/minmax.h"
#include "tree/inode.h"
#include "tree/name.h"
#include "tree/snapshot_internal.h"
#include "tree/xattr.h"

#define ENTRIES_AHEAD 16u

struct build {
	struct tree *tree;
	struct record_reader *in;
	uint64_t *named;          /* a bit for each directory that has a name, by inode number */
	struct tree_inode *inode; /* of the last INODE */
	struct tree_inode *dir;   /* of the last DIR */
	uint64_t last_key;        /* of the last entry of @dir */
};

static int read_tree(struct build *build)
{
	struct tree *tree = build->tree;
	uint64_t next_ino = record_get_u64(build->in);

	tree->next_generation = record_get_u64(build->in);
	tree->hash_seed = record_get_u64(build->in);
	tree->hash_mask = record_get_u64(build->in);
	if (record_get_error(build->in) || next_ino <= TREE_ROOT_INO || next_ino > UINT64_MAX / 2 ||
	    build->named)
		return -EPROTO;
	/* Numbers are reused, so there cannot be many more than inodes. */
	if (next_ino - 1 > TREE_INO_REUSE_DELAY + 1 &&
	    next_ino - 1 - (TREE_INO_REUSE_DELAY + 1) > tree->quota.max)
		return -ENOSPC;
	build->named = calloc(BITMAP_WORDS(next_ino), sizeof(*build->named));
	if (!build->named)
		return -ENOMEM;
	return tree_itable_extend(&tree->itable, tree->alloc, next_ino);
}

static int read_free(struct build *build)
{
	while (record_left(build->in))
		if (!tree_itable_put_free(&build->tree->itable, record_get_u64(build->in)))
			return -EPROTO;
	return 0;
}

/* ---- inodes ---- */

static struct timespec get_time(struct record_reader *in)
{
	struct timespec time = { .tv_sec = (time_t)record_get_u64(in) };

	time.tv_nsec = record_get_u32(in);
	return time;
}

static bool is_time(const struct timespec *time)
{
	return time->tv_nsec >= 0 && time->tv_nsec < 1000000000;
}

static bool is_mode(mode_t mode)
{
	return tree_inode_is_type(mode) && !(mode & ~(mode_t)(S_IFMT | 07777));
}

static int read_symlink(struct build *build, struct tree_inode *inode)
{
	uint32_t bytes = record_get_u32(build->in);
	const char *target = record_get_bytes(build->in, bytes);

	if (!target || bytes == 0 || bytes > TREE_SYMLINK_MAX || memchr(target, 0, bytes))
		return -EPROTO;
	inode->symlink.target = build->tree->alloc(bytes + 1);
	if (!inode->symlink.target)
		return -ENOMEM;
	memcpy(inode->symlink.target, target, bytes);
	inode->symlink.target[bytes] = '\0';
	inode->symlink.bytes = bytes;
	return 0;
}

/* Fills in an inode that has its mode. */
static int read_fields(struct build *build, struct tree_inode *inode)
{
	struct record_reader *in = build->in;

	inode->uid = record_get_u32(in);
	inode->gid = record_get_u32(in);
	inode->atime = get_time(in);
	inode->mtime = get_time(in);
	inode->ctime = get_time(in);
	inode->btime = get_time(in);
	if (!is_time(&inode->atime) || !is_time(&inode->mtime) || !is_time(&inode->ctime) ||
	    !is_time(&inode->btime) || inode->generation >= build->tree->next_generation ||
	    (inode->generation == 0) != (inode->ino == TREE_ROOT_INO))
		return -EPROTO;
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		inode->rdev = record_get_u64(in);
	else if (S_ISLNK(inode->mode))
		return read_symlink(build, inode);
	return record_get_error(in);
}

static int new_inode(struct build *build, const struct tree_inode *start)
{
	static const struct tree_caller nobody;
	struct tree_inode *inode;
	int err;

	if (build->tree->itable.nr_used >= build->tree->quota.max)
		return -ENOSPC;
	err = tree_inode_new(build->tree, start->mode, &nobody, &inode);
	if (err)
		return err;
	inode->ino = start->ino;
	inode->generation = start->generation;
	inode->refs = start->refs;
	inode->writers = start->writers;
	inode->linkable = start->linkable;
	if (!tree_itable_put(&build->tree->itable, inode->ino, inode)) {
		tree_inode_free(build->tree, inode);
		return -EPROTO;
	}
	build->inode = inode;
	return read_fields(build, inode);
}

static int read_inode(struct build *build)
{
	struct record_reader *in = build->in;
	struct tree_inode start = {
		.ino = record_get_u64(in),
	};

	start.generation = record_get_u64(in);
	start.refs = record_get_u64(in);
	start.writers = record_get_u32(in);
	start.linkable = record_get_u32(in) & TREE_RECORD_LINKABLE;
	start.mode = record_get_u32(in);
	if (record_get_error(in) || !is_mode(start.mode))
		return -EPROTO;
	return new_inode(build, &start);
}

static int read_xattr(struct build *build)
{
	struct record_reader *in = build->in;
	uint16_t name_bytes = record_get_u16(in);
	const char *name = record_get_bytes(in, name_bytes);
	uint32_t value_bytes = record_get_u32(in);
	const void *value = record_get_bytes(in, value_bytes);
	struct tree_xattr *xattr;

	if (record_get_error(in) || !build->inode || !name_bytes ||
	    strnlen(name, name_bytes) + 1 != name_bytes ||
	    !tree_xattr_fits(build->inode, name, value_bytes))
		return -EPROTO;
	xattr = tree_xattr_new(build->tree, name, value, value_bytes);
	if (!xattr)
		return -ENOMEM;
	tree_xattr_put(build->inode, xattr);
	return 0;
}

/* ---- directories ---- */

static struct tree_inode *find_dir(const struct build *build, uint64_t ino)
{
	struct tree_inode *inode = tree_get(build->tree, ino);

	return inode && tree_is_dir(inode) ? inode : NULL;
}

/* Both the name of a directory, which may be read first, and its DIR tell its parent. */
static bool set_parent(struct tree_inode *dir, struct tree_inode *parent)
{
	if (!dir->dir.parent)
		dir->dir.parent = parent;
	return dir->dir.parent == parent;
}

static int read_dir(struct build *build)
{
	struct tree_inode *dir = find_dir(build, record_get_u64(build->in));
	struct tree_inode *parent = find_dir(build, record_get_u64(build->in));

	if (!dir || !parent || (build->dir && dir->ino <= build->dir->ino) ||
	    !set_parent(dir, parent))
		return -EPROTO;
	build->dir = dir;
	build->last_key = 0;
	return 0;
}

static bool is_entry_valid(const struct build *build, uint64_t key, const struct tree_inode *inode,
			   const char *name)
{
	struct tree_dir_slot slot;

	if (!inode || key <= build->last_key || tree_name_check(name) || tree_name_is_dots(name) ||
	    key - tree_dir_key(build->tree, name) >= TREE_KEY_GROUP)
		return false;
	tree_dir_find(build->tree, &build->dir->dir, name, &slot);
	return !slot.entry;
}

static int count_link(struct build *build, struct tree_inode *inode)
{
	struct tree_inode *counted = tree_is_dir(inode) ? build->dir : inode;

	if (counted->nlink >= build->tree->max_links)
		return -EMLINK;
	counted->nlink++;
	if (!tree_is_dir(inode))
		return 0;
	if (bitmap_test(build->named, inode->ino) || !set_parent(inode, build->dir))
		return -EPROTO;
	bitmap_set(build->named, inode->ino, inode->ino + 1);
	return 0;
}

struct read_entry {
	uint64_t key;
	struct tree_inode *inode;
	const void *name; /* without NUL */
	uint8_t name_bytes;
};

/* Inodes lie anywhere in memory: the processor fetches this one meanwhile. */
static void get_entry(struct build *build, struct read_entry *entry)
{
	entry->key = record_get_u64(build->in);
	entry->inode = tree_get(build->tree, record_get_u64(build->in));
	entry->name_bytes = record_get_u8(build->in);
	entry->name = record_get_bytes(build->in, entry->name_bytes);
	if (entry->inode)
		__builtin_prefetch(&entry->inode->mode, 1);
}

static int add_entry(struct build *build, const struct read_entry *entry)
{
	const struct tree_dir_slot slot = { .key = entry->key };
	char name[UINT8_MAX + 1];
	int err;

	memcpy(name, entry->name, entry->name_bytes);
	name[entry->name_bytes] = '\0';
	if (memchr(name, 0, entry->name_bytes) ||
	    !is_entry_valid(build, entry->key, entry->inode, name))
		return -EPROTO;
	err = tree_dir_add(build->tree, &build->dir->dir, &slot, name, entry->inode);
	if (err)
		return err;
	build->last_key = entry->key;
	return count_link(build, entry->inode);
}

static int read_batch(struct build *build, uint32_t nr)
{
	struct read_entry entries[ENTRIES_AHEAD];
	int err;

	for (uint32_t i = 0; i < nr; i++)
		get_entry(build, &entries[i]);
	err = record_get_error(build->in);
	for (uint32_t i = 0; i < nr && !err; i++)
		err = add_entry(build, &entries[i]);
	return err;
}

static int read_entries(struct build *build)
{
	uint32_t nr = record_get_u32(build->in), nr_batch;
	int err = build->dir ? record_get_error(build->in) : -EPROTO;

	for (; nr && !err; nr -= nr_batch) {
		nr_batch = min_u(nr, ENTRIES_AHEAD);
		err = read_batch(build, nr_batch);
	}
	return err;
}

/* ---- all ---- */

static int read_record(struct build *build, uint16_t type)
{
	if (type < TREE_RECORD_TREE || type > TREE_RECORD_END)
		return record_skip_unknown(build->in);
	if (!build->named && type != TREE_RECORD_TREE)
		return -EPROTO;
	switch (type) {
	case TREE_RECORD_TREE:
		return read_tree(build);
	case TREE_RECORD_FREE:
		return read_free(build);
	case TREE_RECORD_INODE:
		return read_inode(build);
	case TREE_RECORD_XATTR:
		return read_xattr(build);
	case TREE_RECORD_DIR:
		return read_dir(build);
	case TREE_RECORD_ENTRIES:
		return read_entries(build);
	default:
		return -EPROTO;
	}
}

static int read_records(struct build *build)
{
	uint16_t type = RECORD_END;
	int err = record_next(build->in, &type);

	while (!err && type != TREE_RECORD_END && type != RECORD_END) {
		err = read_record(build, type);
		if (!err)
			err = record_next(build->in, &type);
	}
	if (err)
		return err;
	return type == TREE_RECORD_END && build->named
		       ? tree_snapshot_settle(build->tree, build->named)
		       : -EPROTO;
}

int tree_snapshot_read(const struct tree_config *config, struct record_reader *in,
		       struct tree **ret_tree)
{
	struct build build = { .in = in };
	int err = tree_new_empty(config, &build.tree);

	if (err)
		return err;
	err = read_records(&build);
	free(build.named);
	if (err)
		tree_free(build.tree);
	else
		*ret_tree = build.tree;
	return err;
}
