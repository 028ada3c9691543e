/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, extended attributes, ACLs. */
#include "check_tree.h"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#define ACCESS  "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

/* ---- attributes ---- */

static int set(struct tree *tree, struct tree_inode *inode, unsigned what, struct tree_attr attr)
{
	return tree_setattr(tree, inode, what, &attr, at(40));
}

START_TEST(test_attr_sets_what_is_asked_and_ctime)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	struct tree_attr attr = { .mode = 0400,
				  .uid = 7,
				  .gid = 8,
				  .atime = { 1, 10 },
				  .mtime = { 2, 20 },
				  .ctime = { 3, 30 },
				  .btime = { 4, 40 } };

	ck_assert_int_eq(set(tree, file, TREE_SET_MODE, attr), 0);
	ck_assert_uint_eq(attr_of(file).mode, S_IFREG | 0400);
	ck_assert_uint_eq(attr_of(file).uid, 1000);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 40);
	ck_assert_int_eq(attr_of(file).mtime.tv_sec, 2);
	ck_assert_int_eq(set(tree, file,
			     TREE_SET_UID | TREE_SET_GID | TREE_SET_ATIME | TREE_SET_MTIME |
				     TREE_SET_CTIME | TREE_SET_BTIME,
			     attr),
			 0);
	ck_assert_uint_eq(attr_of(file).uid, 7);
	ck_assert_uint_eq(attr_of(file).gid, 8);
	ck_assert_int_eq(attr_of(file).atime.tv_nsec, 10);
	ck_assert_int_eq(attr_of(file).mtime.tv_nsec, 20);
	ck_assert_int_eq(attr_of(file).ctime.tv_nsec, 30);
	ck_assert_int_eq(attr_of(file).btime.tv_nsec, 40);
	end_tree(tree);
}
END_TEST

START_TEST(test_attr_mode_never_changes_the_type)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(set(tree, file, TREE_SET_MODE, (struct tree_attr){ .mode = 0177777 }), 0);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 07777);
	end_tree(tree);
}
END_TEST

/* Mode before, what is done, mode after. */
static const struct {
	mode_t before;
	unsigned what;
	mode_t after;
	bool outsider; /* not in the file's group */
} setid_cases[] = {
	{ S_IFREG | 06755, TREE_SET_UID, S_IFREG | 0755, false },
	{ S_IFREG | 06755, TREE_SET_GID, S_IFREG | 0755, false },
	{ S_IFREG | 06745, TREE_SET_UID, S_IFREG | 02745, false },
	{ S_IFREG | 06745, TREE_SET_UID, S_IFREG | 0745, true },
	{ S_IFREG | 01755, TREE_SET_UID, S_IFREG | 01755, false },
	{ S_IFDIR | 06755, TREE_SET_UID, S_IFDIR | 06755, false },
	{ S_IFREG | 06755, TREE_SET_KILL_SUIDGID, S_IFREG | 0755, false },
	{ S_IFREG | 06644, TREE_SET_KILL_SUIDGID, S_IFREG | 02644, false },
	{ S_IFREG | 06644, TREE_SET_KILL_SUIDGID, S_IFREG | 0644, true },
	{ S_IFREG | 02644, TREE_SET_MTIME, S_IFREG | 02644, true },
	{ S_IFDIR | 06755, TREE_SET_KILL_SUIDGID, S_IFDIR | 06755, false },
	{ S_IFREG | 06755, TREE_SET_MTIME, S_IFREG | 06755, false },
};

START_TEST(test_attr_chown_and_truncate_drop_setid_bits)
{
	struct tree *tree = make_tree();
	struct tree_inode *inode = make_node(tree, root_of(tree), "n", setid_cases[_i].before);
	const struct tree_attr attr = { .uid = 1 };
	struct tree_caller caller = *at(3);

	ck_assert_uint_eq(tree_mode(inode), setid_cases[_i].before);
	caller.may_setgid = !setid_cases[_i].outsider;
	ck_assert_int_eq(tree_setattr(tree, inode, setid_cases[_i].what, &attr, &caller), 0);
	ck_assert_uint_eq(tree_mode(inode), setid_cases[_i].after);
	end_tree(tree);
}
END_TEST

