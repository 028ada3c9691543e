/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota - limits the memory that inodes use, in total and for each user.
 *
 * The unit is an inode. Each further name of an inode counts as one more, and so do 512 bytes of
 * extended attributes, or of the target of a symbolic link. The owner of the inode is charged.
 * User 0 has no limit of its own.
 *
 * An inode remembers what it was charged with. Where less memory is used than that, the charge is
 * corrected at the next change of the inode.
 */
#ifndef CXLFS_TREE_QUOTA_H
#define CXLFS_TREE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TREE_QUOTA_UNIT_BYTES 512

struct tree;
struct tree_inode;

struct tree_quota_user {
	uid_t uid; /* 0: a free slot */
	uint64_t used;
};

struct tree_quota {
	uint64_t max, max_user;        /* units; UINT64_MAX: no limit */
	uint64_t used;                 /* by all users */
	struct tree_quota_user *users; /* a hash table; NULL: nobody is counted */
	size_t nr_users, room;         /* @room: a power of two */
};

/**
 * tree_quota_check() - check that @uid may use @units more
 * Afterwards @uid can be charged without an allocation.
 * Return: 0; -ENOSPC the limit of all; -EDQUOT its own; -ENOMEM.
 */
int tree_quota_check(struct tree *tree, uid_t uid, uint64_t units);

/** tree_quota_set_max_user() - change max_user; begins or ends to count users. Return: 0; -ENOMEM,
 *  and nothing has changed. */
int tree_quota_set_max_user(struct tree *tree, uint64_t max_user);

/** tree_quota_update() - charge the owner of an inode with what it uses now, whatever the limits.
 *  tree_quota_check() has been called for that user at some time. */
void tree_quota_update(struct tree *tree, struct tree_inode *inode);

/** tree_quota_release() - take the charge back, before the inode is freed */
void tree_quota_release(struct tree *tree, struct tree_inode *inode);

/** tree_quota_user_used() - units that a user is charged with; 0 if users are not counted */
uint64_t tree_quota_user_used(const struct tree *tree, uid_t uid);

/** tree_quota_is_consistent() - true if the charges of all inodes add up */
bool tree_quota_is_consistent(const struct tree *tree);

void tree_quota_fini(struct tree *tree);

#endif
