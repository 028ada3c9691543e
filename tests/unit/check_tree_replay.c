/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree/change, tree/replay: a replica that repeats the changes of a tree stays equal to it. Both
 * are compared by their snapshots.
 */
#include "check_tree.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "support/tree_copy.h"
#include "tree/change.h"

/* A tree and its replica, and the last change on the way from one to the other. */
struct pair {
	struct tree *tree, *replica;
	unsigned nr_changes;
	uint32_t kinds; /* a bit for each that has been seen */
	char bytes[TREE_CHANGE_MAX_BYTES];
	size_t nr_bytes;
};

static void send_change(void *arg, const struct tree_change *change)
{
	struct pair *pair = arg;

	ck_assert_uint_le(tree_change_bytes(change), sizeof(pair->bytes));
	pair->nr_bytes = tree_change_encode(change, pair->bytes);
	ck_assert_uint_eq(tree_change_bytes(change), pair->nr_bytes);
	pair->nr_changes++;
	pair->kinds |= UINT32_C(1) << change->kind;
}

static struct pair *make_pair_with(const struct tree_config *plain)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct tree_config config = *plain;

	nr_payloads_freed = 0;
	allocs_until_failure = 0;
	ck_assert_int_eq(tree_new(&config, &pair->replica), 0);
	config.changed = send_change;
	config.changed_arg = pair;
	ck_assert_int_eq(tree_new(&config, &pair->tree), 0);
	pair->tree->alloc = failing_alloc;
	return pair;
}

static struct pair *make_pair(void)
{
	const struct tree_config config = config_with(0, 0);

	return make_pair_with(&config);
}

static bool is_equal(const struct tree *a, const struct tree *b)
{
	struct memory_stream first = { .bytes = 0 }, second = { .bytes = 0 };
	bool equal;

	tree_copy_write(a, TREE_SNAPSHOT_ALL, &first);
	tree_copy_write(b, TREE_SNAPSHOT_ALL, &second);
	equal = first.bytes == second.bytes && !memcmp(first.data, second.data, first.bytes);
	memory_stream_fini(&first);
	memory_stream_fini(&second);
	return equal;
}

static void end_pair(struct pair *pair)
{
	ck_assert(is_equal(pair->tree, pair->replica));
	ck_assert_int_eq(tree_check(pair->replica), 0);
	end_tree(pair->tree);
	tree_free(pair->replica);
	free(pair);
}

static void decode(const struct pair *pair, struct tree_change *change)
{
	size_t bytes;

	ck_assert_int_eq(tree_change_decode(pair->bytes, pair->nr_bytes, change, &bytes), 0);
	ck_assert_uint_eq(bytes, pair->nr_bytes);
}

/* Exactly one change since the last call. */
static void follow(struct pair *pair)
{
	struct tree_change change;

	ck_assert_uint_eq(pair->nr_changes, 1);
	decode(pair, &change);
	ck_assert_int_eq(tree_replay(pair->replica, &change), 0);
	ck_assert(is_equal(pair->tree, pair->replica));
	ck_assert_uint_eq(tree_max_inodes(pair->replica), tree_max_inodes(pair->tree));
	pair->nr_changes = 0;
}

/* A successful call that makes one change. */
#define CHANGES(pair, call)                  \
	do {                                 \
		ck_assert_int_eq((call), 0); \
		follow(pair);                \
	} while (0)

static const struct tree_caller somebody = {
	.uid = 1001, .gid = 1002, .umask = 027, .now = { .tv_sec = 1234567, .tv_nsec = 999999999 }
};

static const char default_acl[] = "\2\0\0\0"
				  "\1\0\7\0\xff\xff\xff\xff"
				  "\2\0\6\0\1\0\0\0"
				  "\4\0\5\0\xff\xff\xff\xff"
				  "\20\0\7\0\xff\xff\xff\xff"
				  "\40\0\5\0\xff\xff\xff\xff";

static struct tree_inode *make_followed(struct pair *pair, struct tree_inode *dir, const char *name,
					mode_t mode)
{
	struct tree_inode *inode = NULL;

	CHANGES(pair,
		tree_mknod(pair->tree, dir, name, mode, makedev(7, 70000), &somebody, &inode));
	return inode;
}

