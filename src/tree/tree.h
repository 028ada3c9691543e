/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - the namespace of a volume: inodes, directories, links, attributes, xattrs, ACLs.
 *
 * A deterministic state machine in memory. Who asks and what time it is come in as arguments;
 * nothing here does I/O, reads a clock, starts a thread or knows FUSE. The same calls in the same
 * order give the same tree, inode numbers and directory order included.
 *
 * Permission to search, read, write and the sticky bit are checked by the kernel (the volume is
 * mounted with default_permissions, which POSIX ACLs need anyway); the tree does what is left to a
 * file system: the effects on modes, owners, times, links, set-group-id inheritance, ACLs.
 *
 * Locks: none inside. The caller excludes writers from everything else; functions that take a
 * const struct tree may run in parallel with one another.
 * Errors: 0 or a count on success, -errno on failure, and then nothing has changed.
 */
#ifndef CXLFS_TREE_TREE_H
#define CXLFS_TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define TREE_ROOT_INO 1
#define TREE_NAME_MAX 255          /* bytes */
#define TREE_SYMLINK_MAX 4095      /* bytes */
#define TREE_XATTR_NAME_MAX 255    /* bytes */
#define TREE_XATTR_VALUE_MAX 65536 /* bytes */
#define TREE_XATTR_TOTAL_MAX (1u << 20) /* bytes of values, for one inode: they fill our memory */
#define TREE_XATTR_LIST_MAX 65536  /* bytes of names with their NULs, for one inode */

struct tree;
struct tree_inode;

struct tree_config {
	uid_t root_uid;
	gid_t root_gid;
	mode_t root_mode;        /* permission bits */
	uint64_t hash_seed;      /* random per volume, so that names cannot be chosen to collide */
	uint64_t max_inodes;     /* 0: no limit but memory */
	uint32_t max_links;      /* 0: the largest there is */
	struct timespec now;
	/** Takes back the payload of a regular file that nobody can reach any more. Must not call
	 *  into the tree. Never NULL. */
	void (*payload_free)(void *arg, void *payload);
	/** The file has no name any more, only references hold the payload: they are about to go,
	 *  unless somebody has the file open. @orphaned false: it got a name. The same rules. May
	 * be NULL. */
	void (*payload_orphaned)(void *arg, void *payload, bool orphaned);
	void *payload_arg;
};

/** Who asks, and when. */
struct tree_caller {
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool may_setgid;  /* member of the group in question, or CAP_FSETID */
	struct timespec now;
};

struct tree_attr {
	uint64_t ino;
	uint64_t generation; /* differs for each inode that had this number; the root's is 0 */
	mode_t mode;
	uint32_t nlink;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	uint64_t size; /* directories: entries; symbolic links: length; others: 0 */
	struct timespec atime, mtime, ctime, btime;
};

int tree_new(const struct tree_config *config, struct tree **ret_tree);
void tree_free(struct tree *tree); /* gives every payload back first; accepts NULL */

/** tree_get() - the inode with a number, or NULL. O(1). Valid until its last reference goes. */
struct tree_inode *tree_get(const struct tree *tree, uint64_t ino);

/** Inodes that live, the root and those without a name included. */
uint64_t tree_nr_inodes(const struct tree *tree);
/** Of the configuration; 0: no limit but memory. */
uint64_t tree_max_inodes(const struct tree *tree);

void tree_getattr(const struct tree_inode *inode, struct tree_attr *ret_attr);
mode_t tree_mode(const struct tree_inode *inode);
uint64_t tree_ino(const struct tree_inode *inode);

/*
 * References. An inode lives while it has a link or a reference (the kernel's lookup count), and so
 * does its payload. Who has a file open, or only looked it up, holds a reference; so opens are not
 * counted.
 */
void tree_ref(struct tree_inode *inode, uint64_t count);
/** A @count above what there is takes all there is. May free the inode. */
void tree_unref(struct tree *tree, struct tree_inode *inode, uint64_t count);

/** Opens that let the kernel change pages of a file without telling; the caller counts them. */
void tree_add_writers(struct tree_inode *inode, int change);
bool tree_has_writers(const struct tree_inode *inode);

