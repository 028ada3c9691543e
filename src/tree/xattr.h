/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xattr - the list of extended attributes of an inode, ACLs among them.
 *
 * Attributes are few, so a list does: each is one piece of memory with its name and value inside,
 * in the order they were first set.
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

/** The value; no particular alignment. */
static inline void *tree_xattr_value(struct tree_xattr *xattr)
{
	return xattr->data + xattr->name_bytes;
}

/** The attribute with a name, or NULL. */
struct tree_xattr *tree_xattr_find(const struct tree_inode *inode, const char *name);

/** tree_xattr_new() - an attribute not yet in a list; free() it. Return: NULL: no memory. */
struct tree_xattr *tree_xattr_new(const struct tree *tree, const char *name, const void *value,
				  size_t bytes);

/** tree_xattr_put() - put an attribute in place of the one of the same name, or last. Owns it. */
void tree_xattr_put(struct tree_inode *inode, struct tree_xattr *xattr);

/** Return: whether there was one. */
bool tree_xattr_drop(struct tree_inode *inode, const char *name);

void tree_xattr_free_all(struct tree_inode *inode);

/** Bytes of all names with their NULs. */
size_t tree_xattr_list_bytes(const struct tree_inode *inode);

/** Whether an attribute may be called so. Return: 0; -ERANGE; -EINVAL; -EOPNOTSUPP. */
int tree_xattr_check_name(const char *name);

#endif
