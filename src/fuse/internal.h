/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fuse/ share; nobody else includes it. */
#ifndef CXLFS_FUSE_INTERNAL_H
#define CXLFS_FUSE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "fuse/fs.h"
#include "fuse/transport/ring.h"

struct fs_io_pool;
struct fs_blocking;
struct give_way;

#define FS_NR_ATTR_LOCKS 64

/* A mutex with a cache line of its own, so that neighbours in the array do not slow each other. */
struct fs_attr_lock {
	pthread_mutex_t mutex;
} __attribute__((aligned(64)));

struct fs {
	struct fs_config config; /* set before threads start */
	_Atomic enum tree_atime atime; /* now; config has that of the start */
	struct tree *tree;       /* structure: tree_lock */
	pthread_rwlock_t tree_lock;
	/* References, times, set-id bits and the payload pointer of an inode: its attribute
	 * lock and at least a shared tree_lock. */
	struct fs_attr_lock attr_locks[FS_NR_ATTR_LOCKS];
	struct fs_io_pool *pool;
	struct fs_blocking *blocking;
	_Atomic(struct rings *) rings; /* of this session; NULL: it has none */
	struct fuse_session *session; /* set before the mount */
	pthread_mutex_t notify_lock;
	bool may_notify;           /* protected by notify_lock: the session is there */
	int lanes_fd;            /* of the session, as long as lanes serve it */
	_Atomic bool in_use;     /* config.in_use() has been, or is to be, called */
	bool wants_rings;        /* set before the session is served */
	sem_t over;              /* a thread has found that the session is */
	_Atomic int error;       /* why; 0: in good order */

	/* Set by INIT, before any other request. */
	bool offers_rings; /* the kernel does */
	uint32_t max_write; /* bytes of a request; 0 before INIT */
	bool no_opendir; /* directories need no opening */
	bool no_open;    /* nor do files */
	struct give_way *give_way; /* may be NULL */

	_Atomic uint32_t nr_active; /* requests under way; FS_QUIESCING when new ones are refused */
	pthread_mutex_t quiesce_lock;
	pthread_cond_t quiesced;
};

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

#define FS_PAGE_BYTES 4096

/* Room for any request, whose bytes, if it is a write, start on a page. */
static inline size_t fs_request_bytes(const struct fs *fs)
{
	return fs->max_write + 2 * FS_PAGE_BYTES;
}

/* Room for what a request or an answer has behind its header, in an entry of a ring. */
static inline size_t fs_payload_bytes(const struct fs *fs)
{
	return ((size_t)fs->max_write + 2 * FS_PAGE_BYTES - 1) / FS_PAGE_BYTES * FS_PAGE_BYTES;
}

/* ---- request.c: begin and end requests, locks ---- */

/**
 * fs_enter() - begin a request
 * Return: the file system; NULL when it is going down, and then the request has been answered.
 * A request that was begun ends with one fs_leave(), after its reply.
 */
struct fs *fs_enter(fuse_req_t req);
/** fs_leave() - end a request; after the last one @fs may be freed at any time */
void fs_leave(struct fs *fs);
/** fs_hold() - keeps @fs until one more fs_leave(). Call it during a request. */
void fs_hold(struct fs *fs);
/** fs_enter_names() - fs_enter() for what makes or removes names: -EPERM where files are LUNs. */
struct fs *fs_enter_names(fuse_req_t req);

void fs_read_lock(struct fs *fs);
void fs_write_lock(struct fs *fs);
void fs_unlock(struct fs *fs);
void fs_attr_lock(struct fs *fs, const struct tree_inode *inode);
void fs_attr_unlock(struct fs *fs, const struct tree_inode *inode);

/* Nobody else changes the volume, so cached attributes and names stay valid: a century. */
#define FS_CACHE_SECONDS (100.0 * 365 * 86400)

/** What the kernel is told of an inode, and for how many seconds it may keep that. */
struct fs_attr {
	struct stat st;
	double seconds;
};

/* ---- reply.c: the only callers of fuse_reply_* that can fail a request ---- */

