/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the memory that inodes use: of all, and of each user. */
#include "check_tree.h"

#define MINE  1000
#define YOURS 1001

static struct tree *tree;
static struct tree_inode *root;

static void start_with(uint64_t max_inodes, uint64_t max_user_inodes)
{
	struct tree_config config = config_with(max_inodes, 0);

	config.max_user_inodes = max_user_inodes;
	ck_assert_int_eq(tree_new(&config, &tree), 0);
	tree->alloc = failing_alloc;
	root = tree_get(tree, TREE_ROOT_INO);
}

static void stop(void)
{
	ck_assert_int_eq(tree_check(tree), 0);
	tree_free(tree);
}

static int make_as(uid_t uid, const char *name, struct tree_inode **ret_inode)
{
	const struct tree_caller caller = { .uid = uid, .now = { .tv_sec = 2 } };

	return tree_mknod(tree, root, name, S_IFREG | 0600, 0, &caller, ret_inode);
}

static int set_xattr(struct tree_inode *inode, const char *name, size_t bytes)
{
	static const char value[TREE_XATTR_VALUE_MAX];

	return tree_setxattr(tree, inode, name, value, bytes, 0, false, at(3));
}

static int change_owner(struct tree_inode *inode, uid_t uid)
{
	const struct tree_attr attr = { .uid = uid };

	return tree_setattr(tree, inode, TREE_SET_UID, &attr, at(3));
}

START_TEST(test_quota_a_user_has_so_many_inodes_and_others_have_theirs)
{
	struct tree_inode *inode;

	start_with(0, 2);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	ck_assert_int_eq(make_as(MINE, "b", &inode), 0);
	ck_assert_int_eq(make_as(MINE, "c", &inode), -EDQUOT);
	ck_assert_int_eq(make_as(YOURS, "c", &inode), 0);
	ck_assert_int_eq(tree_unlink(tree, root, "a", at(3), NULL), 0);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	stop();
}
END_TEST

START_TEST(test_quota_a_limit_may_come_and_go_while_there_are_files)
{
	struct tree_inode *a, *inode;

	start_with(0, 0);
	ck_assert_int_eq(make_as(MINE, "a", &a), 0);
	ck_assert_int_eq(set_xattr(a, "user.x", 2000), 0);
	ck_assert_int_eq(make_as(MINE, "b", &inode), 0);
	ck_assert_int_eq(make_as(YOURS, "c", &inode), 0);
	ck_assert_int_eq(tree_set_max_user_inodes(tree, 3), 0);
	ck_assert_int_eq(tree_check(tree), 0);
	ck_assert_int_eq(make_as(MINE, "d", &inode), -EDQUOT);
	ck_assert_int_eq(make_as(YOURS, "d", &inode), 0);
	ck_assert_int_eq(tree_set_max_user_inodes(tree, 0), 0);
	ck_assert_int_eq(make_as(MINE, "e", &inode), 0);
	ck_assert_int_eq(tree_unlink(tree, root, "a", at(3), NULL), 0);
	ck_assert_int_eq(tree_set_max_user_inodes(tree, 3), 0);
	ck_assert_int_eq(make_as(MINE, "f", &inode), 0);
	ck_assert_int_eq(make_as(MINE, "g", &inode), -EDQUOT);
	stop();
}
END_TEST

START_TEST(test_quota_a_limit_without_memory_changes_nothing)
{
	struct tree_inode *inode;

	start_with(0, 0);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	allocs_until_failure = 1;
	ck_assert_int_eq(tree_set_max_user_inodes(tree, 1), -ENOMEM);
	allocs_until_failure = 0;
	ck_assert_int_eq(make_as(MINE, "b", &inode), 0);
	stop();
}
END_TEST

START_TEST(test_quota_root_has_no_limit_of_its_own)
{
	struct tree_inode *inode;
	char name[16];

	start_with(0, 2);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ck_assert_int_eq(make_as(0, name, &inode), 0);
	}
	stop();
}
END_TEST

START_TEST(test_quota_a_referenced_file_without_a_name_still_counts)
{
	struct tree_inode *inode, *other;

	start_with(0, 1);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	tree_ref(tree, inode, 1);
	ck_assert_int_eq(tree_unlink(tree, root, "a", at(3), NULL), 0);
	ck_assert_int_eq(make_as(MINE, "b", &other), -EDQUOT);
	tree_unref(tree, inode, 1);
	ck_assert_int_eq(make_as(MINE, "b", &other), 0);
	stop();
}
END_TEST

START_TEST(test_quota_each_further_name_counts)
{
	struct tree_inode *inode;

	start_with(0, 3);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	ck_assert_int_eq(tree_link(tree, inode, root, "b", at(3)), 0);
	ck_assert_int_eq(tree_link(tree, inode, root, "c", at(3)), 0);
	ck_assert_int_eq(tree_link(tree, inode, root, "d", at(3)), -EDQUOT);
	ck_assert_int_eq(tree_unlink(tree, root, "a", at(3), NULL), 0);
	ck_assert_int_eq(tree_link(tree, inode, root, "d", at(3)), 0);
	/* Replacing a name by another one of another file frees it as well. */
	ck_assert_int_eq(make_as(YOURS, "e", &inode), 0);
	ck_assert_int_eq(tree_rename(tree, root, "e", root, "d", 0, at(3)), 0);
	ck_assert_uint_eq(tree_quota_user_used(tree, MINE), 2);
	stop();
}
END_TEST

