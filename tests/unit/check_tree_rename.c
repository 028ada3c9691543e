/* SPDX-License-Identifier: Apache-2.0 */
/* Every case of rename(2) and renameat2(2). */
#include "check_tree.h"

/* A tree with directories a and b, a/sub, a/full/x, and files a/f, b/g. */
struct place {
	struct tree *tree;
	struct tree_inode *root, *a, *b, *sub, *full, *f, *g;
};

static struct place make_place(uint32_t max_links)
{
	struct place p = { .tree = make_tree_with(0, max_links) };

	p.root = root_of(p.tree);
	p.a = make_dir(p.tree, p.root, "a");
	p.b = make_dir(p.tree, p.root, "b");
	p.sub = make_dir(p.tree, p.a, "sub");
	p.full = make_dir(p.tree, p.a, "full");
	make_file(p.tree, p.full, "x");
	p.f = make_file(p.tree, p.a, "f");
	p.g = make_file(p.tree, p.b, "g");
	return p;
}

static int mv(struct place *p, struct tree_inode *from, const char *old, struct tree_inode *to,
	      const char *new, unsigned flags)
{
	int err = tree_rename(p->tree, from, old, to, new, flags, at(50));

	ck_assert_int_eq(tree_check(p->tree), 0);
	return err;
}

