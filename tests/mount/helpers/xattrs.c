/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: kinds, sizes, listing, errors. Runs as root. */
#include "claim.h"

#include <sys/xattr.h>

#ifndef ENOATTR
#define ENOATTR ENODATA
#endif

#define NOBODY    65534
#define VALUE_MAX 65536

static void test_values_come_back(void)
{
	char buf[64];

	claim_make_file("f", "x");
	claim(setxattr("f", "user.a", "value", 5, 0) == 0);
	claim(getxattr("f", "user.a", buf, sizeof(buf)) == 5 && !memcmp(buf, "value", 5));
	claim(getxattr("f", "user.a", NULL, 0) == 5);
	claim_errno(ERANGE, getxattr("f", "user.a", buf, 4));
	claim(setxattr("f", "user.a", "", 0, 0) == 0 && getxattr("f", "user.a", buf, 64) == 0);
	claim(setxattr("f", "user.zero", "a\0b", 3, 0) == 0);
	claim(getxattr("f", "user.zero", buf, 64) == 3 && !memcmp(buf, "a\0b", 3));
	claim(removexattr("f", "user.a") == 0);
	claim_errno(ENOATTR, getxattr("f", "user.a", buf, sizeof(buf)));
	claim_errno(ENOATTR, removexattr("f", "user.a"));
}

static void test_create_and_replace_are_told_apart(void)
{
	claim_make_file("f", "x");
	claim_errno(ENOATTR, setxattr("f", "user.a", "1", 1, XATTR_REPLACE));
	claim(setxattr("f", "user.a", "1", 1, XATTR_CREATE) == 0);
	claim_errno(EEXIST, setxattr("f", "user.a", "2", 1, XATTR_CREATE));
	claim(setxattr("f", "user.a", "2", 1, XATTR_REPLACE) == 0);
}

static void test_list_tells_all_names(void)
{
	char buf[256];
	ssize_t n;

	claim_make_file("f", "x");
	claim(listxattr("f", buf, sizeof(buf)) == 0);
	claim(setxattr("f", "user.one", "1", 1, 0) == 0);
	claim(setxattr("f", "trusted.two", "2", 1, 0) == 0);
	n = listxattr("f", buf, sizeof(buf));
	claim(n == sizeof("user.one") + sizeof("trusted.two"));
	claim(listxattr("f", NULL, 0) == n);
	claim_errno(ERANGE, listxattr("f", buf, (size_t)n - 1));
	claim(memmem(buf, (size_t)n, "user.one", 9) && memmem(buf, (size_t)n, "trusted.two", 12));
}

static void test_names_and_values_have_limits(void)
{
	static char value[VALUE_MAX + 1], back[VALUE_MAX];
	char name[300];

	claim_make_file("f", "x");
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[255] = '\0';
	claim(setxattr("f", name, "v", 1, 0) == 0 && getxattr("f", name, back, 10) == 1);
	name[255] = 'n';
	name[256] = '\0';
	claim_errno(ERANGE, setxattr("f", name, "v", 1, 0));
	memset(value, 'v', sizeof(value));
	claim(setxattr("f", "user.big", value, sizeof(value) - 1, 0) == 0);
	claim(getxattr("f", "user.big", back, sizeof(back)) == (ssize_t)sizeof(back));
	claim(!memcmp(value, back, sizeof(back)));
	claim_errno(E2BIG, setxattr("f", "user.big", value, sizeof(value), 0));
	claim_errno(EOPNOTSUPP, setxattr("f", "nonsense.name", "v", 1, 0));
}

static void as_nobody(void)
{
	char buf[16];

	claim_errno(EACCES, setxattr("f", "user.b", "v", 1, 0));
	claim(getxattr("f", "user.a", buf, sizeof(buf)) == 1);
	claim_errno(ENOATTR, getxattr("f", "trusted.t", buf, sizeof(buf)));
	claim_errno(EPERM, setxattr("f", "trusted.x", "v", 1, 0));
	claim_errno(EPERM, setxattr("f", "security.x", "v", 1, 0));
}

static void test_kinds_have_their_rights(void)
{
	claim_make_file("f", "x");
	claim(setxattr("f", "user.a", "v", 1, 0) == 0);
	claim(setxattr("f", "trusted.t", "v", 1, 0) == 0);
	claim(setxattr("f", "security.s", "v", 1, 0) == 0);
	claim_as(NOBODY, NOBODY, as_nobody);
}

static void test_every_kind_of_inode_has_attributes(void)
{
	char buf[16];

	claim_need(mkdir("d", 0755) == 0 && symlink("none", "l") == 0 && mkfifo("p", 0600) == 0);
	claim(setxattr("d", "user.a", "v", 1, 0) == 0);
	claim(lsetxattr("l", "trusted.a", "v", 1, 0) == 0);
	claim(lgetxattr("l", "trusted.a", buf, sizeof(buf)) == 1);
	claim_errno(EPERM, lsetxattr("l", "user.a", "v", 1, 0));
	claim_errno(EPERM, setxattr("p", "user.a", "v", 1, 0));
	claim(setxattr("p", "trusted.a", "v", 1, 0) == 0);
}

static void test_links_and_renames_keep_attributes(void)
{
	char buf[16];

	claim_make_file("f", "x");
	claim(setxattr("f", "user.a", "v", 1, 0) == 0);
	claim(link("f", "g") == 0 && rename("f", "h") == 0);
	claim(getxattr("g", "user.a", buf, sizeof(buf)) == 1);
	claim(setxattr("h", "user.b", "w", 1, 0) == 0);
	claim(getxattr("g", "user.b", buf, sizeof(buf)) == 1);
}

static void test_many_attributes_fit(void)
{
	char name[32], buf[8192];
	int fitted = 0;

	claim_make_file("f", "x");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "user.attribute-%d", i);
		fitted += setxattr("f", name, name, strlen(name), 0) == 0;
	}
	claim(fitted == 200);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "user.attribute-%d", i);
		claim(getxattr("f", name, buf, sizeof(buf)) == (ssize_t)strlen(name));
	}
	claim(listxattr("f", buf, sizeof(buf)) > 3000);
}

static const struct claim_test tests[] = {
	{ "values_come_back", test_values_come_back },
	{ "create_and_replace_are_told_apart", test_create_and_replace_are_told_apart },
	{ "list_tells_all_names", test_list_tells_all_names },
	{ "names_and_values_have_limits", test_names_and_values_have_limits },
	{ "kinds_have_their_rights", test_kinds_have_their_rights },
	{ "every_kind_of_inode_has_attributes", test_every_kind_of_inode_has_attributes },
	{ "links_and_renames_keep_attributes", test_links_and_renames_keep_attributes },
	{ "many_attributes_fit", test_many_attributes_fit },
};
CLAIM_MAIN(tests)
