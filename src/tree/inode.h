/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inode - struct tree, struct tree_inode, and the lifetime of an inode.
 *
 * For the files of this layer and its tests only. An inode exists while it has a link, a reference,
 * or is the parent of a removed directory that still exists, whose ".." must keep working. Every
 * change that may remove the last of these calls tree_inode_free_if_unused().
 */
#ifndef CXLFS_TREE_INODE_H
#define CXLFS_TREE_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tree/change.h"
#include "tree/dir.h"
#include "tree/itable.h"
#include "tree/quota.h"
#include "tree/tree.h"

struct tree_xattr;

struct tree {
	struct tree_itable itable;
	struct tree_quota quota;
	uint32_t max_links;
	uint64_t next_generation; /* one counter for all inodes */
	uint64_t hash_seed;
	uint64_t hash_mask;           /* all ones; tests reduce it to make names collide */
	void *(*alloc)(size_t bytes); /* malloc, or a replacement in tests */
	void (*payload_free)(void *arg, void *payload);
	void (*payload_orphaned)(void *arg, void *payload, bool orphaned);
	void *payload_arg;
	void (*changed)(void *arg, const struct tree_change *change);
	void *changed_arg;
};

/** Reports a change; the arguments initialize a struct tree_change. Costs nothing if there
 *  is no receiver. */
#define TREE_CHANGED(tree, ...)                                                      \
	do {                                                                         \
		if ((tree)->changed)                                                 \
			(tree)->changed((tree)->changed_arg,                         \
					&(const struct tree_change){ __VA_ARGS__ }); \
	} while (0)

struct tree_symlink {
	char *target;
	uint32_t bytes; /* without the NUL */
};

struct tree_inode {
	uint64_t ino;
	uint64_t generation;
	uint64_t refs; /* the kernel's lookup count */
	uint64_t pins; /* removed directories that have this as their parent */
	struct timespec atime, mtime, ctime, btime;
	mode_t mode;
	uint32_t nlink; /* directories: 2 + subdirectories, 0 once removed */
	uid_t uid;
	gid_t gid;
	bool linkable;     /* from tree_tmpfile() and never had a name */
	bool orphaned;     /* a regular file without a name */
	uint32_t writers;  /* see tree_add_writers() */
	uid_t charged_uid; /* these two: see quota.h */
	uint64_t charged;
	struct tree_xattr *xattrs;
	union { /* by file type */
		struct tree_dir dir;
		struct tree_symlink symlink;
		void *payload;
		dev_t rdev;
	};
};

/** tree_new_empty() - as tree_new(), but without a root. */
int tree_new_empty(const struct tree_config *config, struct tree **ret_tree);

/** Return: whether the type in @mode is one that an inode can have. */
bool tree_inode_is_type(mode_t mode);

/**
 * tree_inode_new() - allocate an inode without number, link or reference
 * @mode: type and permission bits, final
 * Return: 0; -ENOMEM.
 */
int tree_inode_new(struct tree *tree, mode_t mode, const struct tree_caller *caller,
		   struct tree_inode **ret_inode);

/**
 * tree_inode_make() - allocate an inode for a new name in @dir, without number or link
 * Checks the limit of inodes, inherits group and ACL from @dir, and reserves a number.
 * Return: 0; -ENOSPC; -EDQUOT; -ENOMEM.
 */
int tree_inode_make(struct tree *tree, const struct tree_inode *dir, mode_t mode,
		    const struct tree_caller *caller, struct tree_inode **ret_inode);

/** tree_inode_free() - free an inode with its payload and entries. Accepts NULL. */
void tree_inode_free(struct tree *tree, struct tree_inode *inode);

/** Gives an inode a number and a generation; call tree_itable_reserve() first. */
void tree_inode_publish(struct tree *tree, struct tree_inode *inode);

/** tree_inode_set_orphaned() - call payload_orphaned() if the state changes */
void tree_inode_set_orphaned(struct tree *tree, struct tree_inode *inode, bool orphaned);

/**
 * tree_inode_free_if_unused() - free an inode without links, references and pins
 * Marks a file that only references keep as orphaned. May free removed parent directories too.
 * Return: whether @inode was freed.
 */
bool tree_inode_free_if_unused(struct tree *tree, struct tree_inode *inode);

/** Updates links and pins of a removed directory; then call tree_inode_free_if_unused(). */
void tree_inode_unlink_dir(struct tree_inode *inode, const struct timespec *now);

/** Return: 0; -ENOTDIR; -ENOENT if @dir was removed. */
int tree_inode_check_dir(const struct tree_inode *dir);

static inline bool tree_is_dir(const struct tree_inode *inode)
{
	return S_ISDIR(inode->mode);
}

#endif
