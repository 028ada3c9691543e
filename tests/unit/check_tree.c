/* SPDX-License-Identifier: Apache-2.0 */
/* Names: create, look up, link, remove, readdir; lifetime of inodes. */
#include "check_tree.h"

#include <limits.h>
#include <pthread.h>

static char payload[16]; /* its addresses serve as payloads */

/* ---- core ---- */

START_TEST(test_tree_new_has_an_empty_root)
{
	struct tree *tree = make_tree();
	struct tree_attr attr = attr_of(root_of(tree));

	ck_assert_uint_eq(attr.ino, 1);
	ck_assert_uint_eq(attr.mode, S_IFDIR | 0755);
	ck_assert_uint_eq(attr.nlink, 2);
	ck_assert_uint_eq(attr.size, 0);
	ck_assert_int_eq(attr.btime.tv_sec, 1);
	ck_assert_uint_eq(tree_nr_inodes(tree), 1);
	ck_assert_ptr_eq(find(tree, root_of(tree), "."), root_of(tree));
	ck_assert_ptr_eq(find(tree, root_of(tree), ".."), root_of(tree));
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_mknod_makes_every_type)
{
	static const mode_t types[] = { S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK };
	struct tree *tree = make_tree();
	struct tree_inode *inode;
	char name[] = "a";

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++, name[0]++) {
		ck_assert_int_eq(tree_mknod(tree, root_of(tree), name, types[i] | 0640, 0x105,
					    at(5), &inode),
				 0);
		ck_assert_uint_eq(attr_of(inode).mode, types[i] | 0640);
		ck_assert_uint_eq(attr_of(inode).rdev,
				  S_ISCHR(types[i]) || S_ISBLK(types[i]) ? 0x105 : 0);
		ck_assert_uint_eq(attr_of(inode).nlink, S_ISDIR(types[i]) ? 2 : 1);
		ck_assert_int_eq(attr_of(inode).btime.tv_sec, 5);
		ck_assert_ptr_eq(find(tree, root_of(tree), name), inode);
		ck_assert_ptr_eq(tree_get(tree, tree_ino(inode)), inode);
	}
	ck_assert_uint_eq(attr_of(root_of(tree)).nlink, 3);
	ck_assert_uint_eq(attr_of(root_of(tree)).size, 6);
	ck_assert_int_eq(attr_of(root_of(tree)).mtime.tv_sec, 5);
	ck_assert_int_eq(attr_of(root_of(tree)).ctime.tv_sec, 5);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_mknod_without_type_makes_a_file)
{
	struct tree *tree = make_tree();

	ck_assert_uint_eq(tree_mode(make_node(tree, root_of(tree), "f", 0600)), S_IFREG | 0600);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_mknod_honours_umask)
{
	struct tree *tree = make_tree();
	struct tree_caller caller = *at(1);
	struct tree_inode *inode;

	caller.umask = 027;
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "f", S_IFREG | 04777, 0, &caller, &inode),
			 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 04750);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_setgid_directory_hands_down_its_group)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_node(tree, root_of(tree), "d", S_IFDIR | 02775), *inode;
	struct tree_caller other = *at(2);

	other.gid = 2000;
	ck_assert_int_eq(tree_mknod(tree, dir, "f", S_IFREG | 0644, 0, &other, &inode), 0);
	ck_assert_uint_eq(attr_of(inode).gid, 1000);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 0644);
	ck_assert_int_eq(tree_mknod(tree, dir, "sub", S_IFDIR | 0755, 0, &other, &inode), 0);
	ck_assert_uint_eq(attr_of(inode).gid, 1000);
	ck_assert_uint_eq(tree_mode(inode), S_IFDIR | 02755);
	ck_assert_int_eq(tree_symlink(tree, dir, "l", "f", &other, &inode), 0);
	ck_assert_uint_eq(attr_of(inode).gid, 1000);
	ck_assert_uint_eq(tree_mode(inode), S_IFLNK | 0777);
	ck_assert_int_eq(tree_tmpfile(tree, dir, 0600, &other, &inode), 0);
	tree_ref(tree, inode, 1);
	ck_assert_uint_eq(attr_of(inode).gid, 1000);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_new_setgid_program_needs_membership)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_node(tree, root_of(tree), "d", S_IFDIR | 02775), *inode;
	struct tree_caller caller = *at(2);

	ck_assert_int_eq(tree_mknod(tree, dir, "a", S_IFREG | 02755, 0, &caller, &inode), 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 02755);
	caller.may_setgid = false;
	ck_assert_int_eq(tree_mknod(tree, dir, "b", S_IFREG | 02755, 0, &caller, &inode), 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 0755);
	ck_assert_int_eq(tree_mknod(tree, dir, "c", S_IFREG | 02644, 0, &caller, &inode), 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 02644);
	ck_assert_int_eq(tree_mknod(tree, dir, "d", S_IFDIR | 0755, 0, &caller, &inode), 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFDIR | 02755);
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "e", S_IFREG | 02755, 0, &caller, &inode),
			 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 02755); /* its group is the caller's own */
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_symlink_keeps_its_target)
{
	struct tree *tree = make_tree();
	struct tree_inode *link, *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "l", "../x/y", at(3), &link), 0);
	ck_assert_str_eq(tree_readlink(link), "../x/y");
	ck_assert_uint_eq(attr_of(link).size, 6);
	ck_assert_uint_eq(tree_mode(link), S_IFLNK | 0777);
	ck_assert_ptr_null(tree_readlink(file));
	ck_assert_ptr_null(tree_readlink(root_of(tree)));
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_link_gives_a_second_name)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d");
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(tree_link(tree, file, dir, "g", at(7)), 0);
	ck_assert_ptr_eq(find(tree, dir, "g"), file);
	ck_assert_uint_eq(attr_of(file).nlink, 2);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 7);
	ck_assert_int_eq(attr_of(file).mtime.tv_sec, 2);
	ck_assert_int_eq(attr_of(dir).mtime.tv_sec, 7);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(8), NULL), 0);
	ck_assert_uint_eq(attr_of(file).nlink, 1);
	ck_assert_ptr_eq(find(tree, dir, "g"), file);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_unlink_tells_what_lost_the_link)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f"), *lost;

	tree_ref(tree, file, 1);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(9), &lost), 0);
	ck_assert_ptr_eq(lost, file);
	ck_assert_uint_eq(attr_of(file).nlink, 0);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 9);
	ck_assert_int_eq(attr_of(root_of(tree)).mtime.tv_sec, 9);
	tree_unref(tree, file, 1);
	make_file(tree, root_of(tree), "g");
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "g", at(9), &lost), 0);
	ck_assert_ptr_null(lost);
	ck_assert_uint_eq(tree_nr_inodes(tree), 1);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_rmdir_takes_the_parents_link)
{
	struct tree *tree = make_tree();

	make_dir(tree, root_of(tree), "d");
	ck_assert_uint_eq(attr_of(root_of(tree)).nlink, 3);
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "d", at(4)), 0);
	ck_assert_uint_eq(attr_of(root_of(tree)).nlink, 2);
	ck_assert_int_eq(attr_of(root_of(tree)).ctime.tv_sec, 4);
	ck_assert_uint_eq(tree_nr_inodes(tree), 1);
	end_tree(tree);
}
END_TEST

