/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "tree/acl.h"
#include "tree/inode.h"

struct tree_xattr *tree_xattr_find(const struct tree_inode *inode, const char *name)
{
	struct tree_xattr *xattr = inode->xattrs;

	while (xattr && strcmp(tree_xattr_name(xattr), name) != 0)
		xattr = xattr->next;
	return xattr;
}

struct tree_xattr *tree_xattr_new(const struct tree *tree, const char *name, const void *value,
				  size_t bytes)
{
	size_t name_bytes = strlen(name) + 1;
	struct tree_xattr *xattr = tree->alloc(sizeof(*xattr) + name_bytes + bytes);

	if (!xattr)
		return NULL;
	xattr->next = NULL;
	xattr->name_bytes = (uint16_t)name_bytes;
	xattr->value_bytes = (uint32_t)bytes;
	memcpy(xattr->data, name, name_bytes);
	if (bytes)
		memcpy(xattr->data + name_bytes, value, bytes);
	return xattr;
}

/* The pointer that points to the attribute with a name, or to the end of the list. */
static struct tree_xattr **link_to(struct tree_inode *inode, const char *name)
{
	struct tree_xattr **link = &inode->xattrs;

	while (*link && strcmp(tree_xattr_name(*link), name) != 0)
		link = &(*link)->next;
	return link;
}

void tree_xattr_put(struct tree_inode *inode, struct tree_xattr *xattr)
{
	struct tree_xattr **link = link_to(inode, tree_xattr_name(xattr));
	struct tree_xattr *old = *link;

	xattr->next = old ? old->next : NULL;
	*link = xattr;
	free(old);
}

bool tree_xattr_drop(struct tree_inode *inode, const char *name)
{
	struct tree_xattr **link = link_to(inode, name);
	struct tree_xattr *old = *link;

	if (!old)
		return false;
	*link = old->next;
	free(old);
	return true;
}

void tree_xattr_free_all(struct tree_inode *inode)
{
	struct tree_xattr *next;

	for (struct tree_xattr *xattr = inode->xattrs; xattr; xattr = next) {
		next = xattr->next;
		free(xattr);
	}
	inode->xattrs = NULL;
}

size_t tree_xattr_list_bytes(const struct tree_inode *inode)
{
	size_t bytes = 0;

	for (const struct tree_xattr *xattr = inode->xattrs; xattr; xattr = xattr->next)
		bytes += xattr->name_bytes;
	return bytes;
}

static size_t tree_xattr_value_bytes(const struct tree_inode *inode)
{
	size_t bytes = 0;

	for (const struct tree_xattr *xattr = inode->xattrs; xattr; xattr = xattr->next)
		bytes += xattr->value_bytes;
	return bytes;
}

int tree_xattr_check_name(const char *name)
{
	static const char *const prefixes[] = { "user.", "trusted.", "security." };
	size_t bytes = strnlen(name, TREE_XATTR_NAME_MAX + 1);

	if (bytes == 0 || bytes > TREE_XATTR_NAME_MAX)
		return -ERANGE;
	if (tree_acl_is_name(name))
		return 0;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t prefix_bytes = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], prefix_bytes) == 0)
			return name[prefix_bytes] ? 0 : -EINVAL;
	}
	return -EOPNOTSUPP;
}

ssize_t tree_getxattr(const struct tree_inode *inode, const char *name, void *value, size_t bytes)
{
	struct tree_xattr *xattr;
	int err = tree_xattr_check_name(name);

	if (err)
		return err;
	if (S_ISLNK(inode->mode) && tree_acl_is_name(name))
		return -EOPNOTSUPP;
	xattr = tree_xattr_find(inode, name);
	if (!xattr)
		return -ENODATA;
	if (bytes && bytes < xattr->value_bytes)
		return -ERANGE;
	if (bytes && xattr->value_bytes)
		memcpy(value, tree_xattr_value(xattr), xattr->value_bytes);
	return xattr->value_bytes;
}

