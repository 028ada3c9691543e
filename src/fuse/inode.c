/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes that the kernel gets, and the changes of times and set-id bits by requests. */
#include "fuse/inode.h"

#include <errno.h>
#include <linux/capability.h>
#include <time.h>

#include "fuse/request.h"

/* The clock that the kernel uses for time stamps. With a finer clock a new file could look younger
 * than a later write whose time comes from the kernel. */
struct timespec fs_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

/* A copy made under the attribute lock. */
struct snapshot {
	struct tree_attr attr;
	struct data_file *file; /* NULL: without data, or not a regular file */
	bool may_be_dirty;
};

static void take_snapshot_locked(struct fs *fs, const struct tree_inode *inode,
				 struct snapshot *ret_snapshot)
{
	bool regular = S_ISREG(tree_mode(inode));

	tree_getattr(inode, &ret_snapshot->attr);
	ret_snapshot->file = tree_payload(inode);
	ret_snapshot->may_be_dirty = regular && fs_may_be_dirty_locked(fs, inode);
}

/* Some programs do not read a file without blocks because it must be one hole. So a file reports a
 * block while its pages may be dirty. */
static uint64_t bytes_to_report(const struct fs *fs, const struct snapshot *snapshot, uint64_t size,
				uint64_t held)
{
	bool may_have_data = snapshot->may_be_dirty && (size > 0 || fs->config.writeback);

	return held == 0 && may_have_data ? DATA_BLOCK_BYTES : held;
}

/* If an open can change the attributes, the kernel must not cache them, because the reply to an
 * open cannot invalidate them. */
static double seconds_to_cache(const struct fs *fs, const struct snapshot *snapshot, uint64_t size,
			       uint64_t held)
{
	if (fs->config.atime == TREE_ATIME_STRICT)
		return 0;
	if (!S_ISREG(snapshot->attr.mode))
		return FS_CACHE_SECONDS;
	if (fs->config.writeback) /* opens that can dirty pages invalidate them */
		return snapshot->may_be_dirty && (held == 0 || !fs->no_open) ? 0 : FS_CACHE_SECONDS;
	return held == 0 && size > 0 ? 0 : FS_CACHE_SECONDS;
}

static void fill_attr(const struct fs *fs, const struct snapshot *snapshot,
		      struct fs_attr *ret_attr)
{
	const struct tree_attr *attr = &snapshot->attr;
	uint64_t size = attr->size, held = 0;

	if (snapshot->file) {
		size = data_file_size(snapshot->file);
		held = data_file_allocated_bytes(snapshot->file);
	}
	ret_attr->seconds = seconds_to_cache(fs, snapshot, size, held);
	ret_attr->st = (struct stat){
		.st_ino = attr->ino,
		.st_mode = attr->mode,
		.st_nlink = attr->nlink,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_rdev = attr->rdev,
		.st_size = (off_t)size,
		.st_blksize = DATA_BLOCK_BYTES,
		.st_blocks = (blkcnt_t)(bytes_to_report(fs, snapshot, size, held) / 512),
		.st_atim = attr->atime,
		.st_mtim = attr->mtime,
		.st_ctim = attr->ctime,
	};
	ret_attr->btime = attr->btime;
}

void fs_attr_get_locked(struct fs *fs, struct tree_inode *inode, struct fs_attr *ret_attr)
{
	struct snapshot snapshot;

	fs_attr_lock(fs, inode);
	take_snapshot_locked(fs, inode, &snapshot);
	fs_attr_unlock(fs, inode);
	fill_attr(fs, &snapshot, ret_attr);
}

static void fill_entry(const struct fs *fs, const struct snapshot *snapshot,
		       struct fuse_entry_param *ret_entry)
{
	struct fs_attr attr;

	fill_attr(fs, snapshot, &attr);
	*ret_entry = (struct fuse_entry_param){
		.ino = snapshot->attr.ino,
		.generation = snapshot->attr.generation,
		.attr = attr.st,
		.attr_timeout = attr.seconds,
		.entry_timeout = FS_CACHE_SECONDS,
	};
}

void fs_entry_get_locked(struct fs *fs, struct tree_inode *inode,
			 struct fuse_entry_param *ret_entry)
{
	struct snapshot snapshot;

	fs_attr_lock(fs, inode);
	take_snapshot_locked(fs, inode, &snapshot);
	fs_attr_unlock(fs, inode);
	fill_entry(fs, &snapshot, ret_entry);
}

void fs_entry_locked(struct fs *fs, struct tree_inode *inode, struct fuse_entry_param *ret_entry)
{
	struct snapshot snapshot;

	fs_attr_lock(fs, inode);
	take_snapshot_locked(fs, inode, &snapshot);
	tree_ref(fs->tree, inode, 1);
	fs_attr_unlock(fs, inode);
	fill_entry(fs, &snapshot, ret_entry);
}

/* S_ISGID without S_IXGRP gives no privilege, so it stays if a member of the group changes the
 * file. */
bool fs_keeps_setgid(fuse_req_t req, const struct tree_inode *inode)
{
	struct tree_attr attr;

	tree_getattr(inode, &attr);
	return (attr.mode & S_ISGID) && !(attr.mode & S_IXGRP) && fs_caller_in_group(req, attr.gid);
}

bool fs_drop_setid(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid)
{
	struct tree_inode *inode;
	bool changed;

	if (setid == FS_SETID_ASK && fs_caller_can(req, CAP_FSETID))
		return false;
	inode = fs_inode_lock(fs, ino);
	if (!inode)
		return false;
	changed = tree_drop_setid(fs->tree, inode, fs_keeps_setgid(req, inode));
	fs_inode_unlock(fs, inode);
	return changed;
}

void fs_touch_modified(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid)
{
	struct timespec now = fs_now();
	struct tree_inode *inode = fs_inode_lock(fs, ino);
	bool has_setid;

	tree_touch_modified(fs->tree, inode, &now);
	has_setid = tree_mode(inode) & (S_ISUID | S_ISGID);
	fs_inode_unlock(fs, inode);
	/* After the reply the kernel must not run the file with the old mode. */
	if (has_setid && setid != FS_SETID_KEEP && fs_drop_setid(fs, req, ino, setid))
		fs_inval_attr(fs, ino);
}

void fs_touch_mapped(struct fs *fs, uint64_t ino)
{
	const struct tree_caller caller = { .now = fs_now() };
	const struct tree_attr attr = { .mtime = caller.now };
	struct tree_inode *inode = fs_inode_lock(fs, ino);

	(void)tree_setattr(fs->tree, inode, TREE_SET_MTIME, &attr, &caller);
	fs_inode_unlock(fs, inode);
}

bool fs_touch_accessed_locked(struct fs *fs, struct tree_inode *inode)
{
	struct timespec now;

	if (fs->atime == TREE_ATIME_NEVER)
		return false;
	now = fs_now();
	if (!tree_atime_due(inode, fs->atime, &now))
		return false;
	tree_touch_accessed(fs->tree, inode, &now);
	return true;
}

void fs_touch_accessed(struct fs *fs, uint64_t ino)
{
	struct tree_inode *inode;

	if (fs->atime == TREE_ATIME_NEVER)
		return;
	inode = fs_inode_lock(fs, ino);
	(void)fs_touch_accessed_locked(fs, inode);
	fs_inode_unlock(fs, inode);
}
