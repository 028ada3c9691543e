/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/quota.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/inode.h"
#include "tree/xattr.h"

#define FIRST_ROOM 64

/* ---- users ---- */

static bool counts_users(const struct tree_quota *quota)
{
	return quota->max_user != UINT64_MAX;
}

/* The slot of a user, or the free one where it belongs. The table is never full. */
static struct tree_quota_user *slot_of(struct tree_quota_user *users, size_t room, uid_t uid)
{
	size_t at = (uid * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (room - 1);

	while (users[at].uid && users[at].uid != uid)
		at = (at + 1) & (room - 1);
	return &users[at];
}

static int grow(struct tree *tree)
{
	struct tree_quota *quota = &tree->quota;
	size_t room = quota->room ? quota->room * 2 : FIRST_ROOM;
	struct tree_quota_user *users = tree->alloc(room * sizeof(*users));

	if (!users)
		return -ENOMEM;
	memset(users, 0, room * sizeof(*users));
	for (size_t i = 0; i < quota->room; i++)
		if (quota->users[i].uid)
			*slot_of(users, room, quota->users[i].uid) = quota->users[i];
	free(quota->users);
	quota->users = users;
	quota->room = room;
	return 0;
}

/* Makes a slot for a user. There are as many as users that ever had an inode. */
static int add_user(struct tree *tree, uid_t uid)
{
	struct tree_quota *quota = &tree->quota;
	struct tree_quota_user *user;
	int err = quota->nr_users * 2 >= quota->room ? grow(tree) : 0;

	if (err)
		return err;
	user = slot_of(quota->users, quota->room, uid);
	quota->nr_users += !user->uid;
	user->uid = uid;
	return 0;
}

static void charge(struct tree *tree, uid_t uid, int64_t units)
{
	struct tree_quota *quota = &tree->quota;

	quota->used += (uint64_t)units;
	if (uid && counts_users(quota))
		slot_of(quota->users, quota->room, uid)->used += (uint64_t)units;
}

static int count_users(struct tree *tree)
{
	struct tree_quota *quota = &tree->quota;
	int err = 0;

	for (uint64_t ino = TREE_ROOT_INO; ino < tree->itable.next_ino && !err; ino++) {
		const struct tree_inode *inode = tree_get(tree, ino);

		if (!inode || !inode->charged_uid)
			continue;
		err = add_user(tree, inode->charged_uid);
		if (!err)
			slot_of(quota->users, quota->room, inode->charged_uid)->used +=
				inode->charged;
	}
	return err;
}

static void forget_users(struct tree_quota *quota)
{
	free(quota->users);
	quota->users = NULL;
	quota->nr_users = quota->room = 0;
}

int tree_quota_set_max_user(struct tree *tree, uint64_t max_user)
{
	struct tree_quota *quota = &tree->quota;
	int err = 0;

	if (!counts_users(quota) && max_user != UINT64_MAX)
		err = count_users(tree);
	if (err || max_user == UINT64_MAX)
		forget_users(quota);
	if (!err)
		quota->max_user = max_user;
	return err;
}

/* ---- inodes ---- */

static uint64_t units_of(const struct tree_inode *inode)
{
	uint64_t bytes = 0, units = 1;

	for (const struct tree_xattr *xattr = inode->xattrs; xattr; xattr = xattr->next)
		bytes += xattr->name_bytes + (uint64_t)xattr->value_bytes;
	if (S_ISLNK(inode->mode))
		bytes += inode->symlink.bytes;
	if (!tree_is_dir(inode) && inode->nlink > 1)
		units += inode->nlink - 1;
	return units + bytes / TREE_QUOTA_UNIT_BYTES;
}

int tree_quota_check(struct tree *tree, uid_t uid, uint64_t units)
{
	const struct tree_quota *quota = &tree->quota;
	uint64_t used;

	if (units && (quota->used >= quota->max || units > quota->max - quota->used))
		return -ENOSPC;
	if (!uid || !counts_users(quota))
		return 0;
	used = tree_quota_user_used(tree, uid);
	if (units && (used >= quota->max_user || units > quota->max_user - used))
		return -EDQUOT;
	return add_user(tree, uid);
}

void tree_quota_update(struct tree *tree, struct tree_inode *inode)
{
	uint64_t units = units_of(inode);

	if (units == inode->charged && inode->uid == inode->charged_uid)
		return;
	tree_quota_release(tree, inode);
	charge(tree, inode->uid, (int64_t)units);
	inode->charged = units;
	inode->charged_uid = inode->uid;
}

void tree_quota_release(struct tree *tree, struct tree_inode *inode)
{
	if (inode->charged)
		charge(tree, inode->charged_uid, -(int64_t)inode->charged);
	inode->charged = 0;
}

uint64_t tree_quota_user_used(const struct tree *tree, uid_t uid)
{
	const struct tree_quota *quota = &tree->quota;

	return uid && quota->room ? slot_of(quota->users, quota->room, uid)->used : 0;
}

bool tree_quota_is_consistent(const struct tree *tree)
{
	uint64_t all = 0, of_users = 0, of_table = 0;

	for (uint64_t ino = TREE_ROOT_INO; ino < tree->itable.next_ino; ino++) {
		const struct tree_inode *inode = tree_get(tree, ino);

		if (!inode)
			continue;
		if (inode->charged < units_of(inode) || inode->charged_uid != inode->uid)
			return false;
		all += inode->charged;
		of_users += inode->uid ? inode->charged : 0;
	}
	for (size_t i = 0; i < tree->quota.room; i++)
		of_table += tree->quota.users[i].used;
	return all == tree->quota.used && (!counts_users(&tree->quota) || of_table == of_users);
}

void tree_quota_fini(struct tree *tree)
{
	free(tree->quota.users);
}