/* ---- life ---- */

START_TEST(test_tree_referenced_inode_keeps_its_payload_after_unlink)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	uint64_t ino = tree_ino(file);

	tree_set_payload(tree, file, payload);
	tree_ref(tree, file, 3);
	ck_assert_int_eq(nr_payloads_orphaned, 0);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(3), NULL), 0);
	ck_assert_int_eq(nr_payloads_orphaned, 1);
	ck_assert_ptr_eq(tree_payload(file), payload);
	tree_unref(tree, file, 2);
	ck_assert_ptr_eq(tree_get(tree, ino), file);
	ck_assert_int_eq(nr_payloads_freed, 0);
	tree_unref(tree, file, 1);
	ck_assert_ptr_null(tree_get(tree, ino));
	ck_assert_int_eq(nr_payloads_freed, 1);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_payload_of_an_unlinked_file_is_doomed_from_the_start)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	tree_ref(tree, file, 1);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(3), NULL), 0);
	ck_assert_int_eq(nr_payloads_orphaned, 0);
	tree_set_payload(tree, file, payload);
	ck_assert_int_eq(nr_payloads_orphaned, 1);
	tree_unref(tree, file, 1);
	ck_assert_int_eq(nr_payloads_freed, 1);
	ck_assert_uint_eq(tree_nr_inodes(tree), 1);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_unref_of_a_linked_file_frees_nothing)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	tree_set_payload(tree, file, payload);
	tree_ref(tree, file, 1);
	tree_unref(tree, file, 1);
	ck_assert_int_eq(nr_payloads_freed, 0);
	ck_assert_ptr_eq(tree_payload(file), payload);
	end_tree(tree);
	ck_assert_int_eq(nr_payloads_freed, 1);
}
END_TEST