/* ---- every operation ---- */

static void change_names(struct pair *pair, struct tree_inode *dir)
{
	struct tree *tree = pair->tree;
	struct tree_inode *root = root_of(tree), *inode;

	(void)make_followed(pair, dir, "file", S_IFREG | 06777);
	(void)make_followed(pair, dir, "other", 0644);
	(void)make_followed(pair, dir, "subdirectory", S_IFDIR | 0755);
	(void)make_followed(pair, dir, "device", S_IFBLK | 0600);
	CHANGES(pair, tree_symlink(tree, dir, "link", "where/to", &somebody, &inode));
	CHANGES(pair, tree_link(tree, find(tree, dir, "file"), root, "second", at(3)));
	CHANGES(pair, tree_rename(tree, dir, "other", root, "moved", 0, at(4)));
	CHANGES(pair, tree_rename(tree, dir, "file", root, "moved", RENAME_EXCHANGE, at(5)));
	CHANGES(pair, tree_rename(tree, dir, "file", root, "second", RENAME_WHITEOUT, &somebody));
	CHANGES(pair, tree_unlink(tree, root, "second", at(6), NULL));
	CHANGES(pair, tree_rmdir(tree, dir, "subdirectory", at(7)));
	CHANGES(pair, tree_set_max_inodes(tree, 100));
	(void)make_followed(pair, dir, "subdirectory", S_IFDIR | 0755);
}

static void change_references(struct pair *pair, struct tree_inode *dir)
{
	struct tree *tree = pair->tree;
	struct tree_inode *inode;

	CHANGES(pair, tree_tmpfile(tree, dir, 04600, &somebody, &inode));
	CHANGES(pair, (tree_ref(tree, inode, 5), 0));
	CHANGES(pair, (tree_add_writers(tree, inode, 1), 0));
	CHANGES(pair, (tree_add_writers(tree, inode, -1), 0));
	CHANGES(pair, tree_link(tree, inode, dir, "named", at(8)));
	CHANGES(pair, tree_unlink(tree, dir, "named", at(9), NULL));
	CHANGES(pair, (tree_unref(tree, inode, 2), 0));
	CHANGES(pair, (tree_unref(tree, inode, 7), 0)); /* frees it */
}

static void change_attributes(struct pair *pair, struct tree_inode *dir)
{
	const struct tree_attr attr = { .mode = 06711,
					.uid = 7,
					.gid = 8,
					.atime = { 1, 2 },
					.mtime = { -3, 4 },
					.ctime = { INT64_C(1) << 40, 5 },
					.btime = { 6, 7 } };
	const struct timespec now = { 99, 100 };
	struct tree *tree = pair->tree;
	struct tree_inode *inode = make_followed(pair, dir, "attributes", S_IFREG | 06777);

	CHANGES(pair, tree_setxattr(tree, inode, "security.capability", "abc", 3, 0, false, at(9)));
	CHANGES(pair, (tree_touch_modified(tree, inode, &now), 0));
	CHANGES(pair, (tree_touch_accessed(tree, inode, &now), 0));
	CHANGES(pair, tree_drop_setid(tree, inode, false) ? 0 : -1);
	for (unsigned what = 0; what < 0x100; what++)
		CHANGES(pair, tree_setattr(tree, inode, what, &attr, at(1000 + (time_t)what)));
	CHANGES(pair, tree_setxattr(tree, inode, "user.a", "value", 5, 0, false, at(11)));
	CHANGES(pair, tree_setxattr(tree, inode, "user.empty", NULL, 0, 0, false, at(12)));
	CHANGES(pair, tree_setxattr(tree, inode, "user.a", "new", 3, XATTR_REPLACE, false, at(13)));
	CHANGES(pair, tree_removexattr(tree, inode, "user.a", at(14)));
	CHANGES(pair, tree_removexattr(tree, inode, "system.posix_acl_access", at(15)));
	CHANGES(pair, tree_setattr(tree, inode, TREE_SET_MODE, &attr, at(16)));
	CHANGES(pair, tree_setxattr(tree, inode, "system.posix_acl_access", default_acl,
				    sizeof(default_acl) - 1, 0, true, at(17)));
}

