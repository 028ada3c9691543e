/* SPDX-License-Identifier: Apache-2.0 */
/* inode - attributes of inodes, as the kernel sees them, and what changes them. */
#ifndef CXLFS_FUSE_INODE_H
#define CXLFS_FUSE_INODE_H

#include <sys/stat.h>

#include "fuse/core.h"

/* Nobody else changes the volume, so cached attributes and names stay valid: a century. */
#define FS_CACHE_SECONDS (100.0 * 365 * 86400)

/** Attributes for the kernel, and for how many seconds it may cache them. */
struct fs_attr {
	struct stat st;
	struct timespec btime;
	double seconds;
};

struct timespec fs_now(void);

/** Reads the attributes, with the size and the blocks of the data. Lock: tree, shared. */
void fs_attr_get_locked(struct fs *fs, struct tree_inode *inode, struct fs_attr *ret_attr);
/** Fills an entry. Lock: tree, shared. */
void fs_entry_get_locked(struct fs *fs, struct tree_inode *inode,
			 struct fuse_entry_param *ret_entry);
/** The same, and takes the reference that goes with it. */
void fs_entry_locked(struct fs *fs, struct tree_inode *inode, struct fuse_entry_param *ret_entry);
/** Makes the kernel drop its cached attributes of an inode. A thread that serves requests may call
 *  this only for an inode that its request holds open: for another one the kernel may have to wait
 *  for a request. */
void fs_inval_attr(struct fs *fs, uint64_t ino);

/** Whether a change of a file's contents drops its set-id bits. */
enum fs_setid {
	FS_SETID_KEEP,
	FS_SETID_DROP, /* the kernel says that the caller has no CAP_FSETID */
	FS_SETID_ASK,  /* the kernel does not say: look at the caller */
};

/** Drops the set-id bits that the caller may not keep. Takes the locks.
 *  Return: true if the mode has changed. */
bool fs_drop_setid(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid);
/** Returns true if S_ISGID stays when the caller changes the file. Lock: the inode's attributes. */
bool fs_keeps_setgid(fuse_req_t req, const struct tree_inode *inode);
/** Records a change of contents: times, capabilities and set-id bits. Call it before the reply.
 *  Takes the locks. */
void fs_touch_modified(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid);
/** Records that pages changed through a mapping were written. As in Linux only the times change.
 *  Takes the locks. */
void fs_touch_mapped(struct fs *fs, uint64_t ino);
/** Records a read, if the access time policy wants it. Takes the locks. */
void fs_touch_accessed(struct fs *fs, uint64_t ino);
/** The same. Lock: the inode's attributes. Return: true if the access time has changed. */
bool fs_touch_accessed_locked(struct fs *fs, struct tree_inode *inode);

/*
 * ---- file.c: open files ----
 *
 * The kernel may have changed pages of a file that it has not written yet. Only an open file can
 * have them, because the kernel writes them before it sends the release. So opens that can dirty
 * pages are counted.
 */

/** Counts an open with @flags, @change 1, or takes it back, -1. Lock: the inode's attributes. */
void fs_count_open_locked(struct fs *fs, struct tree_inode *inode, int flags, int change);
/** Takes an open back. Takes the locks. */
void fs_uncount_open(struct fs *fs, uint64_t ino, int flags);
/** Returns true if the kernel may have dirty pages of a file. Lock: the inode's attributes. */
bool fs_may_be_dirty_locked(const struct fs *fs, const struct tree_inode *inode);
/** Lets the kernel keep the cache of an open file and close it without a flush. */
void fs_open_flags(struct fuse_file_info *fi);

#endif
