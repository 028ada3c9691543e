/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tree/inode.h"
#include "tree/xattr.h"

#define PERM_ALL     (ACL_READ | ACL_WRITE | ACL_EXECUTE)
#define MODE_ALL     ((mode_t)0777)
#define ID_UNDEFINED ((uint32_t)ACL_UNDEFINED_ID)

/* An entry in host byte order. */
struct entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
};

/* A list in its stored form; borrowed memory, perhaps unaligned. */
struct acl {
	char *entries;
	size_t nr;
};

static struct entry get(const struct acl *acl, size_t i)
{
	struct posix_acl_xattr_entry wire;

	memcpy(&wire, acl->entries + i * sizeof(wire), sizeof(wire));
	return (struct entry){ le16toh(wire.e_tag), le16toh(wire.e_perm), le32toh(wire.e_id) };
}

static void put(struct acl *acl, size_t i, const struct entry *entry)
{
	struct posix_acl_xattr_entry wire = {
		.e_tag = htole16(entry->tag),
		.e_perm = htole16(entry->perm),
		.e_id = htole32(entry->id),
	};

	memcpy(acl->entries + i * sizeof(wire), &wire, sizeof(wire));
}

static struct acl acl_of_xattr(struct tree_xattr *xattr)
{
	const size_t header = sizeof(struct posix_acl_xattr_header);

	return (struct acl){
		.entries = (char *)tree_xattr_value(xattr) + header,
		.nr = (xattr->value_bytes - header) / sizeof(struct posix_acl_xattr_entry),
	};
}

static bool has_id(const struct entry *entry)
{
	return entry->tag == ACL_USER || entry->tag == ACL_GROUP;
}

/* Checks size and version of an attribute value. An empty value has no entries. */
static int check_form(const void *value, size_t bytes, size_t *ret_nr)
{
	struct posix_acl_xattr_header header;

	*ret_nr = 0;
	if (bytes == 0)
		return 0;
	if (bytes < sizeof(header))
		return -EINVAL;
	memcpy(&header, value, sizeof(header));
	if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION)
		return -EOPNOTSUPP;
	if ((bytes - sizeof(header)) % sizeof(struct posix_acl_xattr_entry))
		return -EINVAL;
	*ret_nr = (bytes - sizeof(header)) / sizeof(struct posix_acl_xattr_entry);
	return 0;
}

/*
 * Entries must be in the order owner, users, owning group, groups, mask, others. Users or groups
 * need a mask. @expect is the current section: a user or group stays in it, other entries start the
 * next.
 */
static bool is_valid(const struct acl *acl)
{
	uint16_t expect = ACL_USER_OBJ;
	bool needs_mask = false;

	for (size_t i = 0; i < acl->nr; i++) {
		struct entry entry = get(acl, i);

		if (entry.perm & ~PERM_ALL)
			return false;
		if (has_id(&entry)) {
			if (entry.tag != expect || entry.id == ID_UNDEFINED)
				return false;
			needs_mask = true;
		} else if (entry.tag == ACL_USER_OBJ && expect == ACL_USER_OBJ) {
			expect = ACL_USER;
		} else if (entry.tag == ACL_GROUP_OBJ && expect == ACL_USER) {
			expect = ACL_GROUP;
		} else if (entry.tag == ACL_MASK && expect == ACL_GROUP) {
			expect = ACL_OTHER;
		} else if (entry.tag == ACL_OTHER &&
			   (expect == ACL_OTHER || (expect == ACL_GROUP && !needs_mask))) {
			expect = 0;
		} else {
			return false;
		}
	}
	return expect == 0;
}

/* The tag of the entry that the group bits of the mode stand for. */
static uint16_t group_class_tag(const struct acl *acl)
{
	for (size_t i = 0; i < acl->nr; i++) {
		if (get(acl, i).tag == ACL_MASK)
			return ACL_MASK;
	}
	return ACL_GROUP_OBJ;
}

/* The shift of an entry's bits in a mode, or -1. @group_tag: from group_class_tag(). */
static int mode_shift(const struct entry *entry, uint16_t group_tag)
{
	if (entry->tag == ACL_USER_OBJ)
		return 6;
	if (entry->tag == group_tag)
		return 3;
	return entry->tag == ACL_OTHER ? 0 : -1;
}

/* Computes the permission bits. Returns true if the list is not equivalent to them. */
static bool acl_to_mode(const struct acl *acl, mode_t *ret_mode)
{
	uint16_t group_tag = group_class_tag(acl);
	mode_t mode = 0;

	for (size_t i = 0; i < acl->nr; i++) {
		struct entry entry = get(acl, i);
		int shift = mode_shift(&entry, group_tag);

		if (shift >= 0)
			mode |= (mode_t)entry.perm << shift;
	}
	*ret_mode = mode;
	return group_tag == ACL_MASK;
}

/* Sets permissions from the mode; with @narrow it only removes some. */
static void acl_from_mode(struct acl *acl, mode_t mode, bool narrow)
{
	uint16_t group_tag = group_class_tag(acl);

	for (size_t i = 0; i < acl->nr; i++) {
		struct entry entry = get(acl, i);
		int shift = mode_shift(&entry, group_tag);
		uint16_t perm;

		if (shift < 0)
			continue;
		perm = mode >> shift & PERM_ALL;
		entry.perm = narrow ? entry.perm & perm : perm;
		put(acl, i, &entry);
	}
}

