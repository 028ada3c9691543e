/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fuse/ share. Only they and their tests include it. */
#ifndef CXLFS_FUSE_INTERNAL_H
#define CXLFS_FUSE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/thread_blocks.h"
#include "fuse/commit.h"
#include "fuse/fs.h"
#include "fuse/transport/transport.h"

struct fs_io_pool;
struct fs_blocking;

#define FS_NR_ATTR_LOCKS 64

/* Forgets in one hold of the tree lock, so that other requests need not wait long. */
#define FS_MAX_FORGETS_LOCKED 128

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
	_Atomic bool in_use; /* config.in_use() was called or is about to be */
	bool is_adopted;     /* the connection is that of another process */
	uint64_t seed;       /* of the hashes of the tree that fs_new() made */

	/* See commit.h. */
	struct journal *journal; /* NULL: nobody follows; set before the session starts */
	struct thread_blocks groups;
	bool read_only; /* see takeover/takeover.h; set before the session starts */

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

/* ---- session.c ---- */

/** fs_tree_config() - return the configuration for a tree of @fs, without a seed */
struct tree_config fs_tree_config(struct fs *fs);

/** How libfuse sends and receives if there may be rings. */
extern const struct fuse_custom_io fs_ring_io;

/* ---- request.c: begin and end requests, locks ---- */

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
	if (fs->journal)
		commit_now(fs);
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

/* Nobody else changes the volume, so cached attributes and names stay valid: a century. */
#define FS_CACHE_SECONDS (100.0 * 365 * 86400)

/** Attributes for the kernel, and for how many seconds it may cache them. */
struct fs_attr {
	struct stat st;
	struct timespec btime;
	double seconds;
};

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

/* ---- inode.c: attributes ---- */

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

/* ---- io.c: operations on the bytes of files ---- */

/**
 * struct fs_io - one data operation of a request
 *
 * After fs_io_begin() the operation sets @reply and the rest of @op and calls fs_io_submit(). At
 * the end @reply answers if all went well, or fs_io_answer() replies with the error, and the io
 * goes back to the pool. If the request came through a ring, this happens on the thread of that
 * ring.
 */
struct fs_io {
	struct data_op op;
	struct fs *fs;
	fuse_req_t req;
	uint64_t ino;
	struct slot *slot; /* holds the request; NULL: there is none */
	ssize_t result;    /* of @op, or -errno */
	void (*reply)(struct fs_io *io);
	void (*run)(struct fs_io *io); /* for fs_blocking_run() */
	struct fs_io *next;
	struct fuse_file_info fi;
	enum fs_setid setid;    /* write */
	struct stat attr;       /* setattr: what to set after a truncation */
	int to_set;             /* setattr: FUSE_SET_ATTR_... */
	uint64_t source_ino;    /* copy_file_range */
	uint64_t source_offset; /* copy_file_range */
};

/** A FIFO of ios. Its owner protects it. */
struct fs_io_queue {
	struct fs_io *first, **last;
};

static inline void fs_io_queue_init(struct fs_io_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static inline void fs_io_queue_add(struct fs_io_queue *queue, struct fs_io *io)
{
	io->next = NULL;
	*queue->last = io;
	queue->last = &io->next;
}

/** Removes and returns the first; NULL if the queue is empty. */
static inline struct fs_io *fs_io_queue_take(struct fs_io_queue *queue)
{
	struct fs_io *io = queue->first;

	if (io) {
		queue->first = io->next;
		if (!queue->first)
			queue->last = &queue->first;
	}
	return io;
}

/**
 * fs_io_get() - take an io from the pool
 * @req: NULL for work without a request. An io with a request keeps @fs until fs_io_put(), because
 *       @fs may be freed after the reply.
 * Return: NULL if there is not enough memory.
 */
struct fs_io *fs_io_get(struct fs *fs, fuse_req_t req, uint64_t ino);
void fs_io_put(struct fs_io *io);
/** fs_io_begin() - begin a request that is one data operation
 *  Return: for fs_io_submit(), fs_blocking_run() or fs_io_end(); NULL: it has been answered. */
struct fs_io *fs_io_begin(fuse_req_t req, uint64_t ino, enum data_op_kind kind, off_t offset,
			  uint64_t bytes);
/** fs_io_submit() - run io->op on the data of io->ino, or end it if io->result is an error */
void fs_io_submit(struct fs_io *io);
/** fs_io_end() - reply with io->result, on the thread of the request's ring. Any thread. */
void fs_io_end(struct fs_io *io);
/** fs_io_answer() - the same on this thread, which must be that of the ring, if there is one */
void fs_io_answer(struct fs_io *io);
/** fs_file_get() - find the data of a regular file
 *  @create: make the data object if there is none; otherwise *ret_file may be NULL
 *  Takes the locks. Return: 0; -ENOMEM; -ESTALE; -EISDIR; -EINVAL not a regular file. */
int fs_file_get(struct fs *fs, uint64_t ino, bool create, struct data_file **ret_file);

int fs_io_pool_new(struct fs_io_pool **ret_pool);
void fs_io_pool_free(struct fs_io_pool *pool);
struct fs_io *fs_io_pool_get(struct fs_io_pool *pool);
void fs_io_pool_put(struct fs_io_pool *pool, struct fs_io *io);

/* ---- limits.c ---- */

/** fs_max_inodes() - return the number that @limits give, or mean by 0 */
uint64_t fs_max_inodes(const struct fs *fs, const struct fs_limits *limits);
/** fs_spares_reserve() - return true if an operation on @bytes must not use the reserve of the
 * volume */
bool fs_spares_reserve(struct fs *fs, fuse_req_t req, uint64_t bytes);

/* ---- blocking.c: threads for work that blocks ---- */

int fs_blocking_new(struct fs_blocking **ret_blocking);
void fs_blocking_free(struct fs_blocking *blocking);
/** Calls io->run on one of the threads. It ends with fs_io_end() or fs_io_put(). */
void fs_blocking_run(struct fs_blocking *blocking, struct fs_io *io);
/** The same, but only if all threads are idle. Return: false: one is busy. */
bool fs_blocking_try_run(struct fs_blocking *blocking, struct fs_io *io);

/* ---- operations, each with the type that libfuse gives it ---- */

#define FS_OP(name) __typeof__(*((struct fuse_lowlevel_ops *)0)->name) fs_op_##name

/* init.c */
FS_OP(init);
/* lookup.c */
FS_OP(lookup);
FS_OP(forget);
FS_OP(forget_multi);
/* attr.c */
FS_OP(getattr);
#if FS_HAVE_STATX
FS_OP(statx);
#endif
FS_OP(setattr);
FS_OP(statfs);
/* namespace.c */
FS_OP(mknod);
FS_OP(mkdir);
FS_OP(unlink);
FS_OP(rmdir);
FS_OP(symlink);
FS_OP(readlink);
FS_OP(link);
FS_OP(rename);
FS_OP(create);
void fs_op_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi);
/* dir.c */
FS_OP(opendir);
FS_OP(readdir);
FS_OP(readdirplus);
/* file.c */
FS_OP(open);
FS_OP(release);
FS_OP(fallocate);
FS_OP(copy_file_range);
FS_OP(lseek);
/* limits.c */
/* io.c */
FS_OP(read);
FS_OP(write);
/* xattr.c */
FS_OP(setxattr);
FS_OP(getxattr);
FS_OP(listxattr);
FS_OP(removexattr);

#endif
