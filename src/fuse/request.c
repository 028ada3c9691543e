/* SPDX-License-Identifier: Apache-2.0 */
/* The begin and the end of a request, and the locks that it takes. */
#include "fuse/request.h"

#include <errno.h>

#include "base/clock.h"

/* In nr_active. */
#define FS_REFUSING  0x80000000u /* new requests get ENOTCONN */
#define FS_WATCHED   0x40000000u /* a thread waits until no request is under way */
#define FS_NR_ACTIVE 0x3fffffffu

struct fs *fs_enter(fuse_req_t req)
{
	struct fs *fs = fs_of(req);

	if (!atomic_load_explicit(&fs->in_use, memory_order_relaxed))
		fs_note_in_use(fs);
	if (atomic_fetch_add(&fs->nr_active, 1) & FS_REFUSING) {
		fuse_reply_err(req, ENOTCONN);
		fs_leave(fs);
		return NULL;
	}
	if (fs->answer_first && fs->answer_first(fs, req))
		return NULL;
	return fs;
}

void fs_hold(struct fs *fs)
{
	atomic_fetch_add_explicit(&fs->nr_active, 1, memory_order_relaxed);
}

/* Who waits reads the count under the lock, so it cannot see 0 before the last thread has released
 * the lock. After that the file system may be freed. */
static void leave_watched(struct fs *fs)
{
	pthread_mutex_lock(&fs->quiesce_lock);
	if ((atomic_fetch_sub(&fs->nr_active, 1) & FS_NR_ACTIVE) == 1)
		pthread_cond_broadcast(&fs->quiesced);
	pthread_mutex_unlock(&fs->quiesce_lock);
}

void fs_leave(struct fs *fs)
{
	uint32_t nr = atomic_load_explicit(&fs->nr_active, memory_order_relaxed);

	while (!(nr & FS_WATCHED))
		if (atomic_compare_exchange_weak(&fs->nr_active, &nr, nr - 1))
			return;
	leave_watched(fs);
}

void fs_quiesce(struct fs *fs)
{
	fs_end_session(fs);
	atomic_fetch_or(&fs->nr_active, FS_REFUSING | FS_WATCHED);
	pthread_mutex_lock(&fs->quiesce_lock);
	while (atomic_load(&fs->nr_active) & FS_NR_ACTIVE)
		pthread_cond_wait(&fs->quiesced, &fs->quiesce_lock);
	pthread_mutex_unlock(&fs->quiesce_lock);
}

/* fs_quiesce() may be waiting too. */
static void stop_watching(struct fs *fs)
{
	uint32_t nr = atomic_load(&fs->nr_active);

	while (!(nr & FS_REFUSING) &&
	       !atomic_compare_exchange_weak(&fs->nr_active, &nr, nr & ~FS_WATCHED))
		;
}

int fs_await_idle(struct fs *fs, uint64_t deadline_ns)
{
	const struct timespec deadline = clock_timespec(deadline_ns);
	int err = 0;

	atomic_fetch_or(&fs->nr_active, FS_WATCHED);
	pthread_mutex_lock(&fs->quiesce_lock);
	while (!err && (atomic_load(&fs->nr_active) & FS_NR_ACTIVE))
		err = pthread_cond_clockwait(&fs->quiesced, &fs->quiesce_lock, CLOCK_MONOTONIC,
					     &deadline);
	pthread_mutex_unlock(&fs->quiesce_lock);
	stop_watching(fs);
	return -err;
}

struct tree_inode *fs_inode_lock(struct fs *fs, uint64_t ino)
{
	struct tree_inode *inode;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		fs_attr_lock(fs, inode);
	else
		fs_unlock(fs);
	return inode;
}

void fs_inode_unlock(struct fs *fs, const struct tree_inode *inode)
{
	if (fs->commit.journal)
		commit_now(&fs->commit);
	fs_attr_unlock(fs, inode);
	pthread_rwlock_unlock(&fs->tree_lock);
}

bool fs_change_begin(struct fs_change *change, fuse_req_t req, uint64_t ino)
{
	struct fs *fs = fs_enter(req);

	if (!fs)
		return false;
	fs_write_lock(fs);
	*change = (struct fs_change){
		.fs = fs, .req = req, .caller = fs_caller(req), .inode = tree_get(fs->tree, ino)
	};
	if (!change->inode)
		fs_change_end(change, -ESTALE);
	return change->inode;
}

void fs_change_end(const struct fs_change *change, int err)
{
	commit_outcome(&change->fs->commit, REPLICA_OUTCOME_ERROR, err, 0, 0);
	fs_unlock(change->fs);
	fs_reply_err(change->fs, change->req, err);
}
