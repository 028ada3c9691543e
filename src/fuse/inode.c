/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <time.h>

/* The kernel's own clock for time stamps. With a finer clock a new file could be younger than a later
 * write whose time comes from the kernel. */
struct timespec fs_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

/* Inodes are told with what was found under the attribute lock. */
struct found {
	struct tree_attr attr;
	struct data_file *file; /* NULL: without data, or not a regular file */
	bool may_be_dirty;
};

static void find_locked(struct fs *fs, const struct tree_inode *inode, struct found *ret_found)
{
	bool regular = S_ISREG(tree_mode(inode));

	tree_getattr(inode, &ret_found->attr);
	ret_found->file = tree_payload(inode);
	ret_found->may_be_dirty = regular && fs_may_be_dirty_locked(fs, inode);
}

/* Programs do not read a file without blocks, because it is one hole. So a file reports a block while
 * its pages may be dirty. */
static uint64_t bytes_to_tell(const struct fs *fs, const struct found *found, uint64_t size,
			      uint64_t held)
{
	bool may_have_data = found->may_be_dirty && (size > 0 || fs->config.writeback);

	return held == 0 && may_have_data ? DATA_BLOCK_BYTES : held;
}

/* If an open can change the attributes, the kernel must not keep them: the reply to an open cannot
 * invalidate them. */
static double seconds_to_keep(const struct fs *fs, const struct found *found, uint64_t size,
			      uint64_t held)
{
	if (fs->config.atime == TREE_ATIME_STRICT)
		return 0;
	if (!S_ISREG(found->attr.mode))
		return FS_CACHE_SECONDS;
	if (fs->config.writeback) /* an open that can dirty pages tells the kernel */
		return found->may_be_dirty && (held == 0 || !fs->no_open) ? 0 : FS_CACHE_SECONDS;
	return held == 0 && size > 0 ? 0 : FS_CACHE_SECONDS;
}

static void tell(const struct fs *fs, const struct found *found, struct fs_attr *ret_attr)
{
	const struct tree_attr *attr = &found->attr;
	uint64_t size = attr->size, held = 0;

	if (found->file) {
		size = data_file_size(found->file);
		held = data_file_held_bytes(found->file);
	}
	ret_attr->seconds = seconds_to_keep(fs, found, size, held);
	ret_attr->st = (struct stat){
		.st_ino = attr->ino,
		.st_mode = attr->mode,
		.st_nlink = attr->nlink,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_rdev = attr->rdev,
		.st_size = (off_t)size,
		.st_blksize = DATA_BLOCK_BYTES,
		.st_blocks = (blkcnt_t)(bytes_to_tell(fs, found, size, held) / 512),
		.st_atim = attr->atime,
		.st_mtim = attr->mtime,
		.st_ctim = attr->ctime,
	};
}

void fs_stat_locked(struct fs *fs, struct tree_inode *inode, struct fs_attr *ret_attr)
{
	struct found found;

	fs_attr_lock(fs, inode);
	find_locked(fs, inode, &found);
	fs_attr_unlock(fs, inode);
	tell(fs, &found, ret_attr);
}

void fs_entry_locked(struct fs *fs, struct tree_inode *inode, struct fuse_entry_param *ret_entry)
{
	struct fs_attr attr;
	struct found found;

	fs_attr_lock(fs, inode);
	find_locked(fs, inode, &found);
	tree_ref(inode, 1);
	fs_attr_unlock(fs, inode);
	tell(fs, &found, &attr);
	*ret_entry = (struct fuse_entry_param){
		.ino = found.attr.ino,
		.generation = found.attr.generation,
		.attr = attr.st,
		.attr_timeout = attr.seconds,
		.entry_timeout = FS_CACHE_SECONDS,
	};
}

/* S_ISGID without S_IXGRP gives nobody a privilege, and stays for members of the group. */
bool fs_keeps_setgid(fuse_req_t req, const struct tree_inode *inode)
{
	struct tree_attr attr;

	tree_getattr(inode, &attr);
	return (attr.mode & S_ISGID) && !(attr.mode & S_IXGRP) && fs_caller_in_group(req, attr.gid);
}

bool fs_drop_setid(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid)
{
	struct tree_inode *inode;
	bool changed = false;

	if (setid == FS_SETID_ASK && fs_caller_can(req, CAP_FSETID))
		return false;
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode) {
		fs_attr_lock(fs, inode);
		changed = tree_drop_setid(inode, fs_keeps_setgid(req, inode));
		fs_attr_unlock(fs, inode);
	}
	fs_unlock(fs);
	return changed;
}

void fs_touch_modified(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid)
{
	struct timespec now = fs_now();
	struct tree_inode *inode;
	bool has_setid;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	fs_attr_lock(fs, inode);
	tree_touch_modified(inode, &now);
	has_setid = tree_mode(inode) & (S_ISUID | S_ISGID);
	fs_attr_unlock(fs, inode);
	fs_unlock(fs);
	/* The kernel must not run the file with the old mode once the change is answered. */
	if (has_setid && setid != FS_SETID_KEEP && fs_drop_setid(fs, req, ino, setid))
		fs_inval_attr(fs, ino);
}

void fs_touch_mapped(struct fs *fs, uint64_t ino)
{
	const struct tree_caller caller = { .now = fs_now() };
	const struct tree_attr attr = { .mtime = caller.now };
	struct tree_inode *inode;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	fs_attr_lock(fs, inode);
	(void)tree_setattr(fs->tree, inode, TREE_SET_MTIME, &attr, &caller);
	fs_attr_unlock(fs, inode);
	fs_unlock(fs);
}

void fs_touch_accessed(struct fs *fs, uint64_t ino)
{
	struct timespec now;
	struct tree_inode *inode;

	if (fs->atime == TREE_ATIME_NEVER)
		return;
	now = fs_now();
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	fs_attr_lock(fs, inode);
	if (tree_atime_due(inode, fs->atime, &now))
		tree_touch_accessed(inode, &now);
	fs_attr_unlock(fs, inode);
	fs_unlock(fs);
}