START_TEST(test_tree_free_hands_every_payload_back)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *tmp;

	tree_set_payload(tree, make_file(tree, dir, "f"), payload);
	tree_set_payload(tree, make_file(tree, root_of(tree), "g"), payload + 1);
	ck_assert_int_eq(tree_tmpfile(tree, dir, 0600, at(2), &tmp), 0);
	tree_ref(tree, tmp, 1);
	tree_set_payload(tree, tmp, payload + 2);
	end_tree(tree);
	ck_assert_int_eq(nr_payloads_freed, 3);
	tree_free(NULL);
}
END_TEST

START_TEST(test_tree_tmpfile_vanishes_with_its_last_reference)
{
	struct tree *tree = make_tree();
	struct tree_inode *file;

	ck_assert_int_eq(tree_tmpfile(tree, root_of(tree), 0600, at(2), &file), 0);
	tree_ref(tree, file, 1);
	tree_set_payload(tree, file, payload);
	ck_assert_int_eq(nr_payloads_orphaned, 1);
	ck_assert_uint_eq(attr_of(file).nlink, 0);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 0600);
	ck_assert_int_eq(attr_of(root_of(tree)).mtime.tv_sec, 1);
	tree_unref(tree, file, 1);
	ck_assert_int_eq(nr_payloads_freed, 1);
	ck_assert_uint_eq(tree_nr_inodes(tree), 1);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_tmpfile_can_be_linked_once)
{
	struct tree *tree = make_tree();
	struct tree_inode *file;

	ck_assert_int_eq(tree_tmpfile(tree, root_of(tree), 0600, at(2), &file), 0);
	tree_ref(tree, file, 2);
	tree_unref(tree, file, 1);
	tree_set_payload(tree, file, payload);
	ck_assert_int_eq(tree_link(tree, file, root_of(tree), "f", at(3)), 0);
	ck_assert_int_eq(nr_payloads_orphaned, 0);
	ck_assert_uint_eq(attr_of(file).nlink, 1);
	tree_unref(tree, file, 1);
	ck_assert_ptr_eq(find(tree, root_of(tree), "f"), file);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_link_cannot_revive_a_removed_file)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f"), *tmp;

	tree_ref(tree, file, 1);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(3), NULL), 0);
	ck_assert_int_eq(tree_link(tree, file, root_of(tree), "g", at(4)), -ENOENT);
	ck_assert_int_eq(tree_tmpfile(tree, root_of(tree), 0600, at(2), &tmp), 0);
	tree_ref(tree, tmp, 1);
	ck_assert_int_eq(tree_link(tree, tmp, root_of(tree), "t", at(3)), 0);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "t", at(3), NULL), 0);
	ck_assert_int_eq(tree_link(tree, tmp, root_of(tree), "u", at(4)), -ENOENT);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_unref_of_too_many_leaves_none)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	tree_ref(tree, file, 2);
	tree_unref(tree, file, UINT64_MAX);
	ck_assert_ptr_eq(find(tree, root_of(tree), "f"), file);
	tree_unref(tree, root_of(tree), 5);
	ck_assert_ptr_nonnull(root_of(tree));
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_removed_directory_still_knows_its_parent)
{
	struct tree *tree = make_tree();
	struct tree_inode *outer = make_dir(tree, root_of(tree), "o");
	struct tree_inode *inner = make_dir(tree, outer, "i"), *found;

	tree_ref(tree, inner, 1);
	ck_assert_int_eq(tree_rmdir(tree, outer, "i", at(3)), 0);
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "o", at(3)), 0);
	ck_assert_uint_eq(attr_of(inner).nlink, 0);
	ck_assert_ptr_eq(find(tree, inner, ".."), outer);
	ck_assert_ptr_eq(find(tree, outer, ".."), root_of(tree));
	ck_assert_int_eq(tree_lookup(tree, inner, "x", &found), -ENOENT);
	ck_assert_int_eq(tree_check(tree), 0);
	ck_assert_uint_eq(tree_nr_inodes(tree), 3);
	tree_unref(tree, inner, 1); /* takes the outer one along */
	ck_assert_uint_eq(tree_nr_inodes(tree), 1);
	end_tree(tree);
}
END_TEST

static bool never(void *arg, const struct tree_dirent *entry)
{
	(void)arg;
	(void)entry;
	ck_abort_msg("nothing should be seen here");
	return false;
}

