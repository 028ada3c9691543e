/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl - POSIX access control lists: their effects on modes and on what is made in a directory.
 *
 * Who may do what is decided by the kernel; here ACLs are kept valid and in step with the modes.
 * They are stored as attributes in the form in which they travel (little-endian, see
 * <linux/posix_acl_xattr.h>), made canonical: entries without an id have the undefined one. An
 * access ACL that says no more than the mode is not stored.
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

/** Whether an extended attribute of that name is an ACL. */
bool tree_acl_is_name(const char *name);

/**
 * tree_acl_set() - set, or with no entries remove, the ACL of a name
 * @clear_sgid: an access ACL also drops S_ISGID
 * An access ACL also sets the permission bits: its mask, where there is one, shows as the group's.
 * Return: 0; -EOPNOTSUPP symbolic links, other versions; -EINVAL not a valid ACL;
 * -EACCES a default ACL on something else than a directory; -ENOMEM.
 */
int tree_acl_set(struct tree *tree, struct tree_inode *inode, const char *name, const void *value,
		 size_t bytes, bool clear_sgid);

/**
 * tree_acl_inherit() - give a new inode the ACLs and the mode that creation in @dir means
 * @inode: its mode is the one asked for, before umask; it has no attributes yet
 * Return: 0; -ENOMEM.
 */
int tree_acl_inherit(const struct tree *tree, const struct tree_inode *dir,
		     struct tree_inode *inode, mode_t umask);

/** Brings the access ACL in step with permission bits that were set. Cannot fail. */
void tree_acl_chmod(struct tree_inode *inode);

/** Return: whether the inode's ACLs are what the rules above let them be (tests). */
bool tree_acl_check(const struct tree_inode *inode);

#endif