static void set_x(struct tree *tree, struct tree_inode *inode, const char *name)
{
	ck_assert_int_eq(tree_setxattr(tree, inode, name, "1", 1, 0, false, at(3)), 0);
}

START_TEST(test_attr_dropping_setid_bits_says_whether_there_were_any)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_node(tree, root_of(tree), "f", S_IFREG | 06745);

	ck_assert(tree_drop_setid(tree, file, true));
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 02745);
	ck_assert(!tree_drop_setid(tree, file, true));
	ck_assert(tree_drop_setid(tree, file, false));
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 0745);
	ck_assert(!tree_drop_setid(tree, file, false));
	end_tree(tree);
}
END_TEST

START_TEST(test_attr_write_drops_capabilities)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_node(tree, root_of(tree), "f", S_IFREG | 06755);
	const struct timespec now = { .tv_sec = 60 };

	set_x(tree, file, "security.capability");
	set_x(tree, file, "user.stays");
	tree_touch_modified(tree, file, &now);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 06755);
	ck_assert_int_eq(tree_getxattr(file, "security.capability", NULL, 0), -ENODATA);
	ck_assert_int_eq(tree_getxattr(file, "user.stays", NULL, 0), 1);
	ck_assert_int_eq(attr_of(file).mtime.tv_sec, 60);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 60);
	set_x(tree, file, "security.capability");
	ck_assert_int_eq(set(tree, file, TREE_SET_GID, (struct tree_attr){ .gid = 1 }), 0);
	ck_assert_int_eq(tree_getxattr(file, "security.capability", NULL, 0), -ENODATA);
	end_tree(tree);
}
END_TEST

static const struct {
	int64_t atime, mtime, ctime, now;
	enum tree_atime policy;
	bool due;
} atime_cases[] = {
	{ 100, 50, 50, 200, TREE_ATIME_NEVER, false },
	{ 100, 50, 50, 200, TREE_ATIME_STRICT, true },
	{ 100, 50, 50, 100, TREE_ATIME_STRICT, false },
	{ 100, 50, 50, 200, TREE_ATIME_RELATIVE, false },
	{ 100, 100, 50, 200, TREE_ATIME_RELATIVE, true },
	{ 100, 50, 150, 200, TREE_ATIME_RELATIVE, true },
	{ 100, 50, 50, 100 + 86399, TREE_ATIME_RELATIVE, false },
	{ 100, 50, 50, 100 + 86400, TREE_ATIME_RELATIVE, true },
	{ INT64_MIN, INT64_MIN, INT64_MIN, INT64_MAX, TREE_ATIME_RELATIVE, true },
	{ INT64_MAX, 50, 50, INT64_MIN, TREE_ATIME_RELATIVE, false },
};

START_TEST(test_attr_atime_is_due_as_mount_says)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	const struct timespec now = { .tv_sec = atime_cases[_i].now };
	struct tree_attr attr = { .atime = { .tv_sec = atime_cases[_i].atime },
				  .mtime = { .tv_sec = atime_cases[_i].mtime },
				  .ctime = { .tv_sec = atime_cases[_i].ctime } };

	ck_assert_int_eq(set(tree, file, TREE_SET_ATIME | TREE_SET_MTIME | TREE_SET_CTIME, attr),
			 0);
	ck_assert_int_eq(tree_atime_due(file, atime_cases[_i].policy, &now), atime_cases[_i].due);
	tree_touch_accessed(tree, file, &now);
	ck_assert_int_eq(attr_of(file).atime.tv_sec, atime_cases[_i].now);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, atime_cases[_i].ctime);
	end_tree(tree);
}
END_TEST

/* ---- extended attributes ---- */

