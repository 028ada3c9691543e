/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - the namespace of a volume: inodes, directories, links, attributes, xattrs, ACLs.
 *
 * A deterministic state machine in memory. Caller and time are arguments; nothing here does I/O,
 * reads a clock, starts a thread or knows FUSE. The same calls in the same order give the same
 * tree, including inode numbers and directory order.
 *
 * The kernel checks search, read and write permission and the sticky bit, because the volume is
 * mounted with default_permissions. The tree maintains modes, owners, times, links, set-group-id
 * inheritance and ACLs.
 *
 * Locks: none inside. The caller serialises functions that change the tree against all others.
 * Functions that take a const struct tree may run in parallel, and with them, for different inodes,
 * tree_ref(), tree_add_writers(), tree_drop_setid() and tree_touch_...().
 * Errors: 0 or a count on success, -errno on failure, and then nothing has changed.
 */
#ifndef CXLFS_TREE_TREE_H
#define CXLFS_TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define TREE_ROOT_INO        1
#define TREE_NAME_MAX        255        /* bytes */
#define TREE_SYMLINK_MAX     4095       /* bytes */
#define TREE_XATTR_NAME_MAX  255        /* bytes */
#define TREE_XATTR_VALUE_MAX 65536      /* bytes */
#define TREE_XATTR_TOTAL_MAX (1u << 20) /* bytes of values, for one inode */
#define TREE_XATTR_LIST_MAX  65536      /* bytes of names with their NULs, for one inode */

struct tree;
struct tree_change;
struct tree_inode;

struct tree_config {
	uid_t root_uid;
	gid_t root_gid;
	mode_t root_mode;         /* permission bits */
	uint64_t hash_seed;       /* random for each volume, against chosen collisions of names */
	uint64_t max_inodes;      /* 0: no limit but memory; counted as in quota.h */
	uint64_t max_user_inodes; /* the same for each user but 0 */
	uint32_t max_links;       /* 0: UINT32_MAX */
	struct timespec now;
	/** Frees the payload of a regular file that was freed. Must not call into the tree. Never
	 *  NULL. */
	void (*payload_free)(void *arg, void *payload);
	/** The last link of a file is gone, so the payload may be freed soon. @orphaned false: the
	 *  file got a name again. Must not call into the tree. May be NULL. */
	void (*payload_orphaned)(void *arg, void *payload, bool orphaned);
	void *payload_arg;
	/** Receives each change of the tree, see change.h, under the lock that the caller of the
	 *  function holds; so perhaps on several threads at once, for different inodes. Must not
	 *  call into the tree. NULL: there is no receiver. */
	void (*changed)(void *arg, const struct tree_change *change);
	void *changed_arg;
};

/** Credentials of the caller, and the time of the call. */
struct tree_caller {
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool may_setgid; /* member of the group in question, or CAP_FSETID */
	struct timespec now;
};

struct tree_attr {
	uint64_t ino;
	uint64_t generation; /* unique among all inodes with this number; 0 for the root */
	mode_t mode;
	uint32_t nlink;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint64_t size; /* directories: entries; symbolic links: length; others: 0 */
	struct timespec atime, mtime, ctime, btime;
};

int tree_new(const struct tree_config *config, struct tree **ret_tree);
void tree_free(struct tree *tree); /* frees every payload first; accepts NULL */

/** tree_get() - return the inode with a number, or NULL. O(1). Valid while it has a reference. */
struct tree_inode *tree_get(const struct tree *tree, uint64_t ino);

/** The number of inodes, including the root and unlinked ones. */
uint64_t tree_nr_inodes(const struct tree *tree);
/** What counts against tree_max_inodes(): inodes, further names, and large attributes. */
uint64_t tree_nr_charged(const struct tree *tree);
/** One more than the highest inode number so far. */
uint64_t tree_end_of_numbers(const struct tree *tree);
/** As in struct tree_config. */
uint64_t tree_max_inodes(const struct tree *tree);
/**
 * tree_set_max_user_inodes() - @max: for each user but 0; 0: no limit
 * A user who has more keeps them. The first limit counts all inodes, about 0.2 microseconds for
 * each. Return: 0; -ENOMEM, and nothing has changed.
 */
int tree_set_max_user_inodes(struct tree *tree, uint64_t max);

/** tree_set_max_inodes() - @max: 0: no limit but memory. Return: 0; -EINVAL there are more. */
int tree_set_max_inodes(struct tree *tree, uint64_t max);