/** fs_reply_err() - answer with 0 or a negative errno, and leave. */
void fs_reply_err(struct fs *fs, fuse_req_t req, int err);
void fs_reply_attr(struct fs *fs, fuse_req_t req, const struct fs_attr *attr);
/** Answers with an entry whose reference was taken; undone when the kernel is gone. */
void fs_reply_entry(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *entry);
/** These two undo the count of the open as well. */
void fs_reply_create(struct fs *fs, fuse_req_t req, const struct fuse_entry_param *entry,
		     const struct fuse_file_info *fi);
void fs_reply_open(struct fs *fs, fuse_req_t req, uint64_t ino, const struct fuse_file_info *fi);
void fs_reply_buf(struct fs *fs, fuse_req_t req, const void *buf, size_t bytes);
/** fs_reply_pooled() - answers with @bytes of a buffer of the pool, and gives the buffer back.
 *  @buf_bytes: of the buffer, as fs_io_pool_buffer_get() returned it */
void fs_reply_pooled(struct fs *fs, fuse_req_t req, void *buf, size_t bytes, size_t buf_bytes);

/* ---- caller.c: the process behind a request ---- */

/** The caller of a request, with the time now. */
struct tree_caller fs_caller(fuse_req_t req);
/** Returns true if the caller has a capability (CAP_FSETID...) outside of user namespaces. Slow.
 *  A caller that cannot be seen in our /proc has none. */
bool fs_caller_can(fuse_req_t req, int capability);
/** Returns true if the caller is a member of @gid or has CAP_FSETID. Slow if it is neither root's
 *  nor the caller's first group. */
bool fs_caller_in_group(fuse_req_t req, gid_t gid);

/* ---- inode.c: attributes ---- */

struct timespec fs_now(void);

/** fs_stat_locked() - attributes with the size and blocks of the data. Lock: tree, shared. */
void fs_stat_locked(struct fs *fs, struct tree_inode *inode, struct fs_attr *ret_attr);
/** fs_entry_locked() - fill an entry, take the reference that goes with it. Lock: tree, shared. */
void fs_entry_locked(struct fs *fs, struct tree_inode *inode, struct fuse_entry_param *ret_entry);
/** Makes the kernel ask for an inode's attributes again. A thread that serves requests may call
 *  this only for an inode that its request holds open: for another one the kernel may have to wait
 *  for a request. */
void fs_inval_attr(struct fs *fs, uint64_t ino);

/** Whether a change of a file's contents drops its set-id bits. */
enum fs_setid {
	FS_SETID_KEEP,
	FS_SETID_DROP, /* the kernel says that the caller has no CAP_FSETID */
	FS_SETID_ASK,  /* the kernel does not say: look at the caller */
};

/** Drops the set-id bits that the caller may not leave behind. Takes the locks.
 *  Return: whether the mode has changed. */
bool fs_drop_setid(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid);
/** Returns true if S_ISGID stays when the caller changes the file. Lock: the inode's attributes. */
bool fs_keeps_setgid(fuse_req_t req, const struct tree_inode *inode);
/** Notes that contents changed: times, capabilities and set-id bits; call it before the reply.
 *  Takes the locks. */
void fs_touch_modified(struct fs *fs, fuse_req_t req, uint64_t ino, enum fs_setid setid);
/** Notes that pages changed through a mapping were written: times alone, as Linux has it. Takes the
 *  locks. */
void fs_touch_mapped(struct fs *fs, uint64_t ino);
/** Content read: atime as the policy has it. Takes the locks. */
void fs_touch_accessed(struct fs *fs, uint64_t ino);

/* ---- file.c: who may change pages unseen ---- */

/** Counts an open with @flags, @change 1, or takes it back, -1. Lock: tree, shared. */
void fs_count_open(struct fs *fs, struct tree_inode *inode, int flags, int change);
/** Takes an open back. Takes the locks. */
void fs_uncount_open(struct fs *fs, uint64_t ino, int flags);
/** Returns true if the kernel may have pages of a file that it has changed and not yet written.
 *  Lock: the inode's attributes. */
