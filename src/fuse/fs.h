/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs - the volume in FUSE's words.
 *
 * Translates the low-level FUSE operations into calls of tree/ (names and attributes) and data/
 * (bytes), keeps the kernel's lookup counts, and decides what the kernel may cache: as the volume
 * has no other writer, everything, for ever.
 *
 * Every request is answered exactly once. Reads and writes are answered from wherever their last
 * command completes; no lock of this program is held while a reply is sent.
 *
 * Lock order: fs tree lock, then an inode's attribute lock, then whatever data/ takes.
 */
#ifndef CXLFS_FUSE_FS_H
#define CXLFS_FUSE_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "data/data.h"
#include "fuse/fuse.h"
#include "fuse/transport/transport.h"
#include "tree/tree.h"

struct fs;

/** Asks the root directory for fs_config.options, cut to what fits. */
#define FS_OPTIONS_BYTES 4096
#define FS_IOC_OPTIONS _IOR('x', 0x63, char[FS_OPTIONS_BYTES])

struct fs_config {
	struct data_volume *volume; /* borrowed until fs_free() */
	enum tree_atime atime;
	bool writeback;         /* the kernel collects writes; not with physical */
	struct transport_config transport; /* its volume is filled in */
	bool physical;          /* names cannot be made or removed: files are LUNs */
	const char *options;    /* for FS_IOC_OPTIONS; borrowed; may be NULL */
	uint64_t max_inodes;    /* 0: as many as half of the memory holds */
	uid_t root_uid;
	gid_t root_gid;
	mode_t root_mode;
	/** Called once, on a thread that may wait, when the kernel has sent its first request:
	 *  what was negotiated is in force then. May be NULL. */
	void (*in_use)(void *arg);
	void *in_use_arg;
};

/** fs_new() - an empty file system on a volume. Return: 0; -ENOMEM; -EAGAIN no thread. */
int fs_new(const struct fs_config *config, struct fs **ret_fs);

/**
 * fs_add_whole_luns() - make a file lun0, lun1 ... in the root for each LUN of a physical volume
 * Before the session starts. Return: 0; -errno of data_file_new_fixed().
 */
int fs_add_whole_luns(struct fs *fs, unsigned nr_luns);

/**
 * fs_set_session() - the session whose userdata the file system is, to tell the kernel things
 * Before the session is mounted.
 */
void fs_set_session(struct fs *fs, struct fuse_session *session);
/**
 * fs_use_uring() - use FUSE over io_uring if the kernel offers it
 * When the session is mounted, before fs_serve().
 * Return: 0; -ENOTSUP not with this libfuse, or this build; -ENOMEM.
 */
int fs_use_uring(struct fs *fs);

/**
 * fs_set_atime() - when access times move from now on; any thread
 * TREE_ATIME_STRICT counts as TREE_ATIME_RELATIVE in a file system that did not begin with it: the
 * kernel was told that it need not report every access.
 */
void fs_set_atime(struct fs *fs, enum tree_atime atime);

/** fs_end_session() - tell the kernel nothing any more; before the session is destroyed */
void fs_end_session(struct fs *fs);

/**
 * fs_lun_grew() - the file of a whole LUN has a new size; the kernel is told
 * The session must be mounted. From any thread that does not serve requests.
 * Return: 0; -ENOMEM; -ENOENT no such file.
 */
int fs_lun_grew(struct fs *fs, unsigned lun);

/** fs_operations() - the table for fuse_session_new(), whose userdata is a struct fs. */
const struct fuse_lowlevel_ops *fs_operations(void);

/**
 * fs_serve() - serve the mounted session until it is over or fs_end_serving()
 * Return: 0; -ENOMEM; -EAGAIN no thread; -errno of the device; what fs_end_serving() was given.
 */
int fs_serve(struct fs *fs);

/** fs_end_serving() - have fs_serve() come to its end, with @err; 0: in good order. Any thread. */
void fs_end_serving(struct fs *fs, int err);

/**
 * fs_quiesce() - turn new requests away with -ENOTCONN and wait until none is under way
 * To be called while somebody still serves, for the answers.
 */
void fs_quiesce(struct fs *fs);

/** fs_free() - drop every file and the tree. The session must be gone. Accepts NULL. */
void fs_free(struct fs *fs);

#endif
