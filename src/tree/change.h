/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change - a change of a tree as a value.
 *
 * The tree is deterministic, so a copy that repeats its changes stays equal to it: another process
 * can have a replica. A change holds the arguments of the function that made it, with numbers
 * instead of pointers, and the number of the inode that was made, to notice a replica that has
 * diverged. Calls that failed, or had nothing to change, are no changes.
 *
 * tree_config.changed() receives each change. Encoded, changes can follow each other in one record,
 * so that all that one request has changed can be written at once.
 *
 *   encoded   length, version, kind, mask of fields, fields
 *
 * A field that is zero is left out. Numbers are in the byte order of the machine, because a change
 * does not leave it.
 *
 * Not changes: payloads, which their owner replicates.
 */
#ifndef CXLFS_TREE_CHANGE_H
#define CXLFS_TREE_CHANGE_H

#include "tree/tree.h"

/* Each is named after its function. */
enum tree_change_kind {
	TREE_CHANGE_MKNOD = 1,
	TREE_CHANGE_SYMLINK,
	TREE_CHANGE_TMPFILE,
	TREE_CHANGE_LINK,
	TREE_CHANGE_UNLINK,
	TREE_CHANGE_RMDIR,
	TREE_CHANGE_RENAME,
	TREE_CHANGE_SETATTR,
	TREE_CHANGE_DROP_SETID,
	TREE_CHANGE_TOUCH_MODIFIED,
	TREE_CHANGE_TOUCH_ACCESSED,
	TREE_CHANGE_SETXATTR,
	TREE_CHANGE_REMOVEXATTR,
	TREE_CHANGE_REF,
	TREE_CHANGE_UNREF,
	TREE_CHANGE_ADD_WRITERS,
	TREE_CHANGE_SET_MAX_INODES,
	TREE_NR_CHANGES
};

struct tree_change {
	enum tree_change_kind kind;
	uint64_t ino;              /* the inode that changes; for a name its directory */
	uint64_t other_ino;        /* link: the inode; rename: the new directory */
	uint64_t new_ino;          /* the inode that was made; rename: the whiteout; 0: none */
	const char *name;          /* also of an extended attribute */
	const char *new_name;      /* rename */
	const void *value;         /* setxattr: the value; symlink: the target with its NUL */
	size_t value_bytes;        /* of @value */
	uint64_t count;            /* ref, unref; add_writers: as int64_t; set_max_inodes: @max */
	struct tree_caller caller; /* drop_setid: may_setgid is @in_group; for touch only now */
	uint32_t what;             /* setattr: @what; rename: @flags */
	bool clear_sgid;           /* setxattr */
	mode_t mode;               /* mknod, tmpfile; from here on also setattr */
	dev_t rdev;                /* mknod */
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime, ctime, btime;
};

/* No change is longer when it is encoded. */
#define TREE_CHANGE_MAX_BYTES (256u + 2 * (TREE_NAME_MAX + 1) + TREE_XATTR_VALUE_MAX)

/** tree_change_bytes() - return how long a change is when it is encoded */
size_t tree_change_bytes(const struct tree_change *change);

/**
 * tree_change_encode() - write a change
 * @buf: has room for tree_change_bytes(), or TREE_CHANGE_MAX_BYTES; any alignment
 * Return: how long it is.
 */
size_t tree_change_encode(const struct tree_change *change, void *buf);

/**
 * tree_change_decode() - read the first of the changes in @data
 * @ret_change: points into @data
 * @ret_bytes: the length of this change; the next one follows
 * Return: 0; -EPROTO damaged or cut short; -EPROTONOSUPPORT of another version.
 */
int tree_change_decode(const void *data, size_t bytes, struct tree_change *ret_change,
		       size_t *ret_bytes);

/**
 * tree_replay() - repeat a change that another tree has made
 * @tree: was equal to that tree before the change, and is again afterwards
 * Lock: as the function that is repeated.
 * Return: 0; -ENOMEM, and nothing has changed; -EPROTO it is not possible here: the trees differ.
 */
int tree_replay(struct tree *tree, const struct tree_change *change);

#endif
