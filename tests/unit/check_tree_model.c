/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a tree and on a model of it: two flat arrays, of inodes and of names,
 * searched from end to end. After each operation both must agree in the result and in all they
 * show, and tree_check() must find nothing. Some operations run out of memory first, and must
 * then have changed nothing. Now and then the tree is replaced by its own snapshot.
 */
#include "check_tree.h"

#include "support/tree_copy.h"

enum {
	MAX_INODES = 24,
	MAX_LINKS = 5,
	NR_NAMES = 8,
	MAX_NAMES = MAX_INODES * NR_NAMES,
	NOTHING = -1, /* an index of nothing */
};

struct model_inode {
	bool exists;
	struct tree_attr attr;
	unsigned refs;
	bool has_payload, linkable;
	int parent; /* of a directory */
	int pins;
	char xattr; /* value of user.x; 0: none */
};

struct model_name {
	int dir, inode; /* @dir NOTHING: unused */
	char name;
};

struct world {
	struct tree *tree;
	struct model_inode inodes[MAX_INODES];
	struct model_name names[MAX_NAMES];
	int nr_freed; /* payloads */
	uint64_t random;
	struct tree_caller caller;
};

static char payloads[MAX_INODES];

/* ---- the model ---- */

static bool is_dir(const struct world *w, int i)
{
	return S_ISDIR(w->inodes[i].attr.mode);
}

static struct model_name *model_find(struct world *w, int dir, char name)
{
	for (int i = 0; i < MAX_NAMES; i++)
		if (w->names[i].dir == dir && w->names[i].name == name)
			return &w->names[i];
	return NULL;
}

static int model_nr_entries(const struct world *w, int dir)
{
	int nr = 0;

	for (int i = 0; i < MAX_NAMES; i++)
		nr += w->names[i].dir == dir;
	return nr;
}

static int model_nr_inodes(const struct world *w)
{
	int nr = 0;

	for (int i = 0; i < MAX_INODES; i++)
		nr += w->inodes[i].exists;
	return nr;
}

/* Each further name counts as an inode. */
static bool model_is_full(const struct world *w, int more)
{
	int nr = model_nr_inodes(w) + more;

	for (int i = 0; i < MAX_INODES; i++)
		if (w->inodes[i].exists && !S_ISDIR(w->inodes[i].attr.mode) &&
		    w->inodes[i].attr.nlink > 1)
			nr += (int)w->inodes[i].attr.nlink - 1;
	return nr > MAX_INODES;
}

static void model_enter(struct world *w, int dir, char name, int inode)
{
	*model_find(w, NOTHING, 0) = (struct model_name){ dir, inode, name };
}

static void model_forget(struct model_name *name)
{
	*name = (struct model_name){ NOTHING, NOTHING, 0 };
}

static void model_touch(struct world *w, int dir)
{
	w->inodes[dir].attr.mtime = w->caller.now;
	w->inodes[dir].attr.ctime = w->caller.now;
}

static void model_settle(struct world *w, int i)
{
	struct model_inode *inode = &w->inodes[i];

	if (inode->attr.nlink || inode->refs || inode->pins)
		return;
	w->nr_freed += inode->has_payload;
	inode->has_payload = false;
	inode->exists = false;
	if (is_dir(w, i)) {
		w->inodes[inode->parent].pins--;
		model_settle(w, inode->parent);
	}
}

static void model_drop_link(struct world *w, int i)
{
	w->inodes[i].attr.ctime = w->caller.now;
	if (is_dir(w, i)) {
		w->inodes[i].attr.nlink = 0;
		w->inodes[w->inodes[i].parent].attr.nlink--;
		w->inodes[w->inodes[i].parent].pins++;
	} else {
		w->inodes[i].attr.nlink--;
	}
	model_settle(w, i);
}

static int model_check_dir(const struct world *w, int dir)
{
	if (!is_dir(w, dir))
		return -ENOTDIR;
	return w->inodes[dir].attr.nlink ? 0 : -ENOENT;
}

static bool model_is_below(const struct world *w, int dir, int top)
{
	while (dir != top && dir != 0)
		dir = w->inodes[dir].parent;
	return dir == top;
}

/* ---- comparing ---- */