START_TEST(test_replay_every_operation)
{
	struct pair *pair = make_pair();
	struct tree_inode *dir = make_followed(pair, root_of(pair->tree), "dir", S_IFDIR | 02777);

	change_names(pair, dir);
	change_references(pair, dir);
	change_attributes(pair, dir);
	CHANGES(pair, tree_setxattr(pair->tree, dir, "system.posix_acl_default", default_acl,
				    sizeof(default_acl) - 1, 0, false, at(18)));
	change_names(pair, make_followed(pair, dir, "inherits", S_IFDIR | 0750));
	ck_assert_uint_eq(pair->kinds, (UINT32_C(1) << TREE_NR_CHANGES) - 2);
	end_pair(pair);
}
END_TEST

/* The longest change: names, and the value of an attribute. */
START_TEST(test_replay_longest)
{
	static char value[TREE_XATTR_VALUE_MAX];
	char name[TREE_NAME_MAX + 1] = { 0 }, new_name[TREE_NAME_MAX + 1] = { 0 };
	char target[TREE_SYMLINK_MAX + 1] = { 0 };
	struct pair *pair = make_pair();
	struct tree_inode *root = root_of(pair->tree), *inode;

	memset(name, 'a', TREE_NAME_MAX);
	memset(new_name, 'b', TREE_NAME_MAX);
	memset(target, 'c', TREE_SYMLINK_MAX);
	CHANGES(pair, tree_symlink(pair->tree, root, name, target, &somebody, &inode));
	CHANGES(pair,
		tree_rename(pair->tree, root, name, root, new_name, RENAME_WHITEOUT, &somebody));
	memcpy(name, "user.", 5);
	memset(value, 'd', sizeof(value));
	CHANGES(pair,
		tree_setxattr(pair->tree, root, name, value, sizeof(value), 0, true, &somebody));
	end_pair(pair);
}
END_TEST

/* ---- what is no change ---- */

static int failing_calls(struct pair *pair, unsigned number)
{
	struct tree *tree = pair->tree;
	struct tree_inode *root = root_of(tree), *made;
	struct tree_inode *dir = find(tree, root, "dir"), *file = find(tree, dir, "file");

	switch (number) {
	case 0:
		return tree_mknod(tree, dir, "file", S_IFREG, 0, &somebody, &made);
	case 1:
		return tree_mknod(tree, file, "x", S_IFDIR, 0, &somebody, &made);
	case 2:
		return tree_symlink(tree, dir, "x", "", &somebody, &made);
	case 3:
		return tree_symlink(tree, dir, "file", "y", &somebody, &made);
	case 4:
		return tree_tmpfile(tree, file, 0600, &somebody, &made);
	case 5:
		return tree_link(tree, dir, dir, "x", &somebody);
	case 6:
		return tree_link(tree, file, dir, "file", &somebody);
	case 7:
		return tree_unlink(tree, dir, "x", &somebody, NULL);
	case 8:
		return tree_unlink(tree, root, "dir", &somebody, NULL);
	case 9:
		return tree_rmdir(tree, root, "dir", &somebody);
	case 10:
		return tree_rmdir(tree, dir, "file", &somebody);
	case 11:
		return tree_rename(tree, dir, "x", dir, "y", 0, &somebody);
	case 12:
		return tree_rename(tree, root, "dir", dir, "y", 0, &somebody);
	case 13:
		return tree_rename(tree, dir, "file", root, "dir", RENAME_NOREPLACE, &somebody);
	case 14:
		return tree_setxattr(tree, file, "user.a", "x", 1, XATTR_CREATE, false, &somebody);
	case 15:
		return tree_setxattr(tree, file, "user.b", "x", 1, XATTR_REPLACE, false, &somebody);
	case 16:
		return tree_setxattr(tree, file, "system.posix_acl_access", "x", 1, 0, false,
				     &somebody);
	case 17:
		return tree_removexattr(tree, file, "user.b", &somebody);
	case 18:
		return tree_set_max_inodes(tree, 1);
	case 19:
		return tree_mknod(tree, dir, "full", S_IFREG, 0, &somebody, &made);
	default:
		return 1;
	}
}