START_TEST(test_tree_removed_directory_takes_no_more_names)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *got;
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	tree_ref(tree, dir, 1);
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "d", at(3)), 0);
	ck_assert_int_eq(tree_mknod(tree, dir, "x", S_IFREG, 0, at(4), &got), -ENOENT);
	ck_assert_int_eq(tree_symlink(tree, dir, "x", "y", at(4), &got), -ENOENT);
	ck_assert_int_eq(tree_tmpfile(tree, dir, 0600, at(4), &got), -ENOENT);
	ck_assert_int_eq(tree_link(tree, file, dir, "x", at(4)), -ENOENT);
	ck_assert_int_eq(tree_unlink(tree, dir, "x", at(4), NULL), -ENOENT);
	ck_assert_int_eq(tree_rmdir(tree, dir, "x", at(4)), -ENOENT);
	ck_assert_int_eq(tree_rename(tree, root_of(tree), "f", dir, "x", 0, at(4)), -ENOENT);
	ck_assert_int_eq(tree_readdir(tree, dir, 0, never, NULL), -ENOENT);
	tree_unref(tree, dir, 1);
	ck_assert_uint_eq(tree_nr_inodes(tree), 2);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_reused_number_has_another_generation)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	struct tree_attr first = attr_of(file), now;
	unsigned nr = 0;

	do {
		ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(3), NULL), 0);
		now = attr_of(make_file(tree, root_of(tree), "f"));
		ck_assert_uint_ne(now.generation, first.generation);
		nr++;
	} while (now.ino != first.ino && nr < 100000);
	ck_assert_uint_gt(nr, 1000);
	ck_assert_uint_eq(now.ino, first.ino);
	end_tree(tree);
}
END_TEST

/* ---- readdir ---- */

struct listing {
	char names[512][16];
	uint64_t cookies[512];
	unsigned nr, limit;
};

static bool list_entry(void *arg, const struct tree_dirent *entry)
{
	struct listing *listing = arg;

	if (listing->nr == listing->limit)
		return false;
	ck_assert_uint_lt(entry->cookie, UINT64_C(1) << 63);
	snprintf(listing->names[listing->nr], 16, "%s", entry->name);
	listing->cookies[listing->nr++] = entry->cookie;
	return true;
}

START_TEST(test_tree_readdir_shows_dots_first_then_every_name_once)
{
	struct tree *tree = make_tree();
	struct listing all = { .limit = 512 };
	bool seen[300] = { false };

	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		make_file(tree, root_of(tree), name);
	}
	ck_assert_int_eq(tree_readdir(tree, root_of(tree), 0, list_entry, &all), 0);
	ck_assert_uint_eq(all.nr, 302);
	ck_assert_str_eq(all.names[0], ".");
	ck_assert_str_eq(all.names[1], "..");
	for (unsigned i = 2; i < all.nr; i++) {
		int nr = atoi(all.names[i]);

		ck_assert(!seen[nr]);
		seen[nr] = true;
		ck_assert_uint_gt(all.cookies[i], all.cookies[i - 1]);
	}
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_readdir_goes_on_where_it_was_stopped)
{
	struct tree *tree = make_tree();
	struct listing all = { .limit = 512 };
	uint64_t cookie = 0;

	for (char name[] = "a"; name[0] <= 'z'; name[0]++)
		make_file(tree, root_of(tree), name);
	ck_assert_int_eq(tree_readdir(tree, root_of(tree), 0, list_entry, &all), 0);
	for (unsigned i = 0; i < all.nr; i++) {
		struct listing one = { .limit = 1 };

		ck_assert_int_eq(tree_readdir(tree, root_of(tree), cookie, list_entry, &one), 0);
		ck_assert_uint_eq(one.nr, 1);
		ck_assert_str_eq(one.names[0], all.names[i]);
		cookie = one.cookies[0];
	}
	ck_assert_int_eq(tree_readdir(tree, root_of(tree), cookie, never, NULL), 0);
	ck_assert_int_eq(tree_readdir(tree, root_of(tree), UINT64_MAX, never, NULL), 0);
	end_tree(tree);
}
END_TEST

struct constant_names {
	unsigned seen[500];
	uint64_t cookie;
	unsigned left;
};

static bool see_some(void *arg, const struct tree_dirent *entry)
{
	struct constant_names *names = arg;

	if (names->left == 0)
		return false;
	names->left--;
	names->cookie = entry->cookie;
	if (entry->name[0] == 'k')
		names->seen[atoi(entry->name + 1)]++;
	return true;
}

static void make_or_remove(struct tree *tree, uint64_t *state)
{
	struct tree_inode *inode;
	char name[16];

	snprintf(name, sizeof(name), "x%d", (int)pick(state, 800));
	if (tree_mknod(tree, root_of(tree), name, S_IFREG, 0, at(3), &inode) == -EEXIST)
		ck_assert_int_eq(tree_unlink(tree, root_of(tree), name, at(3), NULL), 0);
}

