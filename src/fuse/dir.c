/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on directories. Cookies come from the tree and stay valid across any change. */
#include <errno.h>

#include "fuse/inode.h"
#include "fuse/operations.h"
#include "fuse/request.h"

struct reading {
	struct fs *fs;
	fuse_req_t req;
	char *buf;
	size_t bytes, used;
	bool plus;
};

/* The kernel ignores attributes of "." and ".." in readdirplus, and takes no reference to them. */
static bool is_dot_or_dot_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static size_t add_plain(struct reading *r, const struct tree_dirent *entry)
{
	struct stat st = {
		.st_ino = tree_ino(entry->inode),
		.st_mode = tree_mode(entry->inode),
	};

	return fuse_add_direntry(r->req, r->buf + r->used, r->bytes - r->used, entry->name, &st,
				 (off_t)entry->cookie);
}

static size_t add_plus(struct reading *r, const struct tree_dirent *entry)
{
	/* Not const: fs_entry_locked() takes a reference. */
	struct tree_inode *inode = tree_get(r->fs->tree, tree_ino(entry->inode));
	struct fuse_entry_param param = { 0 };
	size_t room = r->bytes - r->used;
	size_t need = fuse_add_direntry_plus(r->req, NULL, 0, entry->name, &param, 0);

	if (need > room)
		return need;
	if (is_dot_or_dot_dot(entry->name)) {
		param.attr.st_ino = tree_ino(inode);
		param.attr.st_mode = tree_mode(inode);
	} else {
		fs_entry_locked(r->fs, inode, &param);
	}
	return fuse_add_direntry_plus(r->req, r->buf + r->used, room, entry->name, &param,
				      (off_t)entry->cookie);
}

static bool add_entry(void *arg, const struct tree_dirent *entry)
{
	struct reading *r = arg;
	size_t need;

	if (r->plus && !commit_has_room(&r->fs->commit))
		return false;
	need = r->plus ? add_plus(r, entry) : add_plain(r, entry);

	if (need > r->bytes - r->used)
		return false;
	r->used += need;
	return true;
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off, bool plus)
{
	struct fs *fs = fs_enter(req);
	struct reading r = { .fs = fs, .req = req, .plus = plus };
	struct tree_inode *dir;
	int err = -ESTALE;

	if (!fs)
		return;
	r.buf = slot_here()->payload;
	r.bytes = bytes < SLOT_PAYLOAD_BYTES ? bytes : SLOT_PAYLOAD_BYTES;
	fs_read_lock(fs);
	dir = tree_get(fs->tree, ino);
	if (dir)
		err = tree_readdir(fs->tree, dir, (uint64_t)off, add_entry, &r);
	commit_outcome(&fs->commit, REPLICA_OUTCOME_LISTED, 0, ino, 0);
	fs_unlock(fs);
	if (err) {
		fs_reply_err(fs, req, err);
	} else {
		fs_touch_accessed(fs, ino);
		fs_reply_buf(fs, req, r.buf, r.used);
	}
}

void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off,
		   struct fuse_file_info *fi)
{
	(void)fi;
	read_directory(req, ino, bytes, off, false);
}

void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	read_directory(req, ino, bytes, off, true);
}

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_enter(req);

	(void)ino;
	if (!fs)
		return;
	/* -ENOSYS: the kernel opens and caches every directory without a request from now on. */
	if (fs->no_opendir) {
		fs_reply_err(fs, req, -ENOSYS);
		return;
	}
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
	fuse_reply_open(req, fi);
	fs_leave(fs);
}
