/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/internal.h"

#include <errno.h>

#define FS_QUIESCING 0x80000000u

static void tell_in_use(struct fs_io *io)
{
	io->fs->config.in_use(io->fs->config.in_use_arg);
	fs_io_put(io);
}

/* The kernel holds every request back until it has taken the answer to INIT. */
static void note_in_use(struct fs *fs)
{
	struct fs_io *io;

	if (atomic_exchange(&fs->in_use, true) || !fs->config.in_use)
		return;
	io = fs_io_get(fs, NULL, 0);
	if (!io)
		return;
	io->done = tell_in_use;
	fs_blocking_run(fs->blocking, io);
}

struct fs *fs_enter(fuse_req_t req)
{
	struct fs *fs = fs_of(req);

	if (!atomic_load_explicit(&fs->in_use, memory_order_relaxed))
		note_in_use(fs);
	if (atomic_fetch_add(&fs->nr_active, 1) & FS_QUIESCING) {
		fuse_reply_err(req, ENOTCONN);
		fs_leave(fs);
		return NULL;
	}
	return fs;
}

void fs_hold(struct fs *fs)
{
	atomic_fetch_add_explicit(&fs->nr_active, 1, memory_order_relaxed);
}

/* fs_quiesce() reads the count under the lock, so it sees 0 only after the last thread has released
 * the lock. Then the file system may be freed. */
static void leave_quiescing(struct fs *fs)
{
	pthread_mutex_lock(&fs->quiesce_lock);
	if (atomic_fetch_sub(&fs->nr_active, 1) == (FS_QUIESCING | 1))
		pthread_cond_broadcast(&fs->quiesced);
	pthread_mutex_unlock(&fs->quiesce_lock);
}

void fs_leave(struct fs *fs)
{
	uint32_t nr = atomic_load_explicit(&fs->nr_active, memory_order_relaxed);

	while (!(nr & FS_QUIESCING))
		if (atomic_compare_exchange_weak(&fs->nr_active, &nr, nr - 1))
			return;
	leave_quiescing(fs);
}

struct fs *fs_enter_names(fuse_req_t req)
{
	struct fs *fs = fs_enter(req);

	if (fs && fs->config.physical) {
		fs_reply_err(fs, req, -EPERM);
		return NULL;
	}
	return fs;
}

void fs_quiesce(struct fs *fs)
{
	fs_end_session(fs);
	atomic_fetch_or(&fs->nr_active, FS_QUIESCING);
	pthread_mutex_lock(&fs->quiesce_lock);
	while (atomic_load(&fs->nr_active) != FS_QUIESCING)
		pthread_cond_wait(&fs->quiesced, &fs->quiesce_lock);
	pthread_mutex_unlock(&fs->quiesce_lock);
}

void fs_read_lock(struct fs *fs)
{
	pthread_rwlock_rdlock(&fs->tree_lock);
}

void fs_write_lock(struct fs *fs)
{
	pthread_rwlock_wrlock(&fs->tree_lock);
}

void fs_unlock(struct fs *fs)
{
	pthread_rwlock_unlock(&fs->tree_lock);
}

static pthread_mutex_t *attr_mutex(struct fs *fs, const struct tree_inode *inode)
{
	return &fs->attr_locks[tree_ino(inode) % FS_NR_ATTR_LOCKS].mutex;
}

void fs_attr_lock(struct fs *fs, const struct tree_inode *inode)
{
	pthread_mutex_lock(attr_mutex(fs, inode));
}

void fs_attr_unlock(struct fs *fs, const struct tree_inode *inode)
{
	pthread_mutex_unlock(attr_mutex(fs, inode));
}