/* With few hash bits as well, so that what comes and goes collides with what stays. */
START_TEST(test_tree_readdir_sees_what_stays_exactly_once)
{
	static const uint64_t masks[] = { UINT64_MAX, UINT64_C(0x3f) << 58, UINT64_C(7) << 20 };
	struct tree *tree = make_tree();
	uint64_t state = seed_of("readdir");

	tree->hash_mask = masks[_i];
	for (int i = 0; i < 500; i++) {
		char name[16];

		snprintf(name, sizeof(name), "k%d", i);
		make_file(tree, root_of(tree), name);
	}
	for (unsigned round = 0; round < 10; round++) {
		struct constant_names names = { .cookie = 0 };

		do {
			names.left = 1 + pick(&state, 20);
			ck_assert_int_eq(tree_readdir(tree, root_of(tree), names.cookie, see_some,
						      &names),
					 0);
			for (int i = 0; i < 30; i++)
				make_or_remove(tree, &state);
		} while (names.left == 0);
		for (int i = 0; i < 500; i++)
			ck_assert_uint_eq(names.seen[i], 1);
		ck_assert_int_eq(tree_check(tree), 0);
	}
	end_tree(tree);
}
END_TEST

static void *read_everything(void *arg)
{
	const struct tree *tree = arg;
	struct listing all = { .limit = 512 };
	const struct timespec now = { .tv_sec = 1 };
	char value[8];

	for (int round = 0; round < 50; round++) {
		all.nr = 0;
		(void)tree_readdir(tree, root_of(tree), 0, list_entry, &all);
		for (unsigned i = 2; i < all.nr; i++) {
			struct tree_inode *inode = find(tree, root_of(tree), all.names[i]);

			(void)attr_of(inode);
			(void)tree_getxattr(inode, "user.a", value, sizeof(value));
			(void)tree_atime_due(inode, TREE_ATIME_RELATIVE, &now);
		}
		(void)tree_nr_inodes(tree);
	}
	return NULL;
}

/* Means something under ThreadSanitizer: reading must not write, caches included. */
START_TEST(test_tree_readers_may_run_in_parallel)
{
	struct tree *tree = make_tree();
	pthread_t threads[3];

	for (char name[] = "a"; name[0] <= 'z'; name[0]++)
		ck_assert_int_eq(tree_setxattr(tree, make_file(tree, root_of(tree), name), "user.a",
					       "1", 1, 0, false, at(1)),
				 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_everything, tree), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	end_tree(tree);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_tree_names_have_at_most_255_bytes)
{
	struct tree *tree = make_tree();
	struct tree_inode *inode;
	char name[300];

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), name, S_IFREG, 0, at(1), &inode),
			 -ENAMETOOLONG);
	ck_assert_int_eq(tree_lookup(tree, root_of(tree), name, &inode), -ENAMETOOLONG);
	name[255] = '\0';
	inode = make_file(tree, root_of(tree), name);
	ck_assert_ptr_eq(find(tree, root_of(tree), name), inode);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), name, at(1), NULL), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_names_may_hold_any_byte_but_slash)
{
	struct tree *tree = make_tree();
	struct tree_inode *inode;

	for (int byte = 1; byte < 256; byte++) {
		char name[] = { 'x', (char)byte, '\0' };
		int err = tree_mknod(tree, root_of(tree), name, S_IFREG, 0, at(1), &inode);

		ck_assert_int_eq(err, byte == '/' ? -EINVAL : 0);
		if (!err)
			ck_assert_ptr_eq(find(tree, root_of(tree), name), inode);
	}
	ck_assert_uint_eq(attr_of(root_of(tree)).size, 254);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_symlink_targets_have_1_to_4095_bytes)
{
	struct tree *tree = make_tree();
	static char target[4098];
	struct tree_inode *inode;

	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "l", "", at(1), &inode), -ENOENT);
	memset(target, 't', 4096);
	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "l", target, at(1), &inode),
			 -ENAMETOOLONG);
	target[4095] = '\0';
	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "l", target, at(1), &inode), 0);
	ck_assert_uint_eq(attr_of(inode).size, 4095);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_holds_max_inodes_and_no_more)
{
	struct tree *tree = make_tree_with(3, 0);
	struct tree_inode *inode;

	make_file(tree, root_of(tree), "a");
	make_dir(tree, root_of(tree), "b");
	ck_assert_uint_eq(tree_max_inodes(tree), 3);
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "c", S_IFREG, 0, at(1), &inode), -ENOSPC);
	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "c", "x", at(1), &inode), -ENOSPC);
	ck_assert_int_eq(tree_tmpfile(tree, root_of(tree), 0600, at(1), &inode), -ENOSPC);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "a", at(1), NULL), 0);
	make_file(tree, root_of(tree), "c");
	ck_assert_uint_eq(tree_nr_inodes(tree), 3);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_max_inodes_can_change_but_not_below_what_there_is)
{
	struct tree *tree = make_tree_with(2, 0);
	struct tree_inode *inode;

	make_file(tree, root_of(tree), "a");
	ck_assert_int_eq(tree_set_max_inodes(tree, 1), -EINVAL);
	ck_assert_uint_eq(tree_max_inodes(tree), 2);
	ck_assert_int_eq(tree_set_max_inodes(tree, 3), 0);
	make_file(tree, root_of(tree), "b");
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "c", S_IFREG, 0, at(1), &inode), -ENOSPC);
	ck_assert_int_eq(tree_set_max_inodes(tree, 0), 0);
	make_file(tree, root_of(tree), "c");
	ck_assert_uint_eq(tree_max_inodes(tree), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_links_are_limited)
{
	struct tree *tree = make_tree_with(0, 3);
	struct tree_inode *file = make_file(tree, root_of(tree), "f"), *inode;

	ck_assert_int_eq(tree_link(tree, file, root_of(tree), "g", at(1)), 0);
	ck_assert_int_eq(tree_link(tree, file, root_of(tree), "h", at(1)), 0);
	ck_assert_int_eq(tree_link(tree, file, root_of(tree), "i", at(1)), -EMLINK);
	make_dir(tree, root_of(tree), "d");
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "e", S_IFDIR, 0, at(1), &inode), -EMLINK);
	ck_assert_uint_eq(attr_of(root_of(tree)).nlink, 3);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_finds_names_whose_hashes_collide)
{
	struct tree *tree = make_tree();
	struct tree_inode *inodes[256], *inode;
	char name[16];

	tree->hash_mask = 0;
	for (int i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "%d", i);
		inodes[i] = make_file(tree, root_of(tree), name);
	}
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "more", S_IFREG, 0, at(1), &inode),
			 -ENOSPC);
	ck_assert_ptr_null(find(tree, root_of(tree), "more"));
	for (int i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_ptr_eq(find(tree, root_of(tree), name), inodes[i]);
	}
	ck_assert_int_eq(tree_check(tree), 0);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "77", at(1), NULL), 0);
	ck_assert_ptr_null(find(tree, root_of(tree), "77"));
	inode = make_file(tree, root_of(tree), "more");
	ck_assert_ptr_eq(find(tree, root_of(tree), "more"), inode);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_may_be_very_deep)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = root_of(tree), *top = make_dir(tree, dir, "top");

	dir = top;
	for (int i = 0; i < 20000; i++)
		dir = make_dir(tree, dir, "d");
	ck_assert_int_eq(tree_rename(tree, root_of(tree), "top", dir, "x", 0, at(1)), -EINVAL);
	end_tree(tree);
}
END_TEST