void tree_getattr(const struct tree_inode *inode, struct tree_attr *ret_attr);
mode_t tree_mode(const struct tree_inode *inode);
uint64_t tree_ino(const struct tree_inode *inode);

/*
 * References are the kernel's lookup count. An inode and its payload exist while it has a link or a
 * reference. An open file has a reference, so opens are not counted here.
 */
void tree_ref(struct tree *tree, struct tree_inode *inode, uint64_t count);
/** Drops @count references, or all if there are fewer. May free the inode. */
void tree_unref(struct tree *tree, struct tree_inode *inode, uint64_t count);

/** Counts opens with which the kernel can change pages of a file without a request. */
void tree_add_writers(struct tree *tree, struct tree_inode *inode, int change);
bool tree_has_writers(const struct tree_inode *inode);

/** The payload of a regular file, set by the caller after creation; else NULL. */
void *tree_payload(const struct tree_inode *inode);
/** tree_next_payload() - return the next inode after @ino that has a payload, by number
 *  @ino: begins with 0; receives that of the inode. Return: the payload; NULL: there is none. */
void *tree_next_payload(const struct tree *tree, uint64_t *ino);
/** @payload: NULL if there is one: it is the caller's again */
void tree_set_payload(struct tree *tree, struct tree_inode *inode, void *payload);

/* Namespace. Names are NUL-terminated bytes without '/'. Every ret_inode is borrowed: take a
 * reference under the same lock. Common errors: -ENOTDIR, -ENOENT (also if @dir was removed),
 * -EEXIST, -ENAMETOOLONG, -EINVAL (empty name, or a '/' in it), -ENOMEM, -EMLINK, -EDQUOT
 * (max_user_inodes), -ENOSPC (max_inodes; or 256 names in one directory share a 55-bit hash). */

/** In a removed directory only ".." exists. "." finds @dir itself, which may be of any type: the
 *  kernel uses this to resolve file handles. -ESTALE: the inode has no name any more. */
int tree_lookup(const struct tree *tree, const struct tree_inode *dir, const char *name,
		struct tree_inode **ret_inode);

/**
 * tree_mknod() - make a regular file, directory, special file, FIFO or socket
 * @mode: type (0: a regular file; symbolic links: -EINVAL) and permission bits, before umask
 * The default ACL of @dir replaces caller->umask. In a set-group-id directory the inode gets the
 * group of @dir, and a directory also S_ISGID. Other files with S_ISGID and S_IXGRP lose S_ISGID
 * there unless caller->may_setgid.
 */
int tree_mknod(struct tree *tree, struct tree_inode *dir, const char *name, mode_t mode, dev_t rdev,
	       const struct tree_caller *caller, struct tree_inode **ret_inode);
/** @target: 1 to TREE_SYMLINK_MAX bytes, else -ENOENT, -ENAMETOOLONG. */
int tree_symlink(struct tree *tree, struct tree_inode *dir, const char *name, const char *target,
		 const struct tree_caller *caller, struct tree_inode **ret_inode);
/** An unnamed regular file (O_TMPFILE) with nlink 0; tree_link() can give it a name. Take a
 *  reference at once: nothing else keeps it. */
int tree_tmpfile(struct tree *tree, struct tree_inode *dir, mode_t mode,
		 const struct tree_caller *caller, struct tree_inode **ret_inode);
/** -EPERM for directories; -ENOENT for a file whose last link is gone, but not for one from
 *  tree_tmpfile() that never had a name. */
int tree_link(struct tree *tree, struct tree_inode *inode, struct tree_inode *dir, const char *name,
	      const struct tree_caller *caller);
/** @ret_inode (may be NULL): the unlinked inode; NULL if it was freed. -EISDIR for directories. */
int tree_unlink(struct tree *tree, struct tree_inode *dir, const char *name,
		const struct tree_caller *caller, struct tree_inode **ret_inode);
int tree_rmdir(struct tree *tree, struct tree_inode *dir, const char *name,
	       const struct tree_caller *caller);
/** @flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT (leaves a character device 0:0
 *  under the old name; -EINVAL with RENAME_EXCHANGE). As rename(2): nothing happens if both names
 *  mean the same inode; -EINVAL for a directory into itself; -ENOTEMPTY; -EISDIR; -ENOTDIR;
 *  -EBUSY for "." and "..". */
int tree_rename(struct tree *tree, struct tree_inode *old_dir, const char *old_name,
		struct tree_inode *new_dir, const char *new_name, unsigned flags,
		const struct tree_caller *caller);