START_TEST(test_rename_within_a_directory)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "f", p.a, "h", 0), 0);
	ck_assert_ptr_null(find(p.tree, p.a, "f"));
	ck_assert_ptr_eq(find(p.tree, p.a, "h"), p.f);
	ck_assert_uint_eq(attr_of(p.f).nlink, 1);
	ck_assert_int_eq(attr_of(p.f).ctime.tv_sec, 50);
	ck_assert_int_eq(attr_of(p.f).mtime.tv_sec, 2);
	ck_assert_int_eq(attr_of(p.a).mtime.tv_sec, 50);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_moves_between_directories)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "f", 0), 0);
	ck_assert_ptr_null(find(p.tree, p.a, "f"));
	ck_assert_ptr_eq(find(p.tree, p.b, "f"), p.f);
	ck_assert_int_eq(attr_of(p.a).ctime.tv_sec, 50);
	ck_assert_int_eq(attr_of(p.b).ctime.tv_sec, 50);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_of_a_directory_moves_its_parent_link)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "full", p.b, "moved", 0), 0);
	ck_assert_uint_eq(attr_of(p.a).nlink, 3);
	ck_assert_uint_eq(attr_of(p.b).nlink, 3);
	ck_assert_ptr_eq(find(p.tree, p.full, ".."), p.b);
	ck_assert_ptr_nonnull(find(p.tree, p.full, "x"));
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_replaces_a_file)
{
	struct place p = make_place(0);
	static char payload;

	tree_set_payload(p.tree, p.g, &payload);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", 0), 0);
	ck_assert_ptr_eq(find(p.tree, p.b, "g"), p.f);
	ck_assert_int_eq(nr_payloads_freed, 1);
	ck_assert_uint_eq(attr_of(p.b).size, 1);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_over_a_referenced_file_keeps_it)
{
	struct place p = make_place(0);

	tree_ref(p.tree, p.g, 1);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", 0), 0);
	ck_assert_uint_eq(attr_of(p.g).nlink, 0);
	ck_assert_int_eq(attr_of(p.g).ctime.tv_sec, 50);
	tree_unref(p.tree, p.g, 1);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_replaces_an_empty_directory)
{
	struct place p = make_place(0);

	tree_ref(p.tree, p.sub, 1);
	ck_assert_int_eq(mv(&p, p.root, "b", p.a, "sub", 0), 0);
	ck_assert_ptr_eq(find(p.tree, p.a, "sub"), p.b);
	ck_assert_ptr_eq(find(p.tree, p.b, ".."), p.a);
	ck_assert_uint_eq(attr_of(p.a).nlink, 4);
	ck_assert_uint_eq(attr_of(p.root).nlink, 3);
	ck_assert_uint_eq(attr_of(p.sub).nlink, 0);
	ck_assert_ptr_eq(find(p.tree, p.sub, ".."), p.a);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_to_another_name_of_the_same_file_does_nothing)
{
	struct place p = make_place(0);

	ck_assert_int_eq(tree_link(p.tree, p.f, p.b, "f2", at(3)), 0);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "f2", 0), 0);
	ck_assert_ptr_eq(find(p.tree, p.a, "f"), p.f);
	ck_assert_ptr_eq(find(p.tree, p.b, "f2"), p.f);
	ck_assert_int_eq(attr_of(p.f).ctime.tv_sec, 3);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "f2", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(mv(&p, p.a, "sub", p.a, "sub", 0), 0);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_noreplace_spares_what_is_there)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(mv(&p, p.a, "f", p.a, "f", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "h", RENAME_NOREPLACE), 0);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_exchange_swaps_files)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_EXCHANGE), 0);
	ck_assert_ptr_eq(find(p.tree, p.a, "f"), p.g);
	ck_assert_ptr_eq(find(p.tree, p.b, "g"), p.f);
	ck_assert_int_eq(attr_of(p.f).ctime.tv_sec, 50);
	ck_assert_int_eq(attr_of(p.g).ctime.tv_sec, 50);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_exchange_swaps_full_directories)
{
	struct place p = make_place(0);
	struct tree_inode *c = make_dir(p.tree, p.b, "c");

	make_file(p.tree, c, "y");
	ck_assert_int_eq(mv(&p, p.a, "full", p.b, "c", RENAME_EXCHANGE), 0);
	ck_assert_ptr_eq(find(p.tree, p.full, ".."), p.b);
	ck_assert_ptr_eq(find(p.tree, c, ".."), p.a);
	ck_assert_uint_eq(attr_of(p.a).nlink, 4);
	ck_assert_uint_eq(attr_of(p.b).nlink, 3);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_exchange_swaps_a_file_with_a_directory)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "full", p.b, "g", RENAME_EXCHANGE), 0);
	ck_assert_ptr_eq(find(p.tree, p.b, "g"), p.full);
	ck_assert_ptr_eq(find(p.tree, p.a, "full"), p.g);
	ck_assert_ptr_eq(find(p.tree, p.full, ".."), p.b);
	ck_assert_uint_eq(attr_of(p.a).nlink, 3);
	ck_assert_uint_eq(attr_of(p.b).nlink, 3);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_of_a_directory_below_itself_is_invalid)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.root, "a", p.a, "x", 0), -EINVAL);
	ck_assert_int_eq(mv(&p, p.root, "a", p.full, "x", 0), -EINVAL);
	ck_assert_int_eq(mv(&p, p.root, "a", p.a, "sub", 0), -EINVAL);
	ck_assert_int_eq(mv(&p, p.root, "a", p.full, "x", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(mv(&p, p.full, "x", p.root, "a", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(mv(&p, p.a, "sub", p.root, "a", 0), -ENOTEMPTY);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_does_not_mix_files_and_directories)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "sub", p.b, "g", 0), -ENOTDIR);
	ck_assert_int_eq(mv(&p, p.b, "g", p.a, "sub", 0), -EISDIR);
	ck_assert_int_eq(mv(&p, p.root, "b", p.a, "full", 0), -ENOTEMPTY);
	ck_assert_int_eq(mv(&p, p.b, "g", p.f, "x", 0), -ENOTDIR);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_needs_proper_names_and_flags)
{
	struct place p = make_place(0);
	char name[TREE_NAME_MAX + 2];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(mv(&p, p.a, "none", p.b, "x", 0), -ENOENT);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "none", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "", 0), -EINVAL);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, name, 0), -ENAMETOOLONG);
	ck_assert_int_eq(mv(&p, p.a, name, p.b, "x", 0), -ENAMETOOLONG);
	ck_assert_int_eq(mv(&p, p.a, ".", p.b, "x", 0), -EBUSY);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "..", 0), -EBUSY);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, ".", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_EXCHANGE | RENAME_WHITEOUT), -EINVAL);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_EXCHANGE | RENAME_NOREPLACE), -EINVAL);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "x", 1u << 30), -EINVAL);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_minds_the_limit_of_links)
{
	struct place p = make_place(4); /* a and the root have four already */

	ck_assert_uint_eq(attr_of(p.a).nlink, 4);
	ck_assert_int_eq(mv(&p, p.root, "b", p.a, "b", 0), -EMLINK);
	ck_assert_int_eq(mv(&p, p.root, "b", p.a, "f", RENAME_EXCHANGE), -EMLINK);
	ck_assert_int_eq(mv(&p, p.a, "f", p.root, "b", RENAME_EXCHANGE), -EMLINK);
	ck_assert_int_eq(mv(&p, p.root, "b", p.a, "sub", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(mv(&p, p.root, "b", p.root, "c", 0), 0);
	ck_assert_int_eq(mv(&p, p.a, "sub", p.a, "f", RENAME_EXCHANGE), 0);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_without_memory_changes_nothing)
{
	struct place p = make_place(0);
	int failure = 0, err;

	do {
		allocs_until_failure = ++failure;
		err = mv(&p, p.a, "f", p.sub, "h", 0);
		allocs_until_failure = 0;
		if (err) {
			ck_assert_int_eq(err, -ENOMEM);
			ck_assert_ptr_eq(find(p.tree, p.a, "f"), p.f);
			ck_assert_ptr_null(find(p.tree, p.sub, "h"));
			ck_assert_int_eq(attr_of(p.a).mtime.tv_sec, 2);
		}
	} while (err);
	ck_assert_int_eq(failure, 3);
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_replacing_keeps_the_cookie_of_the_name)
{
	struct place p = make_place(0);
	struct tree_dir_slot before, after;

	tree_dir_find(p.tree, &p.b->dir, "g", &before);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", 0), 0);
	tree_dir_find(p.tree, &p.b->dir, "g", &after);
	ck_assert_uint_eq(before.key, after.key);
	end_tree(p.tree);
}
END_TEST

static void expect_whiteout(struct place *p, struct tree_inode *dir, const char *name)
{
	struct tree_attr attr = attr_of(find(p->tree, dir, name));

	ck_assert_uint_eq(attr.mode, S_IFCHR);
	ck_assert_uint_eq(attr.rdev, 0);
	ck_assert_uint_eq(attr.nlink, 1);
	ck_assert_uint_eq(attr.uid, 1000);
	ck_assert_int_eq(attr.btime.tv_sec, 50);
}

START_TEST(test_rename_leaves_a_whiteout)
{
	struct place p = make_place(0);
	struct tree_dir_slot before, after;
	uint64_t nr = tree_nr_inodes(p.tree);

	tree_dir_find(p.tree, &p.a->dir, "f", &before);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "x", RENAME_WHITEOUT | RENAME_NOREPLACE), 0);
	tree_dir_find(p.tree, &p.a->dir, "f", &after);
	ck_assert_uint_eq(before.key, after.key);
	ck_assert_ptr_eq(find(p.tree, p.b, "x"), p.f);
	expect_whiteout(&p, p.a, "f");
	ck_assert_uint_eq(tree_nr_inodes(p.tree), nr + 1);
	ck_assert_int_eq(mv(&p, p.a, "full", p.a, "moved", RENAME_WHITEOUT), 0);
	ck_assert_uint_eq(attr_of(p.a).nlink, 4);
	expect_whiteout(&p, p.a, "full");
	ck_assert_int_eq(mv(&p, p.a, "f", p.a, "again", RENAME_WHITEOUT), 0);
	expect_whiteout(&p, p.a, "f");
	expect_whiteout(&p, p.a, "again");
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_leaves_a_whiteout_and_replaces)
{
	struct place p = make_place(0);

	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_WHITEOUT | RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_WHITEOUT), 0);
	ck_assert_ptr_eq(find(p.tree, p.b, "g"), p.f);
	expect_whiteout(&p, p.a, "f");
	ck_assert_int_eq(mv(&p, p.root, "b", p.a, "sub", RENAME_WHITEOUT), 0);
	ck_assert_ptr_eq(find(p.tree, p.b, ".."), p.a);
	ck_assert_uint_eq(attr_of(p.root).nlink, 3);
	expect_whiteout(&p, p.root, "b");
	end_tree(p.tree);
}
END_TEST