static int set_plain(struct tree *tree, struct tree_inode *inode, const char *name,
		     const void *value, size_t bytes)
{
	struct tree_xattr *xattr = tree_xattr_new(tree, name, value, bytes);

	if (!xattr)
		return -ENOMEM;
	tree_xattr_put(inode, xattr);
	return 0;
}

static int check_set(const struct tree_inode *inode, const char *name, size_t bytes, int flags)
{
	const struct tree_xattr *old;
	int err = tree_xattr_check_name(name);

	if (err)
		return err;
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (bytes > TREE_XATTR_VALUE_MAX)
		return -E2BIG;
	old = tree_xattr_find(inode, name);
	if (old && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!old && (flags & XATTR_REPLACE))
		return -ENODATA;
	if (!old && tree_xattr_list_bytes(inode) + strlen(name) + 1 > TREE_XATTR_LIST_MAX)
		return -ENOSPC;
	if (tree_xattr_value_bytes(inode) - (old ? old->value_bytes : 0) + bytes >
	    TREE_XATTR_TOTAL_MAX)
		return -ENOSPC;
	return 0;
}

bool tree_xattr_fits(const struct tree_inode *inode, const char *name, size_t bytes)
{
	return check_set(inode, name, bytes, XATTR_CREATE) == 0;
}

/* Without what it replaces, so that an attribute can be replaced only while there is room for
 * both. */
static uint64_t units_for(const char *name, size_t bytes)
{
	return (strlen(name) + 1 + bytes) / TREE_QUOTA_UNIT_BYTES;
}

int tree_setxattr(struct tree *tree, struct tree_inode *inode, const char *name, const void *value,
		  size_t bytes, int flags, bool clear_sgid, const struct tree_caller *caller)
{
	int err = check_set(inode, name, bytes, flags);

	if (!err)
		err = tree_quota_check(tree, inode->uid, units_for(name, bytes));
	if (err)
		return err;
	if (tree_acl_is_name(name))
		err = tree_acl_set(tree, inode, name, value, bytes, clear_sgid);
	else
		err = set_plain(tree, inode, name, value, bytes);
	if (err)
		return err;
	inode->ctime = caller->now;
	tree_quota_update(tree, inode);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_SETXATTR, .ino = inode->ino, .name = name,
		     .value = value, .value_bytes = bytes, .clear_sgid = clear_sgid,
		     .caller = *caller);
	return 0;
}

static bool is_trusted(const struct tree_xattr *xattr)
{
	return strncmp(tree_xattr_name(xattr), "trusted.", strlen("trusted.")) == 0;
}

ssize_t tree_listxattr(const struct tree_inode *inode, bool with_trusted, char *list, size_t bytes)
{
	size_t needed = 0;

	for (const struct tree_xattr *xattr = inode->xattrs; xattr; xattr = xattr->next) {
		if (!with_trusted && is_trusted(xattr))
			continue;
		if (bytes && bytes - needed < xattr->name_bytes)
			return -ERANGE;
		if (bytes)
			memcpy(list + needed, tree_xattr_name(xattr), xattr->name_bytes);
		needed += xattr->name_bytes;
	}
	return (ssize_t)needed;
}

int tree_removexattr(struct tree *tree, struct tree_inode *inode, const char *name,
		     const struct tree_caller *caller)
{
	int err = tree_xattr_check_name(name);

	if (err)
		return err;
	if (S_ISLNK(inode->mode) && tree_acl_is_name(name))
		return -EOPNOTSUPP;
	/* As on Linux, removing a missing ACL is no error, because the mode is equivalent to one.
	 */
	if (!tree_xattr_drop(inode, name) && !tree_acl_is_name(name))
		return -ENODATA;
	inode->ctime = caller->now;
	tree_quota_update(tree, inode);
	TREE_CHANGED(tree, .kind = TREE_CHANGE_REMOVEXATTR, .ino = inode->ino, .name = name,
		     .caller = *caller);
	return 0;
}

bool tree_has_xattrs(const struct tree_inode *inode)
{
	return inode->xattrs;
}
