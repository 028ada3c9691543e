/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs - a volume as a FUSE file system.
 *
 * Translates the low-level FUSE operations into calls of tree/ (names and attributes) and data/
 * (bytes), and keeps the kernel's lookup counts. Because the volume has no other writer, the kernel
 * may cache everything forever.
 *
 * Every request is answered exactly once. The thread on which the last command of a read or write
 * completes sends the reply. No lock is held while a reply is sent.
 *
 * Lock order: fs tree lock, then an inode's attribute lock, then whatever data/ takes.
 */
#ifndef CXLFS_FUSE_FS_H
#define CXLFS_FUSE_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/data.h"
#include "fuse/transport/libfuse.h"
#include "fuse/transport/transport.h"
#include "tree/tree.h"

struct fs;
struct journal;

enum {
	FS_LIMIT_SIZE = 0x1,
	FS_LIMIT_RESERVE = 0x2,
	FS_LIMIT_INODES = 0x4,
	FS_LIMIT_USER_INODES = 0x8,
};

/** What a volume may use; can change while it is mounted. */
struct fs_limits {
	struct data_limits data;
	uint32_t which;           /* FS_LIMIT_...: those to set */
	uint64_t max_inodes;      /* 0: as many as half of the memory holds */
	uint64_t max_user_inodes; /* of each user but root; 0: no limit */
};

/** What is in use of it. */
struct fs_usage {
	uint64_t chunk_bytes, used_bytes; /* in whole chunks */
	uint64_t nr_inodes;
};

struct fs_config {
	struct data_volume *volume; /* borrowed until fs_free() */
	enum tree_atime atime;
	bool writeback;                    /* the kernel caches writes; not with physical */
	struct transport_config transport; /* fs_new() sets its volume */
	bool physical;           /* files are whole LUNs: none can be created or removed */
	struct fs_limits limits; /* all are set */
	uid_t root_uid;
	gid_t root_gid;
	mode_t root_mode;
	/* What changes is written to it after fs_start_journal(), for a standby; not with physical.
	 * Borrowed until @volume is freed. NULL: nobody follows. */
	struct journal *journal;
	/** Called in the process that makes the connection, before the kernel gets the answer to
	 * INIT and sends requests: fs_get_connection() says all. May be NULL. */
	void (*negotiated)(void *arg);
	void *negotiated_arg;
	/** Called once, on a thread that may block, after the first request: the kernel then uses
	 * what was negotiated. May be NULL. */
	void (*in_use)(void *arg);
	void *in_use_arg;
};

/** What was agreed with the kernel in INIT. Of one type, so that it can be compared as bytes. */
struct fs_agreed {
	uint64_t want; /* FUSE_CAP_... */
	uint64_t max_write, max_readahead, max_background, congestion_threshold, time_gran;
};

struct fs_stats {
	uint64_t nr_inodes, max_inodes;
	bool io_uring;  /* how requests come; else over /dev/fuse */
	bool writeback; /* the kernel caches writes */
	bool followed;  /* all changes have been written to the journal */
	bool read_only; /* see takeover/takeover.h */
};

/**
 * fs_new() - create an empty file system on a volume
 * Return: 0; -ENOMEM; -EAGAIN no thread; -EINVAL the limits, as fs_set_limits().
 */
int fs_new(const struct fs_config *config, struct fs **ret_fs);

/**
 * fs_start_journal() - write changes to config.journal from now on
 * @is_empty: fs_new() has just made the volume. Otherwise the reader of the journal has what
 *            fs_save() of this volume wrote, or what fs_load() has loaded.
 * Before the session starts; the volume is quiesced if it has files.
 */
void fs_start_journal(struct fs *fs, bool is_empty);

/**
 * fs_add_whole_luns() - make a file lun0, lun1 ... in the root for each LUN of a physical volume
 * Before the session starts. Return: 0; -errno of data_file_new_whole_lun().
 */
int fs_add_whole_luns(struct fs *fs, unsigned nr_luns);

/**
 * fs_set_session() - set the session, whose userdata is @fs, for notifications
 * Call it before the session is mounted.
 */
void fs_set_session(struct fs *fs, struct fuse_session *session);
/**
 * fs_use_uring() - use FUSE over io_uring if the kernel offers it
 * Call it between the mount and fs_serve().
 * Return: 0; -ENOTSUP this libfuse or this build cannot; -ENOMEM.
 */
int fs_use_uring(struct fs *fs);

/**
 * fs_set_atime() - change the access time policy; any thread
 * TREE_ATIME_STRICT means TREE_ATIME_RELATIVE unless the file system started with it, because the
 * kernel caches reads and does not report every access.
 */
void fs_set_atime(struct fs *fs, enum tree_atime atime);
enum tree_atime fs_atime(const struct fs *fs);

/**
 * fs_set_limits() - change what the volume may use
 * Sleeps. Any thread that does not serve requests.
 * Return: 0; -EINVAL more is in use, the size is less than a chunk or the reserve larger than the
 * size, and nothing has changed.
 */
int fs_set_limits(struct fs *fs, const struct fs_limits *limits);

/** fs_get_limits() / fs_get_usage() - Any thread; wait for no data operation. */
void fs_get_limits(struct fs *fs, struct fs_limits *ret_limits);
void fs_get_usage(struct fs *fs, struct fs_usage *ret_usage);

/** fs_end_session() - stop notifications; call it before the session is destroyed */
void fs_end_session(struct fs *fs);

/**
 * fs_lun_grew() - update the size of the file of a whole LUN and notify the kernel
 * The session must be mounted. Not from a thread that serves requests.
 * Return: 0; -ENOMEM; -ENOENT no such file.
 */
int fs_lun_grew(struct fs *fs, unsigned lun);

/**
 * fs_map_file() - find where the data of a file lie, from @offset on
 * @map: extents and max_extents are set
 * Return: 0; -ESTALE no such inode; -EISDIR; -EINVAL not a regular file.
 */
int fs_map_file(struct fs *fs, uint64_t ino, uint64_t offset, struct data_file_map *map);

/** fs_set_poll_us() - change transport.poll_us of the configuration. Any thread. */
void fs_set_poll_us(struct fs *fs, unsigned poll_us);
unsigned fs_poll_us(const struct fs *fs);

/** fs_account() - return the counts of requests; valid as long as @fs */
struct account *fs_account(struct fs *fs);

/** fs_get_stats() - Any thread; waits for no data operation. */
void fs_get_stats(struct fs *fs, struct fs_stats *ret_stats);

/** fs_operations() - return the table for fuse_session_new(); userdata must be a struct fs */
const struct fuse_lowlevel_ops *fs_operations(void);

/**
 * fs_serve() - serve the mounted session until it is over or fs_end_serving()
 * @started: called with @arg when all threads exist and before any takes a request; an error ends
 *           serving; may be NULL
 * Return: 0; -ENOMEM; -EAGAIN no thread; -errno of the device or of @started; what fs_end_serving()
 * was given.
 */
int fs_serve(struct fs *fs, int (*started)(void *arg), void *arg);

/** fs_end_serving() - make fs_serve() return @err. Any thread. */
void fs_end_serving(struct fs *fs, int err);

/**
 * fs_quiesce() - refuse new requests with -ENOTCONN and wait until none is under way
 * Call it while other threads still serve, because they must send the replies.
 */
void fs_quiesce(struct fs *fs);

/** fs_free() - drop every file and the tree. The session must be gone. Accepts NULL. */
void fs_free(struct fs *fs);

#endif