static size_t heap_bytes;

/* What glibc takes for it: a word more, in steps of 16. */
static void *measuring_alloc(size_t bytes)
{
	heap_bytes += (bytes + 8 + 15) / 16 * 16;
	return malloc(bytes);
}

START_TEST(test_tree_inode_takes_less_than_350_bytes)
{
	struct tree *tree = make_tree();
	unsigned nr = 100000, per_dir = _i == 0 ? nr : _i == 1 ? 100 : 2;
	struct tree_inode *dir = root_of(tree);
	char name[16];

	heap_bytes = 0;
	tree->alloc = measuring_alloc;
	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (per_dir == nr || i % per_dir)
			make_file(tree, dir, name);
		else
			dir = make_dir(tree, root_of(tree), name);
	}
	printf("%u names a directory: %zu bytes an inode\n", per_dir, heap_bytes / nr);
	ck_assert_uint_lt(heap_bytes / nr, 350);
	tree_free(tree);
}
END_TEST

/* ---- errors ---- */

START_TEST(test_tree_names_that_exist_cannot_be_made)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f"), *inode;
	static const char *const names[] = { "f", ".", ".." };

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(tree_mknod(tree, root_of(tree), names[i], S_IFDIR, 0, at(1),
					    &inode),
				 -EEXIST);
		ck_assert_int_eq(tree_symlink(tree, root_of(tree), names[i], "x", at(1), &inode),
				 -EEXIST);
		ck_assert_int_eq(tree_link(tree, file, root_of(tree), names[i], at(1)), -EEXIST);
	}
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_lookup_of_dot_finds_every_type)
{
	static const mode_t types[] = { S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK };
	struct tree *tree = make_tree();
	struct tree_inode *inode;
	char name[] = "a";

	for (int i = 0; i < 6; i++, name[0]++) {
		ck_assert_int_eq(tree_mknod(tree, root_of(tree), name, types[i] | 0600, 0, at(1),
					    &inode),
				 0);
		ck_assert_ptr_eq(find(tree, inode, "."), inode);
	}
	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "l", "none", at(1), &inode), 0);
	ck_assert_ptr_eq(find(tree, inode, "."), inode);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_lookup_of_dot_is_stale_without_a_name)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *inode;

	tree_ref(tree, file, 1);
	tree_ref(tree, dir, 1);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "f", at(1), NULL), 0);
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "d", at(1)), 0);
	ck_assert_int_eq(tree_lookup(tree, file, ".", &inode), -ESTALE);
	ck_assert_int_eq(tree_lookup(tree, dir, ".", &inode), -ESTALE);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_root_has_generation_zero)
{
	struct tree *tree = make_tree();

	ck_assert_uint_eq(attr_of(root_of(tree)).generation, 0);
	ck_assert_uint_ne(attr_of(make_file(tree, root_of(tree), "f")).generation, 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_files_are_no_directories)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f"), *inode;

	ck_assert_int_eq(tree_lookup(tree, file, "x", &inode), -ENOTDIR);
	ck_assert_int_eq(tree_lookup(tree, file, "..", &inode), -ENOTDIR);
	ck_assert_int_eq(tree_mknod(tree, file, "x", S_IFREG, 0, at(1), &inode), -ENOTDIR);
	ck_assert_int_eq(tree_tmpfile(tree, file, 0600, at(1), &inode), -ENOTDIR);
	ck_assert_int_eq(tree_unlink(tree, file, "x", at(1), NULL), -ENOTDIR);
	ck_assert_int_eq(tree_rmdir(tree, file, "x", at(1)), -ENOTDIR);
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "f", at(1)), -ENOTDIR);
	ck_assert_int_eq(tree_readdir(tree, file, 0, never, NULL), -ENOTDIR);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_wrong_names_are_refused)
{
	struct tree *tree = make_tree();
	struct tree_inode *inode, *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(tree_lookup(tree, root_of(tree), "", &inode), -EINVAL);
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "", S_IFREG, 0, at(1), &inode), -EINVAL);
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "a/b", S_IFREG, 0, at(1), &inode),
			 -EINVAL);
	ck_assert_int_eq(tree_mknod(tree, root_of(tree), "l", S_IFLNK, 0, at(1), &inode), -EINVAL);
	ck_assert_int_eq(tree_link(tree, file, root_of(tree), "", at(1)), -EINVAL);
	ck_assert_int_eq(tree_lookup(tree, root_of(tree), "none", &inode), -ENOENT);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "none", at(1), NULL), -ENOENT);
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "none", at(1)), -ENOENT);
	end_tree(tree);
}
END_TEST

