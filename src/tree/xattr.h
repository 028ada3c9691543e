/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xattr - the list of extended attributes of an inode, ACLs among them.
 *
 * A list, because inodes have few attributes, in the order in which they were first set. Each is
 * one allocation with name and value.
 *
 * Errors: -errno.
 */
#ifndef CXLFS_TREE_XATTR_H
#define CXLFS_TREE_XATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_XATTR_ACL_ACCESS  "system.posix_acl_access"
#define TREE_XATTR_ACL_DEFAULT "system.posix_acl_default"
#define TREE_XATTR_CAPABILITY  "security.capability"

struct tree;
struct tree_inode;

struct tree_xattr {
	struct tree_xattr *next;
	uint32_t value_bytes;
	uint16_t name_bytes; /* with its NUL */
	char data[];         /* the name, then the value */
};

static inline const char *tree_xattr_name(const struct tree_xattr *xattr)
{
	return xattr->data;
}

/** The value; perhaps unaligned. */
static inline void *tree_xattr_value(struct tree_xattr *xattr)
{
	return xattr->data + xattr->name_bytes;
}

/** The attribute with a name, or NULL. */
struct tree_xattr *tree_xattr_find(const struct tree_inode *inode, const char *name);

/** tree_xattr_new() - allocate an attribute outside any list; free() it. Return: NULL: no memory.
 */
struct tree_xattr *tree_xattr_new(const struct tree *tree, const char *name, const void *value,
				  size_t bytes);

/** tree_xattr_put() - replace the attribute of the same name, or append. Takes ownership. */
void tree_xattr_put(struct tree_inode *inode, struct tree_xattr *xattr);

/** Removes an attribute. Return: whether it existed. */
bool tree_xattr_drop(struct tree_inode *inode, const char *name);

void tree_xattr_free_all(struct tree_inode *inode);

/** Return: whether an inode without attribute @name can get one with a value of @bytes. */
bool tree_xattr_fits(const struct tree_inode *inode, const char *name, size_t bytes);

/** Bytes of all names with their NULs. */
size_t tree_xattr_list_bytes(const struct tree_inode *inode);

/** Checks the name of an attribute. Return: 0; -ERANGE; -EINVAL; -EOPNOTSUPP. */
int tree_xattr_check_name(const char *name);

#endif