START_TEST(test_xattr_is_kept_listed_and_removed)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	char buf[64];

	ck_assert(!tree_has_xattrs(file));
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "hello", 5, 0, false, at(9)), 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "trusted.b", "", 0, 0, false, at(9)), 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "security.c", "x", 1, 0, false, at(9)), 0);
	ck_assert(tree_has_xattrs(file));
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 9);
	ck_assert_int_eq(tree_getxattr(file, "user.a", buf, sizeof(buf)), 5);
	ck_assert_mem_eq(buf, "hello", 5);
	ck_assert_int_eq(tree_getxattr(file, "trusted.b", buf, sizeof(buf)), 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "longer value", 12, 0, false, at(9)),
			 0);
	ck_assert_int_eq(tree_getxattr(file, "user.a", NULL, 0), 12);
	ck_assert_int_eq(tree_listxattr(file, true, NULL, 0), 28);
	ck_assert_int_eq(tree_listxattr(file, true, buf, sizeof(buf)), 28);
	ck_assert_mem_eq(buf, "user.a\0trusted.b\0security.c", 28);
	ck_assert_int_eq(tree_listxattr(file, false, NULL, 0), 18);
	ck_assert_int_eq(tree_listxattr(file, false, buf, 18), 18);
	ck_assert_mem_eq(buf, "user.a\0security.c", 18);
	ck_assert_int_eq(tree_removexattr(tree, file, "trusted.b", at(10)), 0);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 10);
	ck_assert_int_eq(tree_listxattr(file, true, buf, sizeof(buf)), 18);
	ck_assert_int_eq(tree_removexattr(tree, file, "trusted.b", at(10)), -ENODATA);
	end_tree(tree);
}
END_TEST

START_TEST(test_xattr_short_buffers_are_refused)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	char buf[4];

	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "hello", 5, 0, false, at(9)), 0);
	ck_assert_int_eq(tree_getxattr(file, "user.a", buf, 4), -ERANGE);
	ck_assert_int_eq(tree_listxattr(file, true, buf, 4), -ERANGE);
	end_tree(tree);
}
END_TEST

START_TEST(test_xattr_flags_say_whether_it_may_exist)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "1", 1, XATTR_REPLACE, false, at(1)),
			 -ENODATA);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "1", 1, XATTR_CREATE, false, at(1)),
			 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "2", 1, XATTR_CREATE, false, at(1)),
			 -EEXIST);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "2", 1, XATTR_REPLACE, false, at(1)),
			 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "2", 1, 4, false, at(1)), -EINVAL);
	end_tree(tree);
}
END_TEST

START_TEST(test_xattr_names_are_checked)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	char name[300] = "user.";
	static const struct {
		const char *name;
		int err;
	} cases[] = {
		{ "", -ERANGE },
		{ "user.", -EINVAL },
		{ "user", -EOPNOTSUPP },
		{ "system.other", -EOPNOTSUPP },
		{ "nothing.x", -EOPNOTSUPP },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_int_eq(tree_setxattr(tree, file, cases[i].name, "1", 1, 0, false, at(1)),
				 cases[i].err);
		ck_assert_int_eq(tree_getxattr(file, cases[i].name, NULL, 0), cases[i].err);
		ck_assert_int_eq(tree_removexattr(tree, file, cases[i].name, at(1)), cases[i].err);
	}
	memset(name + 5, 'n', 251);
	ck_assert_int_eq(tree_setxattr(tree, file, name, "1", 1, 0, false, at(1)), -ERANGE);
	name[255] = '\0';
	ck_assert_int_eq(tree_setxattr(tree, file, name, "1", 1, 0, false, at(1)), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_xattr_sizes_are_limited)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	static char value[65537];
	char name[256];
	int nr = 0, err;

	ck_assert_int_eq(tree_setxattr(tree, file, "user.big", value, 65537, 0, false, at(1)),
			 -E2BIG);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.big", value, 65536, 0, false, at(1)), 0);
	ck_assert_int_eq(tree_removexattr(tree, file, "user.big", at(1)), 0);
	do {
		snprintf(name, sizeof(name), "user.%0250d", nr);
		err = tree_setxattr(tree, file, name, "", 0, 0, false, at(1));
		nr++;
	} while (!err);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(nr, 65536 / 256 + 1);
	ck_assert_int_eq(tree_listxattr(file, true, NULL, 0), 65536);
	snprintf(name, sizeof(name), "user.%0250d", 0); /* the old names can still be set */
	ck_assert_int_eq(tree_setxattr(tree, file, name, "1", 1, 0, false, at(1)), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_xattr_values_of_an_inode_are_limited_together)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	static char value[65536];
	char name[24];

	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "user.%d", i);
		ck_assert_int_eq(
			tree_setxattr(tree, file, name, value, sizeof(value), 0, false, at(1)), 0);
	}
	ck_assert_int_eq(tree_setxattr(tree, file, "user.more", "1", 1, 0, false, at(1)), -ENOSPC);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.3", value, sizeof(value), 0, false, at(1)),
			 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.3", value, 65535, 0, false, at(1)), 0);
	ck_assert_int_eq(tree_setxattr(tree, file, "user.more", "1", 1, 0, false, at(1)), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_xattr_without_memory_keeps_the_old_value)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	char buf[8];

	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "old", 3, 0, false, at(1)), 0);
	allocs_until_failure = 1;
	ck_assert_int_eq(tree_setxattr(tree, file, "user.a", "new", 3, 0, false, at(5)), -ENOMEM);
	ck_assert_int_eq(tree_getxattr(file, "user.a", buf, sizeof(buf)), 3);
	ck_assert_mem_eq(buf, "old", 3);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 1);
	end_tree(tree);
}
END_TEST