/** The payload of a regular file, set once by the caller after creation; NULL before, and once it
 *  was given back. Other types have none. */
void *tree_payload(const struct tree_inode *inode);
void tree_set_payload(struct tree *tree, struct tree_inode *inode, void *payload);

/* Namespace. Names are NUL-terminated bytes without '/'. Every ret_inode is borrowed, unreferenced:
 * take a reference under the same lock. Common errors: -ENOTDIR, -ENOENT (also: @dir was removed),
 * -EEXIST, -ENAMETOOLONG, -EINVAL (empty name, or a '/' in it), -ENOMEM, -EMLINK, -ENOSPC
 * (max_inodes; or 256 names in one directory share a 55-bit hash). */

/** In a removed directory only ".." is found. "." finds @dir itself, which may be of any type: so
 *  the kernel asks for an inode by the number in a file handle. -ESTALE: it has no name any more. */
int tree_lookup(const struct tree *tree, const struct tree_inode *dir, const char *name,
		struct tree_inode **ret_inode);

/**
 * tree_mknod() - make a regular file, directory, special file, FIFO or socket
 * @mode: type (none: a regular file; symbolic links -EINVAL) and permission bits, before umask:
 *        the default ACL of @dir, where there is one, decides instead of caller->umask
 * A set-group-id directory hands down its group, and S_ISGID to directories. A new program that
 * would be set-group-id to that group (S_ISGID and S_IXGRP) loses S_ISGID unless
 * caller->may_setgid.
 */
int tree_mknod(struct tree *tree, struct tree_inode *dir, const char *name, mode_t mode, dev_t rdev,
	       const struct tree_caller *caller, struct tree_inode **ret_inode);
/** @target: 1 to TREE_SYMLINK_MAX bytes, else -ENOENT, -ENAMETOOLONG. */
int tree_symlink(struct tree *tree, struct tree_inode *dir, const char *name, const char *target,
		 const struct tree_caller *caller, struct tree_inode **ret_inode);
/** An unnamed regular file (O_TMPFILE), born with nlink 0; linkable. It lives by references only:
 *  take one at once. */
int tree_tmpfile(struct tree *tree, struct tree_inode *dir, mode_t mode,
		 const struct tree_caller *caller, struct tree_inode **ret_inode);
/** -EPERM for directories; -ENOENT for a file whose last link is gone, but not for one from
 *  tree_tmpfile() that never had a name. */
int tree_link(struct tree *tree, struct tree_inode *inode, struct tree_inode *dir, const char *name,
	      const struct tree_caller *caller);
/** @ret_inode (may be NULL): what lost the link; NULL if it is freed, since nobody held it.
 *  -EISDIR for directories. */
int tree_unlink(struct tree *tree, struct tree_inode *dir, const char *name,
		const struct tree_caller *caller, struct tree_inode **ret_inode);
int tree_rmdir(struct tree *tree, struct tree_inode *dir, const char *name,
	       const struct tree_caller *caller);
/** @flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT (the old name then means a new
 *  character device 0:0; not with RENAME_EXCHANGE: -EINVAL). Everything of rename(2):
 *  same inode is a no-op, directory into itself -EINVAL, -ENOTEMPTY, -EISDIR, -ENOTDIR, ".."
 *  moves; "." and ".." as a name -EBUSY. */
int tree_rename(struct tree *tree, struct tree_inode *old_dir, const char *old_name,
		struct tree_inode *new_dir, const char *new_name, unsigned flags,
		const struct tree_caller *caller);
/** The target of a symbolic link, NUL-terminated, valid as long as the inode; NULL if no link. */
const char *tree_readlink(const struct tree_inode *inode);

struct tree_dirent {
	const char *name;
	const struct tree_inode *inode;
	uint64_t cookie; /* pass it to tree_readdir() to go on after this entry; below 2^63 */
};