static void canonicalize(struct acl *acl)
{
	for (size_t i = 0; i < acl->nr; i++) {
		struct entry entry = get(acl, i);

		if (!has_id(&entry))
			entry.id = ID_UNDEFINED;
		put(acl, i, &entry);
	}
}

bool tree_acl_is_name(const char *name)
{
	return strcmp(name, TREE_XATTR_ACL_ACCESS) == 0 ||
	       strcmp(name, TREE_XATTR_ACL_DEFAULT) == 0;
}

static void set_mode_bits(struct tree_inode *inode, mode_t bits)
{
	inode->mode = (inode->mode & ~MODE_ALL) | bits;
}

static int set_access(struct tree_inode *inode, struct tree_xattr *xattr, bool clear_sgid)
{
	struct acl acl = acl_of_xattr(xattr);
	mode_t bits;
	bool extended = acl_to_mode(&acl, &bits);

	set_mode_bits(inode, bits);
	if (clear_sgid)
		inode->mode &= ~(mode_t)S_ISGID;
	if (extended) {
		tree_xattr_put(inode, xattr);
	} else {
		(void)tree_xattr_drop(inode, TREE_XATTR_ACL_ACCESS);
		free(xattr);
	}
	return 0;
}

int tree_acl_set(struct tree *tree, struct tree_inode *inode, const char *name, const void *value,
		 size_t bytes, bool clear_sgid)
{
	bool is_access = strcmp(name, TREE_XATTR_ACL_ACCESS) == 0;
	struct tree_xattr *xattr;
	struct acl acl;
	size_t nr;
	int err = S_ISLNK(inode->mode) ? -EOPNOTSUPP : check_form(value, bytes, &nr);

	if (err)
		return err;
	if (nr == 0) {
		(void)tree_xattr_drop(inode, name);
		return 0;
	}
	if (!is_access && !tree_is_dir(inode))
		return -EACCES;
	xattr = tree_xattr_new(tree, name, value, bytes);
	if (!xattr)
		return -ENOMEM;
	acl = acl_of_xattr(xattr);
	if (!is_valid(&acl)) {
		free(xattr);
		return -EINVAL;
	}
	canonicalize(&acl);
	if (is_access)
		return set_access(inode, xattr, clear_sgid);
	tree_xattr_put(inode, xattr);
	return 0;
}

/* The access ACL of a new inode is the default ACL of its directory, limited by the mode. */
static int inherit_access(const struct tree *tree, struct tree_inode *inode,
			  struct tree_xattr *of_dir)
{
	struct tree_xattr *xattr = tree_xattr_new(tree, TREE_XATTR_ACL_ACCESS,
						  tree_xattr_value(of_dir), of_dir->value_bytes);
	struct acl acl;

	if (!xattr)
		return -ENOMEM;
	acl = acl_of_xattr(xattr);
	acl_from_mode(&acl, inode->mode, true);
	return set_access(inode, xattr, false);
}

int tree_acl_inherit(const struct tree *tree, const struct tree_inode *dir,
		     struct tree_inode *inode, mode_t umask)
{
	struct tree_xattr *of_dir, *copy;
	int err;

	if (S_ISLNK(inode->mode))
		return 0;
	of_dir = tree_xattr_find(dir, TREE_XATTR_ACL_DEFAULT);
	if (!of_dir) {
		inode->mode &= ~(umask & MODE_ALL);
		return 0;
	}
	err = inherit_access(tree, inode, of_dir);
	if (err || !tree_is_dir(inode))
		return err;
	copy = tree_xattr_new(tree, TREE_XATTR_ACL_DEFAULT, tree_xattr_value(of_dir),
			      of_dir->value_bytes);
	if (!copy)
		return -ENOMEM;
	tree_xattr_put(inode, copy);
	return 0;
}

void tree_acl_chmod(struct tree_inode *inode)
{
	struct tree_xattr *xattr = tree_xattr_find(inode, TREE_XATTR_ACL_ACCESS);
	struct acl acl;

	if (!xattr)
		return;
	acl = acl_of_xattr(xattr);
	acl_from_mode(&acl, inode->mode, false);
}

static bool check_stored(struct tree_xattr *xattr)
{
	struct acl acl;
	size_t nr;

	if (check_form(tree_xattr_value(xattr), xattr->value_bytes, &nr) || nr == 0)
		return false;
	acl = acl_of_xattr(xattr);
	for (size_t i = 0; i < nr; i++) {
		struct entry entry = get(&acl, i);

		if (!has_id(&entry) && entry.id != ID_UNDEFINED)
			return false;
	}
	return is_valid(&acl);
}

bool tree_acl_check(const struct tree_inode *inode)
{
	struct tree_xattr *access = tree_xattr_find(inode, TREE_XATTR_ACL_ACCESS);
	struct tree_xattr *inherited = tree_xattr_find(inode, TREE_XATTR_ACL_DEFAULT);

	if ((access || inherited) && S_ISLNK(inode->mode))
		return false;
	if (inherited && (!tree_is_dir(inode) || !check_stored(inherited)))
		return false;
	if (access) {
		struct acl acl;
		mode_t bits;

		if (!check_stored(access))
			return false;
		acl = acl_of_xattr(access);
		return acl_to_mode(&acl, &bits) && bits == (inode->mode & MODE_ALL);
	}
	return true;
}