/* ---- ACLs ---- */

struct acl {
	struct posix_acl_xattr_header header;
	struct posix_acl_xattr_entry entries[16];
	unsigned nr;
};

/* From text: "u:rw u1:r g:r g2:rw m:rw o:-", with ids in decimal. */
static struct acl acl_of(const char *text)
{
	struct acl acl = { .header = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) } };

	while (*text) {
		struct posix_acl_xattr_entry *entry = &acl.entries[acl.nr++];
		bool named = text[1] != ':';
		uint16_t perm = 0, tag = *text == 'u'   ? (named ? ACL_USER : ACL_USER_OBJ)
					 : *text == 'g' ? (named ? ACL_GROUP : ACL_GROUP_OBJ)
					 : *text == 'm' ? ACL_MASK
							: ACL_OTHER;

		entry->e_id = htole32(named ? (uint32_t)strtoul(text + 1, NULL, 10) : UINT32_MAX);
		for (text = strchr(text, ':') + 1; *text && *text != ' '; text++)
			perm |= *text == 'r'   ? ACL_READ
				: *text == 'w' ? ACL_WRITE
				: *text == 'x' ? ACL_EXECUTE
					       : 0;
		entry->e_tag = htole16(tag);
		entry->e_perm = htole16(perm);
		text += *text == ' ';
	}
	return acl;
}

static size_t bytes_of(const struct acl *acl)
{
	return sizeof(acl->header) + acl->nr * sizeof(acl->entries[0]);
}

static int set_acl(struct tree *tree, struct tree_inode *inode, const char *name, const char *text)
{
	struct acl acl = acl_of(text);

	return tree_setxattr(tree, inode, name, &acl, bytes_of(&acl), 0, false, at(30));
}

#define ASSERT_ACL(inode, name, text)                                                   \
	do {                                                                            \
		struct acl want_ = acl_of(text), have_;                                 \
		ck_assert_int_eq(tree_getxattr((inode), (name), &have_, sizeof(have_)), \
				 (ssize_t)bytes_of(&want_));                            \
		ck_assert_mem_eq(&have_, &want_, bytes_of(&want_));                     \
	} while (0)