START_TEST(test_quota_large_attributes_count_and_small_ones_do_not)
{
	struct tree_inode *inode;

	start_with(0, 100);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	ck_assert_int_eq(set_xattr(inode, "user.small", 400), 0);
	ck_assert_uint_eq(tree_quota_user_used(tree, MINE), 1);
	ck_assert_int_eq(set_xattr(inode, "user.large", 40000), 0);
	ck_assert_uint_eq(tree_quota_user_used(tree, MINE), 1 + 40000 / 512);
	ck_assert_int_eq(set_xattr(inode, "user.more", 40000), -EDQUOT);
	ck_assert_int_eq(tree_removexattr(tree, inode, "user.large", at(3)), 0);
	ck_assert_uint_eq(tree_quota_user_used(tree, MINE), 1);
	stop();
}
END_TEST

START_TEST(test_quota_a_long_target_counts)
{
	const struct tree_caller *mine = at(3);
	char target[TREE_SYMLINK_MAX + 1];
	struct tree_inode *inode;

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	start_with(0, 10);
	ck_assert_int_eq(tree_symlink(tree, root, "a", target, mine, &inode), 0);
	ck_assert_uint_eq(tree_quota_user_used(tree, MINE), 8);
	ck_assert_int_eq(tree_symlink(tree, root, "b", target, mine, &inode), -EDQUOT);
	ck_assert_int_eq(tree_symlink(tree, root, "b", "t", mine, &inode), 0);
	stop();
}
END_TEST

START_TEST(test_quota_a_new_owner_is_charged)
{
	struct tree_inode *inode, *other;

	start_with(0, 1);
	ck_assert_int_eq(make_as(MINE, "a", &inode), 0);
	ck_assert_int_eq(change_owner(inode, YOURS), 0);
	ck_assert_int_eq(make_as(MINE, "b", &other), 0);
	ck_assert_int_eq(make_as(YOURS, "c", &other), -EDQUOT);
	/* Only root changes owners, and may exceed their limits. */
	ck_assert_int_eq(change_owner(inode, MINE), 0);
	ck_assert_uint_eq(tree_quota_user_used(tree, MINE), 2);
	ck_assert_uint_eq(tree_quota_user_used(tree, YOURS), 0);
	stop();
}
END_TEST

START_TEST(test_quota_the_limit_of_all_counts_names_and_attributes)
{
	struct tree_inode *inode;

	start_with(4, 0);
	ck_assert_int_eq(make_as(0, "a", &inode), 0);
	ck_assert_int_eq(tree_link(tree, inode, root, "b", at(3)), 0);
	ck_assert_uint_eq(tree_nr_charged(tree), 3);
	ck_assert_int_eq(set_xattr(inode, "user.a", 2000), -ENOSPC);
	ck_assert_int_eq(set_xattr(inode, "user.a", 600), 0);
	ck_assert_int_eq(tree_link(tree, inode, root, "c", at(3)), -ENOSPC);
	stop();
}
END_TEST

START_TEST(test_quota_counts_many_users)
{
	struct tree_inode *inode;
	char name[16];

	start_with(0, 1);
	for (uid_t uid = 1; uid <= 1000; uid++) {
		snprintf(name, sizeof(name), "f%u", uid);
		ck_assert_int_eq(make_as(uid * 65536, name, &inode), 0);
	}
	for (uid_t uid = 1; uid <= 1000; uid++)
		ck_assert_int_eq(make_as(uid * 65536, "one more", &inode), -EDQUOT);
	stop();
}
END_TEST

START_TEST(test_quota_without_memory_for_a_user_nothing_changes)
{
	struct tree_inode *inode;

	start_with(0, 5);
	ck_assert_int_eq(make_as(0, "a", &inode), 0);
	allocs_until_failure = 1;
	ck_assert_int_eq(change_owner(inode, MINE), -ENOMEM);
	allocs_until_failure = 1;
	ck_assert_int_eq(make_as(MINE, "b", &inode), -ENOMEM);
	allocs_until_failure = 0;
	ck_assert_uint_eq(tree_nr_charged(tree), 2);
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree quota");
	TCase *tcase = tcase_create("quota");

	tcase_add_test(tcase, test_quota_a_user_has_so_many_inodes_and_others_have_theirs);
	tcase_add_test(tcase, test_quota_a_limit_may_come_and_go_while_there_are_files);
	tcase_add_test(tcase, test_quota_a_limit_without_memory_changes_nothing);
	tcase_add_test(tcase, test_quota_root_has_no_limit_of_its_own);
	tcase_add_test(tcase, test_quota_a_referenced_file_without_a_name_still_counts);
	tcase_add_test(tcase, test_quota_each_further_name_counts);
	tcase_add_test(tcase, test_quota_large_attributes_count_and_small_ones_do_not);
	tcase_add_test(tcase, test_quota_a_long_target_counts);
	tcase_add_test(tcase, test_quota_a_new_owner_is_charged);
	tcase_add_test(tcase, test_quota_the_limit_of_all_counts_names_and_attributes);
	tcase_add_test(tcase, test_quota_counts_many_users);
	tcase_add_test(tcase, test_quota_without_memory_for_a_user_nothing_changes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
