/* SPDX-License-Identifier: Apache-2.0 */
/* request - how a request begins, who sent it, and how it is answered. */
#ifndef CXLFS_FUSE_REQUEST_H
#define CXLFS_FUSE_REQUEST_H

#include <sys/stat.h>

#include "fuse/core.h"

/* ---- request.c: begin and end ---- */

/**
 * fs_enter() - begin a request
 * Call fs_leave() once after its reply.
 * Return: the file system; NULL: the request has been answered, because the file system is shutting
 * down, or because another process has executed it.
 */
struct fs *fs_enter(fuse_req_t req);
/** fs_leave() - end a request. After the last one @fs may be freed at any time. */
void fs_leave(struct fs *fs);
/** fs_await_idle() - wait until no request is under way; none may be taken meanwhile
 *  Return: 0; -ETIMEDOUT @deadline_ns by clock_now_ns() has passed. */
int fs_await_idle(struct fs *fs, uint64_t deadline_ns);
/** fs_hold() - keep @fs until one more fs_leave(). Call it during a request. */
void fs_hold(struct fs *fs);

/** struct fs_change - a request that changes the tree; tree_lock is held for writing. */
struct fs_change {
	struct fs *fs;
	fuse_req_t req;
	struct tree_caller caller;
	struct tree_inode *inode; /* that the request names: the parent of a name */
};

/** fs_change_begin() - begin a request that changes the tree at inode @ino
 *  Return: true: end it with fs_change_end(); false: it has been answered. */
bool fs_change_begin(struct fs_change *change, fuse_req_t req, uint64_t ino);
/** fs_change_end() - unlock the tree and reply with 0 or a negative errno */
void fs_change_end(const struct fs_change *change, int err);

/* ---- reply.c: each of these replies and then calls fs_leave() ---- */

/** @err: 0 or a negative errno */
void fs_reply_err(struct fs *fs, fuse_req_t req, int err);
/** Drops the reference that was taken for @entry if the reply cannot be delivered. */
void fs_reply_entry(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *entry);
/** These two also take back the count of the open. */
void fs_reply_create(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *entry,
		     const struct fuse_file_info *fi);
void fs_reply_open(struct fs *fs, fuse_req_t req, uint64_t ino, const struct fuse_file_info *fi);
/** Replies with the attributes of an inode, or -ESTALE. In attr.c. */
void fs_reply_attr(struct fs *fs, fuse_req_t req, uint64_t ino);
void fs_reply_buf(struct fs *fs, fuse_req_t req, const void *buf, size_t bytes);
void fs_reply_write(struct fs *fs, fuse_req_t req, size_t bytes);

/* ---- caller.c: the process behind a request ---- */

/** Returns the caller's user, group and umask, and the time now. */
struct tree_caller fs_caller(fuse_req_t req);
/** Returns true if the caller has a capability (CAP_FSETID...) outside of user namespaces. Reads
 *  /proc, which is slow; a caller that is not visible there has none. */
bool fs_caller_can(fuse_req_t req, int capability);
/** Returns true if the caller is a member of @gid or has CAP_FSETID. Slow unless @gid is the
 *  caller's first group. */
bool fs_caller_in_group(fuse_req_t req, gid_t gid);

#endif