START_TEST(test_acl_mask_shows_as_group_bits)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(set_acl(tree, file, ACCESS, "u:rwx u5:rw g:r m:rx o:x"), 0);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 0751);
	ck_assert_int_eq(attr_of(file).ctime.tv_sec, 30);
	ASSERT_ACL(file, ACCESS, "u:rwx u5:rw g:r m:rx o:x");
	ck_assert_int_eq(tree_check(tree), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_equal_to_a_mode_is_only_a_mode)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(set_acl(tree, file, ACCESS, "u:rw u5:rw g:r m:rw o:"), 0);
	ck_assert_int_eq(set_acl(tree, file, ACCESS, "u:rwx g:rx o:x"), 0);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 0751);
	ck_assert_int_eq(tree_getxattr(file, ACCESS, NULL, 0), -ENODATA);
	ck_assert(!tree_has_xattrs(file));
	ck_assert_int_eq(set_acl(tree, file, ACCESS, "u:rwx g:rx m:r o:x"), 0); /* a mask is more */
	ASSERT_ACL(file, ACCESS, "u:rwx g:rx m:r o:x");
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 0741);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_follows_chmod)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");

	ck_assert_int_eq(set_acl(tree, file, ACCESS, "u:rw u5:rw g:r g6:x m:rw o:"), 0);
	ck_assert_int_eq(set(tree, file, TREE_SET_MODE, (struct tree_attr){ .mode = 04715 }), 0);
	ASSERT_ACL(file, ACCESS, "u:rwx u5:rw g:r g6:x m:x o:rx");
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 04715);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_default_decides_instead_of_umask)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *inode;
	struct tree_caller caller = *at(5);

	caller.umask = 077;
	ck_assert_int_eq(set_acl(tree, dir, DEFAULT, "u:rwx u5:rw g:rx m:rwx o:r"), 0);
	ck_assert_uint_eq(tree_mode(dir), S_IFDIR | 0755);
	ck_assert_int_eq(tree_mknod(tree, dir, "f", S_IFREG | 0666, 0, &caller, &inode), 0);
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 0664);
	ASSERT_ACL(inode, ACCESS, "u:rw u5:rw g:rx m:rw o:r");
	ck_assert_int_eq(tree_getxattr(inode, DEFAULT, NULL, 0), -ENODATA);
	ck_assert_int_eq(tree_tmpfile(tree, dir, 0600, &caller, &inode), 0);
	tree_ref(tree, inode, 1);
	ASSERT_ACL(inode, ACCESS, "u:rw u5:rw g:rx m: o:");
	ck_assert_uint_eq(tree_mode(inode), S_IFREG | 0600);
	ck_assert_int_eq(tree_symlink(tree, dir, "l", "f", &caller, &inode), 0);
	ck_assert(!tree_has_xattrs(inode));
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_default_is_handed_down_to_subdirectories)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *sub;

	ck_assert_int_eq(set_acl(tree, dir, DEFAULT, "u:rwx u5:rw g:rx m:rwx o:r"), 0);
	sub = make_node(tree, dir, "sub", S_IFDIR | 0750);
	ASSERT_ACL(sub, DEFAULT, "u:rwx u5:rw g:rx m:rwx o:r");
	ASSERT_ACL(sub, ACCESS, "u:rwx u5:rw g:rx m:rx o:");
	ck_assert_uint_eq(tree_mode(sub), S_IFDIR | 0750);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_plain_default_gives_plain_modes)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *file;

	ck_assert_int_eq(set_acl(tree, dir, DEFAULT, "u:rw g:r o:"), 0);
	file = make_node(tree, dir, "f", S_IFREG | 04777);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 04640);
	ck_assert(!tree_has_xattrs(file));
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_is_removed_by_name_or_by_emptiness)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d");

	for (int way = 0; way < 3; way++) {
		ck_assert_int_eq(set_acl(tree, dir, ACCESS, "u:rwx u5:rw g:rx m:rwx o:r"), 0);
		ck_assert_int_eq(set_acl(tree, dir, DEFAULT, "u:rwx g:rx o:r"), 0);
		if (way == 0) {
			ck_assert_int_eq(tree_removexattr(tree, dir, ACCESS, at(1)), 0);
			ck_assert_int_eq(tree_removexattr(tree, dir, DEFAULT, at(1)), 0);
		} else if (way == 1) {
			ck_assert_int_eq(set_acl(tree, dir, ACCESS, ""), 0);
			ck_assert_int_eq(set_acl(tree, dir, DEFAULT, ""), 0);
		} else {
			ck_assert_int_eq(tree_setxattr(tree, dir, ACCESS, NULL, 0, 0, false, at(1)),
					 0);
			ck_assert_int_eq(tree_setxattr(tree, dir, DEFAULT, "", 0, 0, false, at(1)),
					 0);
		}
		ck_assert(!tree_has_xattrs(dir));
		ck_assert_uint_eq(tree_mode(dir), S_IFDIR | 0774);
	}
	ck_assert_int_eq(tree_removexattr(tree, dir, ACCESS, at(1)), 0);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_setting_drops_sgid_when_told)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_node(tree, root_of(tree), "f", S_IFREG | 02755);
	struct acl acl = acl_of("u:rwx u5:rw g:rx m:rwx o:r");

	ck_assert_int_eq(set_acl(tree, file, ACCESS, "u:rwx u5:rw g:rx m:rwx o:r"), 0);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 02774);
	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, bytes_of(&acl), 0, true, at(1)),
			 0);
	ck_assert_uint_eq(tree_mode(file), S_IFREG | 0774);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_is_stored_in_canonical_form)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	struct acl acl = acl_of("u:rw u5:rw g:r m:rw o:");

	acl.entries[0].e_id = 0;
	acl.entries[2].e_id = htole32(99);
	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, bytes_of(&acl), 0, false, at(1)),
			 0);
	ASSERT_ACL(file, ACCESS, "u:rw u5:rw g:r m:rw o:");
	end_tree(tree);
}
END_TEST