START_TEST(test_tree_directories_are_not_unlinked_nor_linked)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d");

	ck_assert_int_eq(tree_unlink(tree, root_of(tree), "d", at(1), NULL), -EISDIR);
	ck_assert_int_eq(tree_unlink(tree, root_of(tree), ".", at(1), NULL), -EISDIR);
	ck_assert_int_eq(tree_link(tree, dir, root_of(tree), "e", at(1)), -EPERM);
	ck_assert_int_eq(tree_rmdir(tree, dir, ".", at(1)), -EINVAL);
	ck_assert_int_eq(tree_rmdir(tree, dir, "..", at(1)), -ENOTEMPTY);
	make_file(tree, dir, "f");
	ck_assert_int_eq(tree_rmdir(tree, root_of(tree), "d", at(1)), -ENOTEMPTY);
	end_tree(tree);
}
END_TEST

/* Every allocation of making something fails once; the last try succeeds. */
START_TEST(test_tree_without_memory_changes_nothing)
{
	struct tree *tree = make_tree();
	struct tree_attr before = attr_of(root_of(tree));
	struct tree_inode *inode;
	int failure = 0, err;

	do {
		allocs_until_failure = ++failure;
		err = tree_symlink(tree, root_of(tree), "l", "target", at(9), &inode);
		allocs_until_failure = 0;
		if (err) {
			struct tree_attr after = attr_of(root_of(tree));

			ck_assert_int_eq(err, -ENOMEM);
			ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
			ck_assert_uint_eq(tree_nr_inodes(tree), 1);
			ck_assert_int_eq(tree_check(tree), 0);
		}
	} while (err);
	ck_assert_int_eq(failure, 5); /* inode, target, entry, node of the directory succeed */
	ck_assert_uint_eq(tree_ino(inode), 2);
	end_tree(tree);
}
END_TEST

