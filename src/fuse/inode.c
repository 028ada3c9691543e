/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <time.h>

/* Nobody else changes the volume, so cached attributes stay true: a century of seconds. */
#define CACHE_SECONDS (100.0 * 365 * 86400)

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
		return CACHE_SECONDS;
	if (fs->config.writeback) /* an open that can dirty pages tells the kernel */
		return found->may_be_dirty && (held == 0 || !fs->no_open) ? 0 : CACHE_SECONDS;
	return held == 0 && size > 0 ? 0 : CACHE_SECONDS;
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
		.entry_timeout = CACHE_SECONDS,
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
		fs_tell_attributes_changed(fs, ino);
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

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_enter(req);
	struct fuse_entry_param entry = { .entry_timeout = CACHE_SECONDS };
	struct tree_inode *dir, *inode;
	int err = -ESTALE;

	if (!fs)
		return;
	fs_read_lock(fs);
	dir = tree_get(fs->tree, parent);
	if (dir)
		err = tree_lookup(fs->tree, dir, name, &inode);
	if (!err)
		fs_entry_locked(fs, inode, &entry);
	fs_unlock(fs);
	if (!err || err == -ENOENT) /* inode number 0 tells the kernel that there is no such name */
		fs_reply_entry(fs, req, &entry);
	else
		fs_reply_err(fs, req, err);
}

static void forget(struct fs *fs, uint64_t ino, uint64_t count)
{
	struct tree_inode *inode = tree_get(fs->tree, ino);

	if (inode)
		tree_unref(fs->tree, inode, count);
}

/* Beside a ring this is the only kind of request that still comes by the file descriptor, and each
 * would wake its thread. While it is away the kernel gathers those that follow into one. */
static void let_gather(const struct fs *fs)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	if (atomic_load_explicit(&fs->rings, memory_order_relaxed))
		nanosleep(&moment, NULL);
}

/* Nothing is answered, and it must work while the volume goes down: no fs_enter() here. */
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct fs *fs = fs_of(req);

	fs_write_lock(fs);
	forget(fs, ino, nlookup);
	fs_unlock(fs);
	fuse_reply_none(req);
	let_gather(fs);
}

/* So many at a time that nobody waits long for the tree. */
#define FORGETS_A_LOCK 128

static void forget_some(struct fs *fs, const struct fuse_forget_data *forgets, size_t count)
{
	fs_write_lock(fs);
	for (size_t i = 0; i < count; i++)
		forget(fs, forgets[i].ino, forgets[i].nlookup);
	fs_unlock(fs);
}

void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fs_of(req);

	for (size_t i = 0; i < count; i += FORGETS_A_LOCK)
		forget_some(fs, forgets + i,
			    count - i < FORGETS_A_LOCK ? count - i : FORGETS_A_LOCK);
	fuse_reply_none(req);
	let_gather(fs);
}

void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);
	struct tree_inode *inode;
	struct fs_attr attr;

	(void)fi;
	if (!fs)
		return;
	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		fs_stat_locked(fs, inode, &attr);
	fs_unlock(fs);
	if (inode)
		fs_reply_attr(fs, req, &attr);
	else
		fs_reply_err(fs, req, -ESTALE);
}

void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_enter(req);
	struct data_volume_stats data;
	uint64_t used, max, room;
	struct statvfs st;

	(void)ino;
	if (!fs)
		return;
	data_volume_get_stats(fs->config.volume, &data);
	fs_read_lock(fs);
	used = tree_nr_inodes(fs->tree);
	max = tree_max_inodes(fs->tree);
	fs_unlock(fs);
	/* Another file with data needs an inode and a resource handle. */
	room = max - used;
	if (room > data.nr_free_handles)
		room = data.nr_free_handles;
	st = (struct statvfs){
		.f_bsize = DATA_BLOCK_BYTES,
		.f_frsize = DATA_BLOCK_BYTES,
		.f_blocks = data.nr_chunks * (data.chunk_bytes / DATA_BLOCK_BYTES),
		.f_bfree = data.nr_free_chunks * (data.chunk_bytes / DATA_BLOCK_BYTES),
		.f_files = used + room,
		.f_ffree = room,
		.f_favail = room,
		.f_namemax = TREE_NAME_MAX,
	};
	st.f_bavail = st.f_bfree;
	fuse_reply_statfs(req, &st);
	fs_leave(fs);
}
