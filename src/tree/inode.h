/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inode - what an inode and a tree are made of, and how long an inode lives.
 *
 * For the files of this layer and its tests only. An inode lives while it has a link, a reference,
 * is open, or is the parent of a removed directory that still lives (so that ".." of such a
 * directory keeps working). Every change that may take the last of these ends with
 * tree_inode_free_if_unused().
 */
#ifndef CXLFS_TREE_INODE_H
#define CXLFS_TREE_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tree/dir.h"
#include "tree/itable.h"
#include "tree/tree.h"

struct tree_xattr;

struct tree {
	struct tree_itable itable;
	uint64_t max_inodes;      /* UINT64_MAX: no limit */
	uint32_t max_links;
	uint64_t next_generation; /* one counter for all, so no number needs a memory of its own */
	uint64_t hash_seed;
	uint64_t hash_mask;       /* all ones, unless a test wants names to collide */
	void *(*alloc)(size_t bytes); /* malloc, unless a test wants memory to run out */
	void (*payload_free)(void *arg, void *payload);
	void (*payload_orphaned)(void *arg, void *payload, bool orphaned);
	void *payload_arg;
};

struct tree_symlink {
	char *target;
	uint32_t bytes; /* without the NUL */
};

struct tree_inode {
	uint64_t ino;
	uint64_t generation;
	uint64_t refs; /* the kernel's lookups */
	uint64_t pins; /* removed directories whose parent this is */
	struct timespec atime, mtime, ctime, btime;
	mode_t mode;
	uint32_t nlink; /* directories: 2 + subdirectories, 0 once removed */
	uid_t uid;
	gid_t gid;
	bool linkable; /* from tree_tmpfile() and still without a name */
	bool orphaned; /* a regular file without a name */
	uint32_t writers; /* see tree_add_writers() */
	struct tree_xattr *xattrs;
	union { /* by file type */
		struct tree_dir dir;
		struct tree_symlink symlink;
		void *payload;
		dev_t rdev;
	};
};

/**
 * tree_inode_new() - an inode without number, link or reference
 * @mode: type and permission bits, final
 * Return: 0; -ENOMEM.
 */
int tree_inode_new(struct tree *tree, mode_t mode, const struct tree_caller *caller,
		   struct tree_inode **ret_inode);

/**
 * tree_inode_make() - an inode for a new name in @dir, without number or link
 * Minds the limit of inodes, the group and the ACL that @dir hands down; reserves a number.
 * Return: 0; -ENOSPC; -ENOMEM.
 */
int tree_inode_make(struct tree *tree, const struct tree_inode *dir, mode_t mode,
		    const struct tree_caller *caller, struct tree_inode **ret_inode);

/** tree_inode_free() - undo tree_inode_new(); hands a payload back, frees entries. Accepts NULL. */
void tree_inode_free(struct tree *tree, struct tree_inode *inode);

/** Gives a number and a generation to an inode; tree_itable_reserve() came before. */
void tree_inode_publish(struct tree *tree, struct tree_inode *inode);

/** tree_inode_set_orphaned() - the payload's owner is told that the file has lost its name, or got
 * one */
void tree_inode_set_orphaned(struct tree *tree, struct tree_inode *inode, bool orphaned);

/**
 * tree_inode_free_if_unused() - let go of an inode that nothing holds, or tell that only references
 * do Return: whether @inode was freed.
 */
bool tree_inode_free_if_unused(struct tree *tree, struct tree_inode *inode);

/** Notes that a directory lost its entry in its parent. The caller settles it. */
void tree_inode_unlink_dir(struct tree_inode *inode, const struct timespec *now);

/** Whether a name can be made or found in it. Return: 0; -ENOTDIR; -ENOENT for a removed one. */
int tree_inode_check_dir(const struct tree_inode *dir);

static inline bool tree_is_dir(const struct tree_inode *inode)
{
	return S_ISDIR(inode->mode);
}

#endif