static const char *const invalid_acls[] = {
	"u:rw", /* not all there */
	"u:rw g:r",
	"u:rw o:r",
	"g:r o:",
	"u:rw u5:rw g:r o:", /* names need a mask */
	"u:rw g:r g6:r o:",
	"u:rw g:r u5:r m:r o:", /* order */
	"u5:r u:rw g:r m:r o:",
	"u:rw g:r o: m:r",
	"u:rw m:r g:r o:",
	"g:r u:rw o:",
	"u:rw u:rw g:r o:", /* twice */
	"u:rw g:r g:r o:",
	"u:rw g:r m:r m:r o:",
	"u:rw g:r o: o:",
	"u:rw u4294967295:r g:r m:r o:", /* no id */
};

START_TEST(test_acl_that_is_invalid_is_refused)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d");
	struct acl acl = acl_of(invalid_acls[_i]);

	ck_assert_int_eq(tree_setxattr(tree, dir, ACCESS, &acl, bytes_of(&acl), 0, false, at(9)),
			 -EINVAL);
	ck_assert_int_eq(tree_setxattr(tree, dir, DEFAULT, &acl, bytes_of(&acl), 0, false, at(9)),
			 -EINVAL);
	ck_assert_uint_eq(tree_mode(dir), S_IFDIR | 0755);
	ck_assert_int_eq(attr_of(dir).ctime.tv_sec, 2);
	ck_assert(!tree_has_xattrs(dir));
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_of_the_wrong_form_is_refused)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f");
	struct acl acl = acl_of("u:rw g:r o:");

	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, 3, 0, false, at(1)), -EINVAL);
	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, bytes_of(&acl) - 1, 0, false,
				       at(1)),
			 -EINVAL);
	acl.entries[0].e_perm = htole16(8);
	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, bytes_of(&acl), 0, false, at(1)),
			 -EINVAL);
	acl.entries[0].e_perm = htole16(4);
	acl.entries[1].e_tag = htole16(0x40);
	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, bytes_of(&acl), 0, false, at(1)),
			 -EINVAL);
	acl.header.a_version = htole32(1);
	ck_assert_int_eq(tree_setxattr(tree, file, ACCESS, &acl, bytes_of(&acl), 0, false, at(1)),
			 -EOPNOTSUPP);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_belongs_only_where_it_has_a_meaning)
{
	struct tree *tree = make_tree();
	struct tree_inode *file = make_file(tree, root_of(tree), "f"), *link;

	ck_assert_int_eq(tree_symlink(tree, root_of(tree), "l", "f", at(1), &link), 0);
	ck_assert_int_eq(set_acl(tree, file, DEFAULT, "u:rw g:r o:"), -EACCES);
	ck_assert_int_eq(tree_getxattr(file, DEFAULT, NULL, 0), -ENODATA);
	ck_assert_int_eq(tree_getxattr(file, ACCESS, NULL, 0), -ENODATA);
	ck_assert_int_eq(set_acl(tree, link, ACCESS, "u:rw g:r o:"), -EOPNOTSUPP);
	ck_assert_int_eq(tree_getxattr(link, ACCESS, NULL, 0), -EOPNOTSUPP);
	ck_assert_int_eq(tree_removexattr(tree, link, ACCESS, at(1)), -EOPNOTSUPP);
	end_tree(tree);
}
END_TEST