START_TEST(test_rename_without_room_for_a_whiteout_changes_nothing)
{
	struct place p = make_place(0);

	p.tree->quota.max = tree_nr_inodes(p.tree);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "x", RENAME_WHITEOUT), -ENOSPC);
	ck_assert_int_eq(mv(&p, p.a, "f", p.b, "g", RENAME_WHITEOUT), -ENOSPC);
	ck_assert_ptr_eq(find(p.tree, p.a, "f"), p.f);
	ck_assert_ptr_eq(find(p.tree, p.b, "g"), p.g);
	ck_assert_int_eq(attr_of(p.a).mtime.tv_sec, 2);
	end_tree(p.tree);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree rename");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");

	tcase_set_timeout(core, 300);
	tcase_add_test(core, test_rename_within_a_directory);
	tcase_add_test(core, test_rename_moves_between_directories);
	tcase_add_test(core, test_rename_of_a_directory_moves_its_parent_link);
	tcase_add_test(core, test_rename_replaces_a_file);
	tcase_add_test(core, test_rename_over_a_referenced_file_keeps_it);
	tcase_add_test(core, test_rename_replaces_an_empty_directory);
	tcase_add_test(core, test_rename_to_another_name_of_the_same_file_does_nothing);
	tcase_add_test(core, test_rename_noreplace_spares_what_is_there);
	tcase_add_test(core, test_rename_exchange_swaps_files);
	tcase_add_test(core, test_rename_exchange_swaps_full_directories);
	tcase_add_test(core, test_rename_exchange_swaps_a_file_with_a_directory);
	tcase_add_test(core, test_rename_replacing_keeps_the_cookie_of_the_name);
	tcase_add_test(core, test_rename_leaves_a_whiteout);
	tcase_add_test(core, test_rename_leaves_a_whiteout_and_replaces);
	suite_add_tcase(suite, core);
	tcase_set_timeout(errors, 300);
	tcase_add_test(errors, test_rename_of_a_directory_below_itself_is_invalid);
	tcase_add_test(errors, test_rename_does_not_mix_files_and_directories);
	tcase_add_test(errors, test_rename_needs_proper_names_and_flags);
	tcase_add_test(errors, test_rename_minds_the_limit_of_links);
	tcase_add_test(errors, test_rename_without_memory_changes_nothing);
	tcase_add_test(errors, test_rename_without_room_for_a_whiteout_changes_nothing);
	suite_add_tcase(suite, errors);
	return run_suite(suite);
}