START_TEST(test_replay_failures_are_no_changes)
{
	struct pair *pair = make_pair();
	struct tree_inode *dir = make_followed(pair, root_of(pair->tree), "dir", S_IFDIR | 0755);
	struct tree_inode *file = make_followed(pair, dir, "file", S_IFREG | 0600);
	unsigned number = 0;
	int err;

	CHANGES(pair, tree_setxattr(pair->tree, file, "user.a", "1", 1, 0, false, at(3)));
	CHANGES(pair, tree_set_max_inodes(pair->tree, 3));
	while ((err = failing_calls(pair, number)) != 1) {
		ck_assert_msg(err < 0, "call %u", number);
		ck_assert_msg(pair->nr_changes == 0, "call %u", number);
		number++;
	}
	ck_assert_uint_eq(number, 20);
	end_pair(pair);
}
END_TEST

START_TEST(test_replay_nothing_changed)
{
	const struct timespec now = { 5, 6 };
	struct pair *pair = make_pair();
	struct tree_inode *root = root_of(pair->tree);
	struct tree_inode *file = make_followed(pair, root, "file", S_IFREG | 0600);

	CHANGES(pair, tree_link(pair->tree, file, root, "same", at(3)));
	ck_assert_int_eq(tree_rename(pair->tree, root, "file", root, "same", 0, at(4)), 0);
	ck_assert(!tree_drop_setid(pair->tree, file, false));
	CHANGES(pair, (tree_touch_modified(pair->tree, file, &now), 0));
	tree_touch_modified(pair->tree, file, &now);
	ck_assert_uint_eq(pair->nr_changes, 0);
	/* With a capability there is something to change. */
	CHANGES(pair, tree_setxattr(pair->tree, file, "security.capability", "x", 1, 0, false,
				    &(struct tree_caller){ .now = now }));
	CHANGES(pair, (tree_touch_modified(pair->tree, file, &now), 0));
	end_pair(pair);
}
END_TEST

START_TEST(test_replay_no_memory)
{
	struct pair *pair = make_pair();
	struct tree_inode *root = root_of(pair->tree), *made;
	int err;

	for (int failure = 1;; failure++) {
		allocs_until_failure = failure;
		err = tree_symlink(pair->tree, root, "link", "target", &somebody, &made);
		allocs_until_failure = 0;
		if (!err)
			break;
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_uint_eq(pair->nr_changes, 0);
	}
	follow(pair);
	end_pair(pair);
}
END_TEST

/* ---- damage ---- */

/* Something of each kind of field. */
static struct pair *make_damage(unsigned number)
{
	const struct tree_attr attr = { .mode = 0600, .uid = 3, .atime = { 1, 2 } };
	struct pair *pair = make_pair();
	struct tree *tree = pair->tree;
	struct tree_inode *root = root_of(tree), *made;
	struct tree_inode *file = make_followed(pair, root, "file", S_IFREG | 0600);

	switch (number) {
	case 0:
		ck_assert_int_eq(tree_symlink(tree, root, "link", "to", &somebody, &made), 0);
		break;
	case 1:
		ck_assert_int_eq(tree_rename(tree, root, "file", root, "new", RENAME_WHITEOUT,
					     &somebody),
				 0);
		break;
	case 2:
		ck_assert_int_eq(tree_setattr(tree, file, TREE_SET_UID | TREE_SET_ATIME, &attr,
					      &somebody),
				 0);
		break;
	case 3:
		ck_assert_int_eq(
			tree_setxattr(tree, file, "user.a", "value", 5, 0, true, &somebody), 0);
		break;
	default:
		ck_assert_int_eq(tree_mknod(tree, root, "dev", S_IFBLK, 77, &somebody, &made), 0);
	}
	return pair;
}

static void end_damage(struct pair *pair)
{
	pair->nr_changes = 1;
	follow(pair);
	end_pair(pair);
}