/**
 * tree_readdir() - visit the entries after @cookie (0: from the start; "." and ".." come first)
 * @fn: returns false to stop, and is then given the same entry again next time
 * Entries that exist throughout a reading with cookies are seen exactly once, whatever is made
 * or removed in between; a name that is replaced by a rename exists throughout.
 * Cost: O(log n) to find the slot, O(1) an entry.
 */
int tree_readdir(const struct tree *tree, const struct tree_inode *dir, uint64_t cookie,
		 bool (*fn)(void *arg, const struct tree_dirent *entry), void *arg);

/* Attributes. */

#define TREE_SET_MODE       0x01u
#define TREE_SET_UID        0x02u
#define TREE_SET_GID        0x04u
#define TREE_SET_ATIME      0x08u
#define TREE_SET_MTIME      0x10u
#define TREE_SET_CTIME      0x20u /* else ctime becomes caller->now */
#define TREE_SET_KILL_SUIDGID 0x40u /* drop set-id bits as a write or truncate by others does */
#define TREE_SET_BTIME      0x80u

/** tree_setattr() - chmod, chown, utimes in one; chmod keeps the ACL's mask in step; chown of a
 *  non-directory drops set-id bits, see tree_drop_setid(), and security.capability, as does
 *  TREE_SET_KILL_SUIDGID; a mode given along with it is set after that. S_ISGID of a chmod by
 *  somebody outside the group is the kernel's to drop. Cannot fail. */
int tree_setattr(struct tree *tree, struct tree_inode *inode, unsigned what,
		 const struct tree_attr *attr, const struct tree_caller *caller);

/** Drops the set-id bits of a file that is no directory.
 *  @in_group: the caller is a member of the file's group or has CAP_FSETID: S_ISGID then goes only
 *  together with S_IXGRP, since it gives nobody a privilege otherwise.
 *  Return: whether the mode has changed. */
bool tree_drop_setid(struct tree_inode *inode, bool in_group);

/** Note that contents changed: mtime, ctime, and security.capability goes, as Linux has it whoever
 *  writes. */
void tree_touch_modified(struct tree_inode *inode, const struct timespec *now);

enum tree_atime { TREE_ATIME_NEVER, TREE_ATIME_RELATIVE, TREE_ATIME_STRICT };
/** True when an access now would move atime under @policy (relative: as relatime of mount(8)). */
bool tree_atime_due(const struct tree_inode *inode, enum tree_atime policy,
		    const struct timespec *now);
void tree_touch_accessed(struct tree_inode *inode, const struct timespec *now);

/* Extended attributes: user.*, trusted.*, security.* and system.posix_acl_{access,default}.
 * Others: -EOPNOTSUPP. get and list with bytes 0 return the size needed; too small: -ERANGE.
 * Who may see what is the caller's matter: the list has trusted.* in it. An access ACL that says
 * no more than the mode is not kept; removing an ACL that is not there is no error. */
ssize_t tree_getxattr(const struct tree_inode *inode, const char *name, void *value, size_t bytes);
/** @flags: XATTR_CREATE (-EEXIST), XATTR_REPLACE (-ENODATA). -E2BIG, -ERANGE (name), -ENOSPC
 *  (names longer than TREE_XATTR_LIST_MAX in all). ACLs: -EINVAL, -EACCES (a default ACL on no
 *  directory), -EOPNOTSUPP (symbolic links); without entries they are removed.
 *  @clear_sgid: setting an access ACL by somebody outside the group also drops S_ISGID. */
int tree_setxattr(struct tree *tree, struct tree_inode *inode, const char *name, const void *value,
		  size_t bytes, int flags, bool clear_sgid, const struct tree_caller *caller);
/** @with_trusted: names in trusted.* are for privileged callers only. */
ssize_t tree_listxattr(const struct tree_inode *inode, bool with_trusted, char *list, size_t bytes);
int tree_removexattr(struct tree *tree, struct tree_inode *inode, const char *name,
		     const struct tree_caller *caller);
bool tree_has_xattrs(const struct tree_inode *inode);

/** tree_check() - walk everything and verify every invariant (tests, debug builds).
 *  Return: 0; -EUCLEAN after a line on stderr for each breach; -ENOMEM. */
int tree_check(const struct tree *tree);

#endif