bool fs_may_be_dirty_locked(const struct fs *fs, const struct tree_inode *inode);
/** Sets what every open file is told: keep the cache, send no request at close(2). */
void fs_open_flags(struct fuse_file_info *fi);

/* ---- io.c: operations on the bytes of files ---- */

/**
 * struct fs_io - one data operation of a request
 *
 * Pooled; @done answers the request and gives the io back with fs_io_put(). It is called through
 * fs_io_end(), on the thread of the ring that has the request, if one has.
 */
struct fs_io {
	struct data_op op;
	struct fs *fs;
	fuse_req_t req;
	uint64_t ino;
	struct ring_entry *entry; /* that holds the request; NULL: not of a ring */
	enum fs_setid setid; /* when done */
	void *buf;           /* pool's, or NULL */
	size_t buf_bytes;
	ssize_t result;
	void (*done)(struct fs_io *io);
	struct fs_io *next;
	int what;            /* setattr: rest of the request */
	uint64_t source_ino;   /* copy_file_range: the source */
	uint64_t from;       /* copy_file_range: where to start in it */
	struct stat attr;
	struct fuse_file_info fi;
};

/** Ios in a row, first in, first out; whoever has one protects it. */
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

/** Return: the first, or NULL. */
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
 * fs_io_get() - an io from the pool
 * @req: NULL for work without a request. An io with a request keeps @fs until fs_io_put(), because
 * @fs may be freed after the reply.
 * Return: NULL when memory is short.
 */
struct fs_io *fs_io_get(struct fs *fs, fuse_req_t req, uint64_t ino);
void fs_io_put(struct fs_io *io);
/** fs_io_end() - have io->done called where it may answer. Any thread. */
void fs_io_end(struct fs_io *io);
/** fs_io_submit() - run io->op on the file's data; a file without any needs none for some kinds. */
void fs_io_submit(struct fs_io *io);
/** The data of a regular file, made on first need. Locks: none held. -ENOMEM, -ESTALE, -EINVAL. */
int fs_file_get(struct fs *fs, uint64_t ino, bool create, struct data_file **ret_file);

int fs_io_pool_new(struct fs_io_pool **ret_pool);
/** fs_io_pool_fit() - keep buffers of up to @bytes; before there are larger ones than 128 KiB */
void fs_io_pool_fit(struct fs_io_pool *pool, size_t bytes);
void fs_io_pool_free(struct fs_io_pool *pool);
struct fs_io *fs_io_pool_get(struct fs_io_pool *pool);
void fs_io_pool_put(struct fs_io_pool *pool, struct fs_io *io);
void *fs_io_pool_buffer_get(struct fs_io_pool *pool, size_t bytes, size_t *ret_bytes);
void fs_io_pool_buffer_put(struct fs_io_pool *pool, void *buf, size_t bytes);

/* ---- blocking.c: threads that may wait ---- */

int fs_blocking_new(struct fs_blocking **ret_blocking);
void fs_blocking_free(struct fs_blocking *blocking);
/** Call io->done on one of the threads for work that sleeps; it ends with fs_io_end(). */
void fs_blocking_run(struct fs_blocking *blocking, struct fs_io *io);

/* ---- operations, by file ---- */

void fs_op_init(void *userdata, struct fuse_conn_info *conn);

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi);
void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		   struct fuse_file_info *fi);
void fs_op_statfs(fuse_req_t req, fuse_ino_t ino);

void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void fs_op_readlink(fuse_req_t req, fuse_ino_t ino);
void fs_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name);
void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		  const char *new_name, unsigned flags);
void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi);
void fs_op_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi);

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off,
		   struct fuse_file_info *fi);
void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off,
		       struct fuse_file_info *fi);

void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t off, struct fuse_file_info *fi);
void fs_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t bytes, off_t off,
		 struct fuse_file_info *fi);
void fs_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t bytes,
		     struct fuse_file_info *fi);
void fs_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void fs_op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
		 unsigned flags, const void *in, size_t in_bytes, size_t out_bytes);
void fs_op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			   struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			   struct fuse_file_info *fi_out, size_t bytes, int flags);

void fs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		    size_t bytes, int flags);
void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t bytes);
void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t bytes);
void fs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

#endif