START_TEST(test_replay_a_part_of_a_change_is_refused)
{
	struct pair *pair = make_damage((unsigned)_i);
	struct tree_change change;
	size_t bytes;

	for (size_t most = 0; most < pair->nr_bytes; most++) {
		char *part = malloc(most ? most : 1); /* exactly, for sanitizers */

		memcpy(part, pair->bytes, most);
		ck_assert_int_eq(tree_change_decode(part, most, &change, &bytes), -EPROTO);
		free(part);
	}
	end_damage(pair);
}
END_TEST

static struct tree *copy_of(const struct tree *tree, const struct tree_config *config)
{
	struct memory_stream stream = { .bytes = 0 };
	struct tree *copy;

	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	ck_assert_int_eq(tree_copy_read(&stream, config, &copy), 0);
	memory_stream_fini(&stream);
	return copy;
}

/* Each change of a bit is refused, or is another change that is possible. */
START_TEST(test_replay_damaged_changes_leave_a_valid_tree)
{
	const struct tree_config config = config_with(0, 0);
	struct pair *pair = make_damage((unsigned)_i);
	unsigned nr_refused = 0;

	for (size_t bit = 0; bit < pair->nr_bytes * 8; bit++) {
		struct tree *copy = copy_of(pair->replica, &config);
		struct tree_change change;
		size_t bytes;
		int err;

		pair->bytes[bit / 8] ^= (char)(1 << bit % 8);
		err = tree_change_decode(pair->bytes, pair->nr_bytes, &change, &bytes);
		if (!err)
			err = tree_replay(copy, &change);
		ck_assert(!err || err == -EPROTO || err == -EPROTONOSUPPORT);
		nr_refused += err != 0;
		end_tree(copy);
		pair->bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_assert_uint_gt(nr_refused, 100);
	end_damage(pair);
}
END_TEST

START_TEST(test_replay_newer_versions_are_refused)
{
	struct pair *pair = make_damage(0);
	struct tree_change change;
	size_t bytes;

	pair->bytes[4]++;
	ck_assert_int_eq(tree_change_decode(pair->bytes, pair->nr_bytes, &change, &bytes),
			 -EPROTONOSUPPORT);
	pair->bytes[4]--;
	end_damage(pair);
}
END_TEST

/* A replica that has diverged is noticed. */
START_TEST(test_replay_notices_another_number)
{
	const struct tree_config config = config_with(0, 0);
	struct pair *pair = make_damage(0);
	struct tree_change change;
	struct tree *copy = copy_of(pair->replica, &config);

	(void)make_file(copy, root_of(copy), "more");
	decode(pair, &change);
	ck_assert_int_eq(tree_replay(copy, &change), -EPROTO);
	change.ino = 12345;
	ck_assert_int_eq(tree_replay(pair->replica, &change), -EPROTO);
	tree_free(copy);
	end_damage(pair);
}
END_TEST

/* Changes in a row. */
START_TEST(test_replay_several_in_one_record)
{
	struct pair *pair = make_pair();
	struct tree_change change;
	char buf[4096];
	size_t end = 0, bytes;

	for (int i = 0; i < 20; i++) {
		char name[] = { (char)('a' + i), '\0' };

		(void)make_file(pair->tree, root_of(pair->tree), name);
		memcpy(buf + end, pair->bytes, pair->nr_bytes);
		end += pair->nr_bytes;
	}
	for (size_t at = 0; at < end; at += bytes) {
		ck_assert_int_eq(tree_change_decode(buf + at, end - at, &change, &bytes), 0);
		ck_assert_int_eq(tree_replay(pair->replica, &change), 0);
	}
	end_pair(pair);
}
END_TEST

/* ---- random operations ---- */

enum { MAX_INODES = 60, NR_NAMES = 12, NR_USERS = 4 };

static struct tree_config random_config(void)
{
	struct tree_config config = config_with(MAX_INODES, 6);

	config.max_user_inodes = MAX_INODES / 2;
	return config;
}

static struct tree_inode *pick_inode(struct tree *tree, uint64_t *random)
{
	struct tree_inode *inode;

	do
		inode = tree_get(tree, 1 + pick(random, tree_end_of_numbers(tree) - 1));
	while (!inode);
	return inode;
}

/* Most names are in one of few directories. */
static struct tree_inode *pick_dir(struct tree *tree, uint64_t *random)
{
	for (int i = 0; i < 8; i++) {
		struct tree_inode *inode = pick_inode(tree, random);

		if (tree_is_dir(inode))
			return inode;
	}
	return root_of(tree);
}

static struct tree_caller pick_caller(uint64_t *random)
{
	static const mode_t umasks[] = { 0, 022, 077 };
	struct tree_caller caller = { .uid = (uid_t)pick(random, NR_USERS),
				      .gid = (gid_t)pick(random, NR_USERS),
				      .umask = umasks[pick(random, 3)],
				      .may_setgid = pick(random, 2) };

	/* Often the same as before, like a coarse clock. */
	caller.now = (struct timespec){ .tv_sec = (time_t)pick(random, 50),
					.tv_nsec = (long)pick(random, 3) };
	return caller;
}

static void random_create(struct tree *tree, uint64_t *random, const char *name)
{
	static const mode_t types[] = { S_IFREG, S_IFREG, S_IFDIR, S_IFDIR,
					S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK };
	const struct tree_caller caller = pick_caller(random);
	struct tree_inode *dir = pick_dir(tree, random), *made;
	mode_t mode = (mode_t)pick(random, 010000);
	char target[600];
	size_t length;

	switch (pick(random, 6)) {
	case 0:
		length = 1 + pick(random, sizeof(target) - 1);
		memset(target, 't', sizeof(target));
		target[length - 1] = '\0';
		(void)tree_symlink(tree, dir, name, target, &caller, &made);
		break;
	case 1:
		if (tree_tmpfile(tree, dir, mode, &caller, &made) == 0)
			tree_ref(tree, made, 1 + pick(random, 3));
		break;
	default:
		(void)tree_mknod(tree, dir, name, types[pick(random, 8)] | mode, pick(random, 999),
				 &caller, &made);
	}
}

static void random_name(struct tree *tree, uint64_t *random, const char *name)
{
	static const unsigned flags[] = { 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE,
					  RENAME_WHITEOUT };
	const struct tree_caller caller = pick_caller(random);
	struct tree_inode *dir = pick_dir(tree, random);
	const char new_name[] = { (char)('a' + pick(random, NR_NAMES)), '\0' };

	switch (pick(random, 6)) {
	case 0:
		(void)tree_link(tree, pick_inode(tree, random), dir, name, &caller);
		break;
	case 1:
	case 2:
		(void)tree_unlink(tree, dir, name, &caller, NULL);
		break;
	case 3:
		(void)tree_rmdir(tree, dir, name, &caller);
		break;
	default:
		(void)tree_rename(tree, dir, name, pick_dir(tree, random), new_name,
				  flags[pick(random, 5)], &caller);
	}
}

static void random_attribute(struct tree *tree, uint64_t *random)
{
	struct tree_inode *inode = pick_inode(tree, random);
	const struct tree_caller caller = pick_caller(random);
	const struct tree_attr attr = {
		.mode = (mode_t)pick(random, 010000),
		.uid = (uid_t)pick(random, NR_USERS),
		.gid = (gid_t)pick(random, NR_USERS),
		.atime = { (time_t)pick(random, 99), 1 },
		.mtime = { (time_t)pick(random, 99), 2 },
		.ctime = { (time_t)pick(random, 99), 3 },
		.btime = { (time_t)pick(random, 99), 4 },
	};

	switch (pick(random, 5)) {
	case 0:
		(void)tree_drop_setid(tree, inode, pick(random, 2));
		break;
	case 1:
		tree_touch_modified(tree, inode, &caller.now);
		break;
	case 2:
		tree_touch_accessed(tree, inode, &caller.now);
		break;
	default:
		(void)tree_setattr(tree, inode, (unsigned)pick(random, 0x100), &attr, &caller);
	}
}

static void random_xattr(struct tree *tree, uint64_t *random)
{
	static const char *const names[] = { "user.a", "trusted.b", "security.capability",
					     "system.posix_acl_access",
					     "system.posix_acl_default" };
	static const char value[1500];
	struct tree_inode *inode = pick_inode(tree, random);
	const struct tree_caller caller = pick_caller(random);
	unsigned which = (unsigned)pick(random, 5);

	if (pick(random, 3) == 0)
		(void)tree_removexattr(tree, inode, names[which], &caller);
	else if (which < 3)
		(void)tree_setxattr(tree, inode, names[which], value, pick(random, sizeof(value)),
				    (int)pick(random, 3), false, &caller);
	else
		(void)tree_setxattr(tree, inode, names[which], default_acl, sizeof(default_acl) - 1,
				    0, pick(random, 2), &caller);
}

static void random_count(struct tree *tree, uint64_t *random)
{
	struct tree_inode *inode = pick_inode(tree, random);

	switch (pick(random, 6)) {
	case 0:
		tree_ref(tree, inode, 1 + pick(random, 3));
		break;
	case 1:
		tree_add_writers(tree, inode, 1);
		break;
	case 2:
		if (tree_has_writers(inode))
			tree_add_writers(tree, inode, -1);
		break;
	case 3:
		(void)tree_set_max_inodes(tree, MAX_INODES / 2 + pick(random, MAX_INODES / 2));
		break;
	default:
		tree_unref(tree, inode, 1 + pick(random, 4));
	}
}

/* One operation, and perhaps a reference; many fail. */
static void random_operation(struct tree *tree, uint64_t *random)
{
	const char name[] = { (char)('a' + pick(random, NR_NAMES)), '\0' };

	switch (pick(random, 10)) {
	case 0:
	case 1:
	case 2:
		random_create(tree, random, name);
		break;
	case 3:
	case 4:
	case 5:
		random_name(tree, random, name);
		break;
	case 6:
		random_attribute(tree, random);
		break;
	case 7:
		random_xattr(tree, random);
		break;
	default:
		random_count(tree, random);
	}
}

static struct journal *make_journal(void)
{
	struct journal *journal;

	ck_assert_int_eq(journal_new(JOURNAL_MIN_BYTES, &journal), 0);
	return journal;
}

static void write_change(void *arg, const struct tree_change *change)
{
	struct journal_entry entry;

	journal_begin(arg, tree_change_bytes(change), &entry);
	(void)tree_change_encode(change, entry.data);
	journal_commit(arg, &entry);
}

/* Repeats what the journal holds. Return: how many changes. */
static unsigned replay_journal(struct journal *journal, bool dead, struct tree *replica)
{
	unsigned nr = 0;
	const void *data;
	size_t bytes, used;
	int result;

	while ((result = journal_read(journal, dead, &data, &bytes)) == 1) {
		struct tree_change change;

		ck_assert_int_eq(tree_change_decode(data, bytes, &change, &used), 0);
		ck_assert_uint_eq(used, bytes);
		ck_assert_int_eq(tree_replay(replica, &change), 0);
		nr++;
	}
	ck_assert_int_eq(result, 0);
	return nr;
}

START_TEST(test_replay_random_operations)
{
	const struct tree_config plain = random_config();
	struct tree_config config = plain;
	struct journal *journal = make_journal();
	uint64_t random = seed_of("replay");
	unsigned long nr_changes = 0, nr_steps = steps_of(100000);
	struct tree *tree, *replica;

	ck_assert_int_eq(tree_new(&plain, &replica), 0);
	config.changed = write_change;
	config.changed_arg = journal;
	ck_assert_int_eq(tree_new(&config, &tree), 0);
	for (unsigned long i = 0; i < nr_steps; i++) {
		random_operation(tree, &random);
		nr_changes += replay_journal(journal, false, replica);
		if (i % 16 == 0 && !is_equal(tree, replica))
			ck_abort_msg("the replica differs after %lu steps", i);
		/* A replica may also begin with a snapshot. */
		if (pick(&random, 500) == 0) {
			tree_free(replica);
			replica = copy_of(tree, &plain);
			replica->quota.max = tree->quota.max;
		}
	}
	ck_assert_uint_gt(nr_changes, nr_steps / 4);
	ck_assert(is_equal(tree, replica));
	ck_assert_int_eq(tree_check(replica), 0);
	ck_assert(tree_quota_is_consistent(replica));
	end_tree(tree);
	tree_free(replica);
	journal_free(journal);
}
END_TEST

/* ---- a process that is killed ---- */

static void run_until_killed(struct journal *journal, uint64_t random, _Atomic uint64_t *nr_done)
{
	struct tree_config config = random_config();
	struct tree *tree;

	config.changed = write_change;
	config.changed_arg = journal;
	if (tree_new(&config, &tree))
		_exit(1);
	for (;;) {
		random_operation(tree, &random);
		atomic_fetch_add(nr_done, 1);
	}
}

static void count_change(void *arg, const struct tree_change *change)
{
	unsigned *nr_changes = arg;

	(void)change;
	++*nr_changes;
}

/* The same operations on another tree, which is then what the replica must be: all that was done,
 * and perhaps a part of the operation in which the process died. */
static void compare_with_dead(const struct tree *replica, unsigned nr_changes, uint64_t random,
			      uint64_t nr_done)
{
	struct tree_config config = random_config();
	unsigned nr = 0;
	struct tree *tree;

	config.changed = count_change;
	config.changed_arg = &nr;
	ck_assert_int_eq(tree_new(&config, &tree), 0);
	for (uint64_t i = 0; i < nr_done; i++)
		random_operation(tree, &random);
	ck_assert_uint_ge(nr_changes, nr);
	if (nr_changes > nr)
		random_operation(tree, &random);
	if (nr_changes == nr)
		ck_assert(is_equal(tree, replica));
	else
		ck_assert_uint_eq(nr_changes + 1, nr); /* a file without its reference */
	ck_assert_int_eq(tree_check(tree), 0);
	tree_free(tree);
}

static void kill_one(struct journal *journal, uint64_t seed, _Atomic uint64_t *nr_done,
		     unsigned nr_wanted)
{
	const struct tree_config config = random_config();
	unsigned nr_changes = 0;
	struct tree *replica;
	pid_t pid;

	atomic_store(nr_done, 0);
	ck_assert_int_eq(tree_new(&config, &replica), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run_until_killed(journal, seed, nr_done);
	while (nr_changes < nr_wanted)
		nr_changes += replay_journal(journal, false, replica);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	nr_changes += replay_journal(journal, true, replica);
	compare_with_dead(replica, nr_changes, seed, atomic_load(nr_done));
	tree_free(replica);
}

START_TEST(test_replay_after_kill)
{
	struct journal *journal = make_journal();
	uint64_t random = seed_of("kill");
	_Atomic uint64_t *nr_done = mmap(NULL, sizeof(*nr_done), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(nr_done, MAP_FAILED);
	for (int i = 0; i < 100; i++)
		kill_one(journal, pick(&random, UINT64_MAX), nr_done,
			 (unsigned)pick(&random, 2000));
	munmap((void *)nr_done, sizeof(*nr_done));
	journal_free(journal);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree replay");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");
	TCase *random = tcase_create("random");

	tcase_add_test(core, test_replay_every_operation);
	tcase_add_test(core, test_replay_longest);
	tcase_add_test(core, test_replay_several_in_one_record);
	tcase_add_test(core, test_replay_failures_are_no_changes);
	tcase_add_test(core, test_replay_nothing_changed);
	tcase_add_test(core, test_replay_no_memory);
	tcase_add_loop_test(errors, test_replay_a_part_of_a_change_is_refused, 0, 5);
	tcase_add_loop_test(errors, test_replay_damaged_changes_leave_a_valid_tree, 0, 5);
	tcase_add_test(errors, test_replay_newer_versions_are_refused);
	tcase_add_test(errors, test_replay_notices_another_number);
	tcase_add_test(random, test_replay_random_operations);
	tcase_add_test(random, test_replay_after_kill);
	tcase_set_timeout(errors, 60);
	tcase_set_timeout(random, 300);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, errors);
	suite_add_tcase(suite, random);
	return run_suite(suite);
}
