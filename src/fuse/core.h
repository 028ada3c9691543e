/* SPDX-License-Identifier: Apache-2.0 */
/* core - the state of a file system, and its locks. Only fuse/ and its tests include it. */
#ifndef CXLFS_FUSE_CORE_H
#define CXLFS_FUSE_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "fuse/commit.h"
#include "fuse/fs.h"

struct fs_io_pool;
struct fs_blocking;

#define FS_NR_ATTR_LOCKS 64

/* A mutex with a cache line of its own, so that neighbours in the array do not slow each other. */
struct fs_attr_lock {
	pthread_mutex_t mutex;
} __attribute__((aligned(64)));

struct fs {
	struct fs_config config;       /* set before threads start */
	_Atomic enum tree_atime atime; /* the present policy; config.atime is that of the start */
	struct tree *tree;             /* names and links: protected by tree_lock */
	pthread_rwlock_t tree_lock;
	/* An inode's references, times, set-id bits and payload pointer are protected by its
	 * attribute lock together with a shared tree_lock, or by tree_lock held for writing. */
	struct fs_attr_lock attr_locks[FS_NR_ATTR_LOCKS];
	struct fs_io_pool *pool;
	struct fs_blocking *blocking;
	struct transport *transport;
	struct fuse_session *session; /* set before the mount */
	pthread_mutex_t notify_lock;
	bool may_notify;         /* protected by notify_lock: the session exists */
	struct fs_limits limits; /* as given; protected by limits_lock, taken before all others */
	pthread_mutex_t limits_lock;
	_Atomic bool in_use;  /* config.in_use() was called or is about to be */
	bool is_adopted;      /* the connection is that of another process */
	uint64_t seed;        /* of the hashes of the tree that fs_new() made */
	struct commit commit; /* what requests change */
	bool read_only;       /* see takeover/takeover.h; set before the session starts */

	/** Set by takeover/ before the session starts: called at the begin of each request.
	 * Return: true: it has answered the request and called fs_leave(). May be NULL. */
	bool (*answer_first)(struct fs *fs, fuse_req_t req);

	/* Set by INIT, before any other request. */
	bool no_opendir; /* the kernel opens directories without a request */
	bool no_open;    /* the same for files */
	struct fs_agreed agreed;

	_Atomic uint32_t nr_active; /* requests under way, and flags: see request.c */
	pthread_mutex_t quiesce_lock;
	pthread_cond_t quiesced;
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline void fs_read_lock(struct fs *fs)
{
	pthread_rwlock_rdlock(&fs->tree_lock);
}

static inline void fs_write_lock(struct fs *fs)
{
	pthread_rwlock_wrlock(&fs->tree_lock);
}

/* Commits what was changed under the lock, and references taken under attribute locks: they add up
 * in any order, and are dropped only under the lock for writing. */
static inline void fs_unlock(struct fs *fs)
{
	if (fs->commit.journal)
		commit_now(&fs->commit);
	pthread_rwlock_unlock(&fs->tree_lock);
}

static inline pthread_mutex_t *fs_attr_mutex(struct fs *fs, const struct tree_inode *inode)
{
	return &fs->attr_locks[tree_ino(inode) % FS_NR_ATTR_LOCKS].mutex;
}

static inline void fs_attr_lock(struct fs *fs, const struct tree_inode *inode)
{
	pthread_mutex_lock(fs_attr_mutex(fs, inode));
}

static inline void fs_attr_unlock(struct fs *fs, const struct tree_inode *inode)
{
	pthread_mutex_unlock(fs_attr_mutex(fs, inode));
}

/** fs_inode_lock() - find an inode; takes the shared tree lock and the inode's attribute lock.
 *  Return: end with fs_inode_unlock(); NULL if it does not exist, and then no lock is held. */
struct tree_inode *fs_inode_lock(struct fs *fs, uint64_t ino);
void fs_inode_unlock(struct fs *fs, const struct tree_inode *inode);

/* ---- lifetime.c ---- */

/** fs_tree_config() - return the configuration for a tree of @fs, without a seed */
struct tree_config fs_tree_config(struct fs *fs);

/* ---- session.c ---- */

/** fs_note_in_use() - call config.in_use() once, on a thread that may block. A request after INIT
 *  has arrived: the kernel holds all others back until it has the reply to INIT. */
void fs_note_in_use(struct fs *fs);

/** How libfuse sends and receives if there may be rings. */
extern const struct fuse_custom_io fs_ring_io;

#endif