START_TEST(test_acl_inheritance_without_memory_makes_nothing)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "d"), *sub;
	int failure = 0, err;

	ck_assert_int_eq(set_acl(tree, dir, DEFAULT, "u:rwx u5:rw g:rx m:rwx o:r"), 0);
	do {
		allocs_until_failure = ++failure;
		err = tree_mknod(tree, dir, "sub", S_IFDIR | 0700, 0, at(1), &sub);
		allocs_until_failure = 0;
		if (err)
			ck_assert_int_eq(err, -ENOMEM);
		ck_assert_uint_eq(tree_nr_inodes(tree), err ? 2 : 3);
	} while (err);
	ck_assert_int_eq(failure, 6);
	end_tree(tree);
}
END_TEST

#define NR_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 300);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_attr(TCase *attr)
{
	tcase_add_test(attr, test_attr_sets_what_is_asked_and_ctime);
	tcase_add_test(attr, test_attr_mode_never_changes_the_type);
	tcase_add_loop_test(attr, test_attr_chown_and_truncate_drop_setid_bits, 0,
			    NR_OF(setid_cases));
	tcase_add_test(attr, test_attr_dropping_setid_bits_says_whether_there_were_any);
	tcase_add_test(attr, test_attr_write_drops_capabilities);
	tcase_add_loop_test(attr, test_attr_atime_is_due_as_mount_says, 0, NR_OF(atime_cases));
}

static void add_xattr(TCase *xattr)
{
	tcase_add_test(xattr, test_xattr_is_kept_listed_and_removed);
	tcase_add_test(xattr, test_xattr_short_buffers_are_refused);
	tcase_add_test(xattr, test_xattr_flags_say_whether_it_may_exist);
	tcase_add_test(xattr, test_xattr_names_are_checked);
	tcase_add_test(xattr, test_xattr_sizes_are_limited);
	tcase_add_test(xattr, test_xattr_values_of_an_inode_are_limited_together);
	tcase_add_test(xattr, test_xattr_without_memory_keeps_the_old_value);
}

static void add_acl(TCase *acl)
{
	tcase_add_test(acl, test_acl_mask_shows_as_group_bits);
	tcase_add_test(acl, test_acl_equal_to_a_mode_is_only_a_mode);
	tcase_add_test(acl, test_acl_follows_chmod);
	tcase_add_test(acl, test_acl_default_decides_instead_of_umask);
	tcase_add_test(acl, test_acl_default_is_handed_down_to_subdirectories);
	tcase_add_test(acl, test_acl_plain_default_gives_plain_modes);
	tcase_add_test(acl, test_acl_is_removed_by_name_or_by_emptiness);
	tcase_add_test(acl, test_acl_setting_drops_sgid_when_told);
	tcase_add_test(acl, test_acl_is_stored_in_canonical_form);
	tcase_add_loop_test(acl, test_acl_that_is_invalid_is_refused, 0, NR_OF(invalid_acls));
	tcase_add_test(acl, test_acl_of_the_wrong_form_is_refused);
	tcase_add_test(acl, test_acl_belongs_only_where_it_has_a_meaning);
	tcase_add_test(acl, test_acl_inheritance_without_memory_makes_nothing);
}

int main(void)
{
	Suite *suite = suite_create("tree attributes");

	add_attr(add_case(suite, "attr"));
	add_xattr(add_case(suite, "xattr"));
	add_acl(add_case(suite, "acl"));
	return run_suite(suite);
}