/** The target of a symbolic link, NUL-terminated, valid as long as the inode; else NULL. */
const char *tree_readlink(const struct tree_inode *inode);

struct tree_dirent {
	const char *name;
	const struct tree_inode *inode;
	uint64_t cookie; /* for tree_readdir(), to continue after this entry; below 2^63 */
};

/**
 * tree_readdir() - visit the entries after @cookie (0: from the start; "." and ".." come first)
 * @fn: returns false to stop before this entry; continue with the cookie of the previous one
 * An entry that exists from the first call to the last is visited exactly once, even if others are
 * created or removed between the calls. A name that a rename replaces counts as existing all the
 * time. Cost: O(log n) for a call, O(1) for an entry.
 */
int tree_readdir(const struct tree *tree, const struct tree_inode *dir, uint64_t cookie,
		 bool (*fn)(void *arg, const struct tree_dirent *entry), void *arg);

/* Attributes. */

#define TREE_SET_MODE         0x01u
#define TREE_SET_UID          0x02u
#define TREE_SET_GID          0x04u
#define TREE_SET_ATIME        0x08u
#define TREE_SET_MTIME        0x10u
#define TREE_SET_CTIME        0x20u /* else ctime becomes caller->now */
#define TREE_SET_KILL_SUIDGID 0x40u /* drop set-id bits as a write or truncate by others does */
#define TREE_SET_BTIME        0x80u

/** tree_setattr() - chmod, chown, utimes in one; chmod keeps the ACL's mask in step; chown of a
 *  non-directory and TREE_SET_KILL_SUIDGID drop set-id bits (see tree_drop_setid()) and
 *  security.capability, before a mode in the same call is set. The kernel has already dropped
 *  S_ISGID from a chmod by a caller outside the group. Cannot fail. */
int tree_setattr(struct tree *tree, struct tree_inode *inode, unsigned what,
		 const struct tree_attr *attr, const struct tree_caller *caller);

/** Drops the set-id bits; does nothing for directories.
 *  @in_group: the caller is a member of the file's group or has CAP_FSETID; then S_ISGID is dropped
 *  only if S_IXGRP is set, because otherwise it grants no privilege.
 *  Return: whether the mode changed. */
bool tree_drop_setid(struct tree *tree, struct tree_inode *inode, bool in_group);

/** The contents changed: sets mtime and ctime, and drops security.capability, as Linux does. */
void tree_touch_modified(struct tree *tree, struct tree_inode *inode, const struct timespec *now);

enum tree_atime { TREE_ATIME_NEVER, TREE_ATIME_RELATIVE, TREE_ATIME_STRICT };
/** True if an access now updates atime under @policy (relative: as relatime of mount(8)). */
bool tree_atime_due(const struct tree_inode *inode, enum tree_atime policy,
		    const struct timespec *now);
void tree_touch_accessed(struct tree *tree, struct tree_inode *inode, const struct timespec *now);

/* Extended attributes: user.*, trusted.*, security.* and system.posix_acl_{access,default}.
 * Others: -EOPNOTSUPP. get and list with bytes 0 return the size needed; too small: -ERANGE.
 * An access ACL that is equivalent to the mode is not stored. Removing a missing ACL is no error.
 */
ssize_t tree_getxattr(const struct tree_inode *inode, const char *name, void *value, size_t bytes);
/** @flags: XATTR_CREATE (-EEXIST), XATTR_REPLACE (-ENODATA). -E2BIG, -ERANGE (name), -ENOSPC
 *  (TREE_XATTR_LIST_MAX, TREE_XATTR_TOTAL_MAX or max_inodes), -EDQUOT. ACLs: see tree_acl_set(); an
 * ACL without entries removes it.
 *  @clear_sgid: setting an access ACL also drops S_ISGID (caller outside the group). */
int tree_setxattr(struct tree *tree, struct tree_inode *inode, const char *name, const void *value,
		  size_t bytes, int flags, bool clear_sgid, const struct tree_caller *caller);
/** @with_trusted: include trusted.* (privileged callers only). */
ssize_t tree_listxattr(const struct tree_inode *inode, bool with_trusted, char *list, size_t bytes);
int tree_removexattr(struct tree *tree, struct tree_inode *inode, const char *name,
		     const struct tree_caller *caller);
bool tree_has_xattrs(const struct tree_inode *inode);

/** tree_check() - walk everything and verify every invariant (tests, debug builds).
 *  Return: 0; -EUCLEAN after a line on stderr for each breach; -ENOMEM. */
int tree_check(const struct tree *tree);

#endif