/* ck_assert() writes a line to a file each time, which is too slow for all that is compared. */
#define MUST(condition)                                      \
	do {                                                 \
		if (!(condition))                            \
			ck_abort_msg("not so: " #condition); \
	} while (0)

static struct tree_inode *real(const struct world *w, int i)
{
	struct tree_inode *inode = tree_get(w->tree, w->inodes[i].attr.ino);

	MUST(inode);
	return inode;
}

struct visit {
	struct world *w;
	int dir, nr;
};

static bool compare_entry(void *arg, const struct tree_dirent *entry)
{
	struct visit *visit = arg;
	struct model_name *name;
	int inode;

	if (entry->cookie == 1 || entry->cookie == 2) {
		inode = entry->cookie == 1 ? visit->dir : visit->w->inodes[visit->dir].parent;
	} else {
		name = model_find(visit->w, visit->dir, entry->name[0]);
		MUST(name);
		inode = name->inode;
		visit->nr++;
	}
	MUST(tree_ino(entry->inode) == visit->w->inodes[inode].attr.ino);
	return true;
}

static void compare_dir(struct world *w, int i)
{
	struct visit visit = { w, i, 0 };
	int err = tree_readdir(w->tree, real(w, i), 0, compare_entry, &visit);

	MUST(err == model_check_dir(w, i));
	MUST(visit.nr == model_nr_entries(w, i));
}

static void compare_inode(struct world *w, int i)
{
	struct model_inode *inode = &w->inodes[i];
	struct tree_attr attr = attr_of(real(w, i));
	char value;

	if (is_dir(w, i)) {
		inode->attr.size = (uint64_t)model_nr_entries(w, i);
		compare_dir(w, i);
	}
	MUST(memcmp(&attr, &inode->attr, sizeof(attr)) == 0);
	MUST(tree_payload(real(w, i)) == (inode->has_payload ? &payloads[i] : NULL));
	if (inode->xattr) {
		MUST(tree_getxattr(real(w, i), "user.x", &value, 1) == 1);
		MUST(value == inode->xattr);
	} else {
		MUST(tree_getxattr(real(w, i), "user.x", &value, 1) == -ENODATA);
	}
}

static void compare(struct world *w)
{
	MUST(tree_nr_inodes(w->tree) == (uint64_t)model_nr_inodes(w));
	MUST(nr_payloads_freed == w->nr_freed);
	for (int i = 0; i < MAX_INODES; i++)
		if (w->inodes[i].exists)
			compare_inode(w, i);
	MUST(tree_check(w->tree) == 0);
}

/* ---- operations ---- */

static int pick_inode(struct world *w, bool want_dir)
{
	int i;

	do {
		i = (int)pick(&w->random, MAX_INODES);
	} while (!w->inodes[i].exists || (want_dir && !is_dir(w, i) && pick(&w->random, 16) != 0));
	return i;
}

static char pick_name(struct world *w)
{
	return (char)('a' + pick(&w->random, NR_NAMES));
}

/*
 * Runs an operation of the tree; now and then first without memory. @op: an expression that gives
 * 0 or -errno.
 */
#define ATTEMPT(w, op)                                             \
	__extension__({                                            \
		int err_;                                          \
		allocs_until_failure = (int)pick(&(w)->random, 8); \
		if (allocs_until_failure > 4)                      \
			allocs_until_failure = 0;                  \
		err_ = (op);                                       \
		allocs_until_failure = 0;                          \
		if (err_ == -ENOMEM) {                             \
			compare(w);                                \
			err_ = (op);                               \
		}                                                  \
		err_;                                              \
	})

/* Notes a new inode of the tree in the model, with what is expected of it. */
static int model_add(struct world *w, struct tree_inode *inode, mode_t mode)
{
	struct model_inode *new;
	int i = 0;

	while (w->inodes[i].exists)
		i++;
	ck_assert_int_lt(i, MAX_INODES);
	new = &w->inodes[i];
	*new = (struct model_inode){
		.exists = true,
		.attr = {
			.ino = tree_ino(inode), .generation = attr_of(inode).generation,
			.mode = mode, .nlink = 1, .uid = w->caller.uid, .gid = w->caller.gid,
			.atime = w->caller.now, .mtime = w->caller.now,
			.ctime = w->caller.now, .btime = w->caller.now,
		},
	};
	if (S_ISREG(mode)) {
		tree_set_payload(w->tree, inode, &payloads[i]);
		new->has_payload = true;
	}
	return i;
}

static int expect_make(struct world *w, int dir, char name, bool makes_dir)
{
	int err = model_check_dir(w, dir);

	if (err)
		return err;
	if (model_find(w, dir, name))
		return -EEXIST;
	if (makes_dir && w->inodes[dir].attr.nlink >= MAX_LINKS)
		return -EMLINK;
	return model_is_full(w, 1) ? -ENOSPC : 0;
}

static void do_make(struct world *w)
{
	static const mode_t types[] = { S_IFREG, S_IFDIR, S_IFDIR, S_IFLNK, S_IFIFO };
	mode_t mode = types[pick(&w->random, 5)] | 0640;
	int dir = pick_inode(w, true), i, expected;
	char name[] = { pick_name(w), '\0' };
	struct tree_inode *inode = NULL;

	expected = expect_make(w, dir, name[0], S_ISDIR(mode));
	if (S_ISLNK(mode)) {
		mode = S_IFLNK | 0777;
		ck_assert_int_eq(ATTEMPT(w, tree_symlink(w->tree, real(w, dir), name, "xyz",
							 &w->caller, &inode)),
				 expected);
	} else {
		ck_assert_int_eq(ATTEMPT(w, tree_mknod(w->tree, real(w, dir), name, mode, 0,
						       &w->caller, &inode)),
				 expected);
	}
	if (expected)
		return;
	i = model_add(w, inode, mode);
	model_enter(w, dir, name[0], i);
	model_touch(w, dir);
	if (S_ISLNK(mode))
		w->inodes[i].attr.size = 3;
	if (S_ISDIR(mode)) {
		w->inodes[i].attr.nlink = 2;
		w->inodes[i].parent = dir;
		w->inodes[dir].attr.nlink++;
	}
}

static void do_tmpfile(struct world *w)
{
	int dir = pick_inode(w, true), expected = model_check_dir(w, dir), i;
	struct tree_inode *inode = NULL;

	if (!expected && model_is_full(w, 1))
		expected = -ENOSPC;
	ck_assert_int_eq(ATTEMPT(w, tree_tmpfile(w->tree, real(w, dir), 0600, &w->caller, &inode)),
			 expected);
	if (expected)
		return;
	i = model_add(w, inode, S_IFREG | 0600);
	w->inodes[i].attr.nlink = 0;
	w->inodes[i].refs = 1;
	tree_ref(w->tree, inode, 1);
	w->inodes[i].linkable = true;
}

static int expect_link(struct world *w, int i, int dir, char name)
{
	int err = model_check_dir(w, dir);

	if (err)
		return err;
	if (model_find(w, dir, name))
		return -EEXIST;
	if (is_dir(w, i))
		return -EPERM;
	if (w->inodes[i].attr.nlink == 0 && !w->inodes[i].linkable)
		return -ENOENT;
	if (w->inodes[i].attr.nlink >= MAX_LINKS)
		return -EMLINK;
	return model_is_full(w, 1) ? -ENOSPC : 0;
}

static void do_link(struct world *w)
{
	int i = pick_inode(w, false), dir = pick_inode(w, true);
	char name[] = { pick_name(w), '\0' };
	int expected = expect_link(w, i, dir, name[0]);

	ck_assert_int_eq(ATTEMPT(w, tree_link(w->tree, real(w, i), real(w, dir), name, &w->caller)),
			 expected);
	if (expected)
		return;
	model_enter(w, dir, name[0], i);
	model_touch(w, dir);
	w->inodes[i].attr.nlink++;
	w->inodes[i].attr.ctime = w->caller.now;
	w->inodes[i].linkable = false;
}

static int expect_remove(struct world *w, int dir, const struct model_name *found, bool rmdir)
{
	int err = model_check_dir(w, dir);

	if (err)
		return err;
	if (!found)
		return -ENOENT;
	if (!rmdir)
		return is_dir(w, found->inode) ? -EISDIR : 0;
	if (!is_dir(w, found->inode))
		return -ENOTDIR;
	return model_nr_entries(w, found->inode) ? -ENOTEMPTY : 0;
}

static void do_remove(struct world *w)
{
	int dir = pick_inode(w, true), expected, i;
	char name[] = { pick_name(w), '\0' };
	struct model_name *found = model_find(w, dir, name[0]);
	bool rmdir = pick(&w->random, 2);
	struct tree_inode *lost = NULL;

	expected = expect_remove(w, dir, found, rmdir);
	ck_assert_int_eq(rmdir ? tree_rmdir(w->tree, real(w, dir), name, &w->caller)
			       : tree_unlink(w->tree, real(w, dir), name, &w->caller, &lost),
			 expected);
	if (expected)
		return;
	i = found->inode;
	model_forget(found);
	model_touch(w, dir);
	model_drop_link(w, i);
	if (!rmdir)
		ck_assert_ptr_eq(lost, w->inodes[i].exists ? real(w, i) : NULL);
}

struct renaming {
	int dirs[2];
	struct model_name *names[2]; /* NULL: not there */
	unsigned flags;
};

static int expect_types(struct world *w, const struct renaming *r)
{
	bool dir0 = is_dir(w, r->names[0]->inode), dir1;

	if (!r->names[1] || (r->flags & RENAME_EXCHANGE))
		return 0;
	dir1 = is_dir(w, r->names[1]->inode);
	if (dir0 != dir1)
		return dir0 ? -ENOTDIR : -EISDIR;
	return dir1 && model_nr_entries(w, r->names[1]->inode) ? -ENOTEMPTY : 0;
}

static int expect_rename_links(struct world *w, const struct renaming *r)
{
	int change = is_dir(w, r->names[0]->inode) - (r->names[1] && is_dir(w, r->names[1]->inode));

	if (r->dirs[0] == r->dirs[1])
		return 0;
	if (change > 0 && w->inodes[r->dirs[1]].attr.nlink >= MAX_LINKS)
		return -EMLINK;
	if (change < 0 && w->inodes[r->dirs[0]].attr.nlink >= MAX_LINKS)
		return -EMLINK;
	return 0;
}

static int expect_rename(struct world *w, const struct renaming *r)
{
	int err = 0;

	for (int end = 0; end < 2 && !err; end++)
		err = model_check_dir(w, r->dirs[end]);
	if (err)
		return err;
	if (!r->names[0] || (!r->names[1] && (r->flags & RENAME_EXCHANGE)))
		return -ENOENT;
	if (r->names[1] && (r->flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (is_dir(w, r->names[0]->inode) && model_is_below(w, r->dirs[1], r->names[0]->inode))
		return -EINVAL;
	if (r->names[1] && is_dir(w, r->names[1]->inode) &&
	    model_is_below(w, r->dirs[0], r->names[1]->inode))
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	if (r->names[1] && r->names[0]->inode == r->names[1]->inode)
		return 0;
	err = expect_types(w, r);
	if (!err)
		err = expect_rename_links(w, r);
	if (!err && (r->flags & RENAME_WHITEOUT) && model_is_full(w, 1))
		err = -ENOSPC;
	return err;
}

static void model_move(struct world *w, int i, int from, int to)
{
	w->inodes[i].attr.ctime = w->caller.now;
	if (!is_dir(w, i))
		return;
	w->inodes[from].attr.nlink--;
	w->inodes[to].attr.nlink++;
	w->inodes[i].parent = to;
}

static void model_whiteout(struct world *w, int dir, char name)
{
	const char whiteout[] = { name, '\0' };
	struct tree_inode *inode;

	ck_assert_int_eq(tree_lookup(w->tree, real(w, dir), whiteout, &inode), 0);
	model_enter(w, dir, name, model_add(w, inode, S_IFCHR));
}

static void model_rename(struct world *w, const struct renaming *r, char new_name)
{
	int moved = r->names[0]->inode, other = r->names[1] ? r->names[1]->inode : NOTHING;

	if (moved == other)
		return;
	model_touch(w, r->dirs[0]);
	model_touch(w, r->dirs[1]);
	if (r->flags & RENAME_EXCHANGE) {
		r->names[0]->inode = other;
		r->names[1]->inode = moved;
		model_move(w, other, r->dirs[1], r->dirs[0]);
	} else {
		model_forget(r->names[0]);
		if (other != NOTHING) {
			model_forget(r->names[1]);
			model_drop_link(w, other);
		}
		model_enter(w, r->dirs[1], new_name, moved);
	}
	model_move(w, moved, r->dirs[0], r->dirs[1]);
}

static void do_rename(struct world *w)
{
	static const unsigned flags[] = {
		0,
		0,
		RENAME_NOREPLACE,
		RENAME_EXCHANGE,
		RENAME_WHITEOUT,
		RENAME_WHITEOUT | RENAME_NOREPLACE,
	};
	char names[2][2] = { { pick_name(w) }, { pick_name(w) } };
	struct renaming r = { .flags = flags[pick(&w->random, 6)] };
	int expected;
	bool same;

	for (int end = 0; end < 2; end++) {
		r.dirs[end] = end && pick(&w->random, 4) == 0 ? r.dirs[0] : pick_inode(w, true);
		r.names[end] = model_find(w, r.dirs[end], names[end][0]);
	}
	expected = expect_rename(w, &r);
	same = r.names[0] && r.names[1] && r.names[0]->inode == r.names[1]->inode;
	ck_assert_int_eq(ATTEMPT(w, tree_rename(w->tree, real(w, r.dirs[0]), names[0],
						real(w, r.dirs[1]), names[1], r.flags, &w->caller)),
			 expected);
	if (!expected)
		model_rename(w, &r, names[1][0]);
	if (!expected && !same && (r.flags & RENAME_WHITEOUT))
		model_whiteout(w, r.dirs[0], names[0][0]);
}

static void do_refs(struct world *w)
{
	int i = pick_inode(w, false);
	struct model_inode *inode = &w->inodes[i];
	unsigned count = 1 + pick(&w->random, 2);

	if (pick(&w->random, 2)) {
		tree_ref(w->tree, real(w, i), count);
		inode->refs += count;
	} else {
		tree_unref(w->tree, real(w, i), count);
		inode->refs -= count < inode->refs ? count : inode->refs;
		model_settle(w, i);
	}
}

static void do_attr(struct world *w)
{
	int i = pick_inode(w, false);
	struct tree_attr attr = { .mode = (mode_t)pick(&w->random, 01000), .uid = 5 };
	struct model_inode *inode = &w->inodes[i];

	switch (pick(&w->random, 4)) {
	case 0:
		ck_assert_int_eq(
			tree_setattr(w->tree, real(w, i), TREE_SET_MODE, &attr, &w->caller), 0);
		inode->attr.mode = (inode->attr.mode & S_IFMT) | attr.mode;
		inode->attr.ctime = w->caller.now;
		break;
	case 1:
		ck_assert_int_eq(tree_setattr(w->tree, real(w, i), TREE_SET_UID, &attr, &w->caller),
				 0);
		inode->attr.uid = 5;
		inode->attr.ctime = w->caller.now;
		break;
	case 2:
		tree_touch_modified(w->tree, real(w, i), &w->caller.now);
		model_touch(w, i);
		break;
	default:
		tree_touch_accessed(w->tree, real(w, i), &w->caller.now);
		inode->attr.atime = w->caller.now;
		break;
	}
}

static void do_xattr(struct world *w)
{
	int i = pick_inode(w, false);
	char value = pick_name(w);
	struct model_inode *inode = &w->inodes[i];

	if (pick(&w->random, 2)) {
		ck_assert_int_eq(ATTEMPT(w, tree_setxattr(w->tree, real(w, i), "user.x", &value, 1,
							  0, false, &w->caller)),
				 0);
		inode->xattr = value;
	} else {
		ck_assert_int_eq(tree_removexattr(w->tree, real(w, i), "user.x", &w->caller),
				 inode->xattr ? 0 : -ENODATA);
		if (!inode->xattr)
			return;
		inode->xattr = 0;
	}
	inode->attr.ctime = w->caller.now;
}

static void do_lookup(struct world *w)
{
	int dir = pick_inode(w, true);
	char name[] = { pick_name(w), '\0' };
	struct model_name *found = model_find(w, dir, name[0]);
	struct tree_inode *inode = NULL;
	int expected = !is_dir(w, dir) ? -ENOTDIR : found ? 0 : -ENOENT;

	ck_assert_int_eq(tree_lookup(w->tree, real(w, dir), name, &inode), expected);
	if (found)
		ck_assert_ptr_eq(inode, real(w, found->inode));
	if (!is_dir(w, dir))
		return;
	ck_assert_int_eq(tree_lookup(w->tree, real(w, dir), "..", &inode), 0);
	ck_assert_ptr_eq(inode, real(w, w->inodes[dir].parent));
}

/* Return: the tree of a snapshot of @tree, whose own snapshot is the same. */
static struct tree *copy_of(const struct tree *tree, enum tree_snapshot_what what)
{
	const struct tree_config config = config_with(MAX_INODES, MAX_LINKS);
	struct memory_stream first = { .bytes = 0 }, second = { .bytes = 0 };
	struct tree *copy;

	tree_copy_write(tree, what, &first);
	MUST(tree_copy_read(&first, &config, &copy) == 0);
	tree_copy_write(copy, what, &second);
	MUST(first.bytes == second.bytes && memcmp(first.data, second.data, first.bytes) == 0);
	MUST(tree_check(copy) == 0);
	memory_stream_fini(&first);
	memory_stream_fini(&second);
	return copy;
}

static void check_named_copy(const struct world *w)
{
	struct tree *named = copy_of(w->tree, TREE_SNAPSHOT_NAMED);
	uint64_t nr = 0;

	for (int i = 0; i < MAX_INODES; i++)
		nr += w->inodes[i].exists && w->inodes[i].attr.nlink;
	MUST(tree_nr_inodes(named) == nr);
	tree_free(named);
}

static void do_snapshot(struct world *w)
{
	struct tree *copy;
	int nr_freed = nr_payloads_freed;

	if (pick(&w->random, 8) != 0)
		return;
	check_named_copy(w);
	copy = copy_of(w->tree, TREE_SNAPSHOT_ALL);
	nr_payloads_orphaned = 0;
	for (int i = 0; i < MAX_INODES; i++)
		if (w->inodes[i].exists && w->inodes[i].has_payload)
			tree_set_payload(copy, tree_get(copy, w->inodes[i].attr.ino), &payloads[i]);
	tree_free(w->tree);
	nr_payloads_freed = nr_freed;
	w->tree = copy;
	w->tree->alloc = failing_alloc;
}

static void step(struct world *w)
{
	static void (*const operations[])(struct world * w) = {
		do_make,   do_make,   do_make,   do_make,     do_tmpfile, do_link,
		do_link,   do_remove, do_remove, do_remove,   do_rename,  do_rename,
		do_rename, do_rename, do_refs,   do_refs,     do_refs,    do_refs,
		do_attr,   do_xattr,  do_lookup, do_snapshot,
	};

	w->caller.now.tv_sec++;
	w->caller.now.tv_nsec = (long)pick(&w->random, 1000000000);
	operations[pick(&w->random, sizeof(operations) / sizeof(*operations))](w);
	compare(w);
}

static void begin_world(struct world *w, uint64_t seed, uint64_t hash_mask)
{
	*w = (struct world){
		.tree = make_tree_with(MAX_INODES, MAX_LINKS),
		.random = seed,
		.caller = { .uid = 1000, .gid = 1000, .now = { .tv_sec = 10 } },
	};
	w->tree->hash_mask = hash_mask;
	for (int i = 0; i < MAX_NAMES; i++)
		model_forget(&w->names[i]);
	w->inodes[0].exists = true;
	w->inodes[0].attr = attr_of(root_of(w->tree));
}

START_TEST(test_tree_agrees_with_a_simple_model)
{
	static const uint64_t hash_masks[] = { UINT64_MAX, UINT64_C(3) << 62, 0 };
	static struct world w;

	begin_world(&w, seed_of("model"), hash_masks[_i]);
	for (unsigned long i = 0; i < steps_of(200000); i++)
		step(&w);
	tree_free(w.tree);
	for (int i = 0; i < MAX_INODES; i++)
		w.nr_freed += w.inodes[i].exists && w.inodes[i].has_payload;
	ck_assert_int_eq(nr_payloads_freed, w.nr_freed);
}
END_TEST

/* The same calls give the same numbers, cookies and order. */
static bool same_entry(void *arg, const struct tree_dirent *entry)
{
	uint64_t *sum = arg;

	*sum = *sum * 31 + entry->cookie + tree_ino(entry->inode);
	return true;
}

static uint64_t fingerprint(const struct tree *tree, uint64_t nr_numbers)
{
	uint64_t sum = 0;

	for (uint64_t ino = 1; ino < nr_numbers; ino++) {
		struct tree_inode *inode = tree_get(tree, ino);

		if (!inode)
			continue;
		sum = sum * 31 + ino + attr_of(inode).generation;
		if (S_ISDIR(tree_mode(inode)))
			(void)tree_readdir(tree, inode, 0, same_entry, &sum);
	}
	return sum;
}

START_TEST(test_tree_is_deterministic)
{
	uint64_t seed = seed_of("determinism"), sums[2];
	static struct world w;

	for (int run = 0; run < 2; run++) {
		begin_world(&w, seed, UINT64_MAX);
		for (unsigned long i = 0; i < steps_of(20000); i++)
			step(&w);
		sums[run] = fingerprint(w.tree, 100000);
		tree_free(w.tree);
	}
	ck_assert_uint_eq(sums[0], sums[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree model");
	TCase *model = tcase_create("model");

	tcase_set_timeout(model, 600);
	tcase_add_loop_test(model, test_tree_agrees_with_a_simple_model, 0, 3);
	tcase_add_test(model, test_tree_is_deterministic);
	suite_add_tcase(suite, model);
	return run_suite(suite);
}