/* tree_check() itself: damage of each kind must not pass. */
START_TEST(test_tree_check_finds_damage)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d");
	struct tree_inode *file = make_file(tree, dir, "f");

	ck_assert_int_eq(tree_check(tree), 0);
	file->nlink++;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	file->nlink--;
	dir->nlink++;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	dir->nlink--;
	dir->dir.nr_entries++;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	dir->dir.nr_entries--;
	dir->dir.parent = dir;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	dir->dir.parent = root_of(tree);
	dir->pins++;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	dir->pins--;
	tree->hash_seed++;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	tree->hash_seed--;
	tree->itable.nr_used++;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	tree->itable.nr_used--;
	file->linkable = true;
	ck_assert_int_eq(tree_check(tree), -EUCLEAN);
	file->linkable = false;
	end_tree(tree);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 300);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_core(TCase *core)
{
	tcase_add_test(core, test_tree_new_has_an_empty_root);
	tcase_add_test(core, test_tree_mknod_makes_every_type);
	tcase_add_test(core, test_tree_mknod_without_type_makes_a_file);
	tcase_add_test(core, test_tree_mknod_honours_umask);
	tcase_add_test(core, test_tree_setgid_directory_hands_down_its_group);
	tcase_add_test(core, test_tree_new_setgid_program_needs_membership);
	tcase_add_test(core, test_tree_symlink_keeps_its_target);
	tcase_add_test(core, test_tree_link_gives_a_second_name);
	tcase_add_test(core, test_tree_unlink_tells_what_lost_the_link);
	tcase_add_test(core, test_tree_rmdir_takes_the_parents_link);
}

static void add_life(TCase *life)
{
	tcase_add_test(life, test_tree_referenced_inode_keeps_its_payload_after_unlink);
	tcase_add_test(life, test_tree_payload_of_an_unlinked_file_is_doomed_from_the_start);
	tcase_add_test(life, test_tree_unref_of_a_linked_file_frees_nothing);
	tcase_add_test(life, test_tree_free_hands_every_payload_back);
	tcase_add_test(life, test_tree_tmpfile_vanishes_with_its_last_reference);
	tcase_add_test(life, test_tree_tmpfile_can_be_linked_once);
	tcase_add_test(life, test_tree_link_cannot_revive_a_removed_file);
	tcase_add_test(life, test_tree_unref_of_too_many_leaves_none);
	tcase_add_test(life, test_tree_removed_directory_still_knows_its_parent);
	tcase_add_test(life, test_tree_removed_directory_takes_no_more_names);
	tcase_add_test(life, test_tree_reused_number_has_another_generation);
	tcase_add_test(life, test_tree_root_has_generation_zero);
	tcase_add_test(life, test_tree_lookup_of_dot_finds_every_type);
	tcase_add_test(life, test_tree_lookup_of_dot_is_stale_without_a_name);
}

static void add_readdir(TCase *readdir)
{
	tcase_add_test(readdir, test_tree_readdir_shows_dots_first_then_every_name_once);
	tcase_add_test(readdir, test_tree_readdir_goes_on_where_it_was_stopped);
	tcase_add_loop_test(readdir, test_tree_readdir_sees_what_stays_exactly_once, 0, 3);
	tcase_add_test(readdir, test_tree_readers_may_run_in_parallel);
}

static void add_limits(TCase *limits)
{
	tcase_add_test(limits, test_tree_names_have_at_most_255_bytes);
	tcase_add_test(limits, test_tree_names_may_hold_any_byte_but_slash);
	tcase_add_test(limits, test_tree_symlink_targets_have_1_to_4095_bytes);
	tcase_add_test(limits, test_tree_holds_max_inodes_and_no_more);
	tcase_add_test(limits, test_tree_max_inodes_can_change_but_not_below_what_there_is);
	tcase_add_test(limits, test_tree_links_are_limited);
	tcase_add_test(limits, test_tree_finds_names_whose_hashes_collide);
	tcase_add_test(limits, test_tree_may_be_very_deep);
	tcase_add_loop_test(limits, test_tree_inode_takes_less_than_350_bytes, 0, 3);
}

static void add_errors(TCase *errors)
{
	tcase_add_test(errors, test_tree_names_that_exist_cannot_be_made);
	tcase_add_test(errors, test_tree_files_are_no_directories);
	tcase_add_test(errors, test_tree_wrong_names_are_refused);
	tcase_add_test(errors, test_tree_directories_are_not_unlinked_nor_linked);
	tcase_add_test(errors, test_tree_without_memory_changes_nothing);
	tcase_add_test(errors, test_tree_check_finds_damage);
}

int main(void)
{
	Suite *suite = suite_create("tree");

	add_core(add_case(suite, "core"));
	add_life(add_case(suite, "life"));
	add_readdir(add_case(suite, "readdir"));
	add_limits(add_case(suite, "limits"));
	add_errors(add_case(suite, "errors"));
	return run_suite(suite);
}
