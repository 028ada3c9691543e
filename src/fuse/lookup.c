/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that take and drop the kernel's references: lookup and forget. */
#include <errno.h>
#include <time.h>

#include "base/minmax.h"
#include "fuse/inode.h"
#include "fuse/operations.h"
#include "fuse/request.h"

/* Forgets in one hold of the tree lock, so that other requests need not wait long. */
#define MAX_FORGETS_LOCKED COMMIT_MAX_FREED

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_enter(req);
	struct fuse_entry_param entry = { .entry_timeout = FS_CACHE_SECONDS };
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
	commit_outcome(&fs->commit, REPLICA_OUTCOME_ENTRY, 0, entry.ino, 0);
	fs_unlock(fs);
	if (!err || err == -ENOENT) /* inode number 0: the kernel caches that the name is missing */
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

/* With io_uring only forgets still arrive through the file descriptor, and each would wake a
 * thread. While this thread sleeps, the kernel combines further forgets into one request. */
static void coalesce_forgets(const struct fs *fs)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	if (transport_uses_uring(fs->transport))
		nanosleep(&pause, NULL);
}

/* Of the forgets in this request, those that a process has done that has died. */
static uint64_t nr_done(void)
{
	const struct replica_outcome *outcome = slot_outcome(slot_here());

	return outcome && outcome->kind == REPLICA_OUTCOME_FORGOTTEN ? outcome->value : 0;
}

/* Forgets get no reply and must work while the volume is shut down, so there is no fs_enter(). */
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct fs *fs = fs_of(req);

	fs_write_lock(fs);
	if (!nr_done())
		forget(fs, ino, nlookup);
	commit_outcome(&fs->commit, REPLICA_OUTCOME_FORGOTTEN, 0, 0, 1);
	fs_unlock(fs);
	fuse_reply_none(req);
	coalesce_forgets(fs);
}

/* Those from @first on, up to @end. */
static void forget_some(struct fs *fs, const struct fuse_forget_data *forgets, size_t first,
			size_t end)
{
	fs_write_lock(fs);
	for (size_t i = first; i < end; i++)
		forget(fs, forgets[i].ino, forgets[i].nlookup);
	commit_outcome(&fs->commit, REPLICA_OUTCOME_FORGOTTEN, 0, 0, end);
	fs_unlock(fs);
}

void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fs_of(req);

	for (size_t i = nr_done(); i < count; i += MAX_FORGETS_LOCKED)
		forget_some(fs, forgets, i, min_u64(count, i + MAX_FORGETS_LOCKED));
	fuse_reply_none(req);
	coalesce_forgets(fs);
}
