/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl - POSIX access control lists: validation, inheritance, and their connection to the mode.
 *
 * The kernel checks access. ACLs are stored as extended attributes in the kernel's format
 * (little-endian, see <linux/posix_acl_xattr.h>). Entries without an id store ACL_UNDEFINED_ID. An
 * access ACL that is equivalent to the mode is not stored.
 *
 * Errors: -errno, and then nothing has changed.
 */
#ifndef CXLFS_TREE_ACL_H
#define CXLFS_TREE_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tree;
struct tree_inode;

/** True if an extended attribute of this name is an ACL. */
bool tree_acl_is_name(const char *name);

/**
 * tree_acl_set() - set an ACL, or remove it if @value has no entries
 * @clear_sgid: an access ACL also drops S_ISGID
 * An access ACL also sets the permission bits; its mask, if any, sets those of the group.
 * Return: 0; -EOPNOTSUPP a symbolic link, or an unknown version; -EINVAL not a valid ACL;
 * -EACCES a default ACL on a non-directory; -ENOMEM.
 */
int tree_acl_set(struct tree *tree, struct tree_inode *inode, const char *name, const void *value,
		 size_t bytes, bool clear_sgid);

/**
 * tree_acl_inherit() - give a new inode the ACLs and the mode that it inherits from @dir
 * @inode: has the requested mode, before umask, and no attributes yet
 * Return: 0; -ENOMEM.
 */
int tree_acl_inherit(const struct tree *tree, const struct tree_inode *dir,
		     struct tree_inode *inode, mode_t umask);

/** Updates the access ACL after a change of the permission bits. Cannot fail. */
void tree_acl_chmod(struct tree_inode *inode);

/** Return: whether the ACLs of the inode are consistent (tests). */
bool tree_acl_check(const struct tree_inode *inode);

#endif
