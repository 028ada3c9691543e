/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover - another process takes over a mount, from one that pauses for an upgrade or has died.
 *
 *   file          | what it moves
 *   --------------|----------------------------------------------------------------------
 *   connection.c  | the session with the kernel, and the rings
 *   snapshot.c    | names, attributes, limits, and where the contents of files lie
 *   pending.h     | requests in progress when a process died: the standby decides about each
 *   executed.c    | those that it had executed: the next process answers them
 *   read_only.c   | the last resort, when daemons keep crashing
 *
 * fuse/commit.h sends the standby what requests change.
 */
#ifndef CXLFS_FUSE_TAKEOVER_TAKEOVER_H
#define CXLFS_FUSE_TAKEOVER_TAKEOVER_H

#include "base/record_writer.h"
#include "fuse/fs.h"

/** What was agreed with the kernel in INIT, as plain values; init.nr_bytes is 0 before that. */
struct fs_connection {
	struct transport_init init;
	struct transport_rings rings;
	uint32_t in_use; /* fs_config.in_use has been called */
	struct fs_agreed agreed;
};

/**
 * fs_get_connection() - describe the session
 * @ret_rings_fd: memory of the rings, borrowed; -1: none
 * Return: 0; -EOPNOTSUPP the INIT request was too long.
 */
int fs_get_connection(const struct fs *fs, struct fs_connection *ret_connection, int *ret_rings_fd);

/**
 * fs_adopt_connection() - continue a session that another process has started
 * Instead of fs_use_uring(). The session has the same descriptor. If that process has agreed on
 * nothing, this one does when it serves INIT.
 * @rings_fd: as from fs_get_connection(); taken
 * Return: 0; -EPROTO this program would agree on something else; -ENOMEM; as
 * transport_adopt_rings().
 */
int fs_adopt_connection(struct fs *fs, const struct fs_connection *connection, int rings_fd);

/** fs_slots_fd() / fs_adopt_slots() - as transport_slots_fd() and transport_adopt_slots(); before
 *  fs_serve() */
int fs_slots_fd(const struct fs *fs);
int fs_adopt_slots(struct fs *fs, int fd);

/** fs_alone() - as transport_alone() */
uint64_t fs_alone(const struct fs *fs);

/**
 * fs_pause() - take no more requests and wait until none is in progress
 * New requests wait in the kernel. Any thread that serves no requests.
 * @ask: makes a request of the mount that is always sent, and returns after the answer. Called with
 *       @arg on many threads if there are rings; they end after fs_resume(), or with the process.
 * @deadline_ns: by clock_now_ns()
 * Return: 0: end with fs_resume(); -ETIMEDOUT; -ENODEV nothing is served; -EPERM this process may
 * not run on all processors; -EAGAIN no thread; -ENOMEM. After an error, requests are
 * served as before.
 */
int fs_pause(struct fs *fs, void (*ask)(void *arg), void *arg, uint64_t deadline_ns);
void fs_resume(struct fs *fs);

/**
 * fs_save() - write names, attributes, and where the contents of files lie
 * The file system must be paused and its volume quiesced; see data/snapshot.h.
 * @write, @arg: the sink
 * Return: 0; -EOPNOTSUPP files are whole LUNs; -ENOMEM; the first error of @write.
 */
int fs_save(struct fs *fs, record_write_fn *write, void *arg);

/**
 * fs_load() - become the file system that fs_save() has written
 * Before the session starts. The volume must be quiesced, over the contexts that were cloned.
 * Return: 0; -EBADMSG damaged; -EPROTONOSUPPORT, -EPROTO another version has written it; -ENOSPC
 * more inodes than the limit; -ENOMEM.
 */
int fs_load(struct fs *fs, int fd);

/** fs_make_read_only() - make every request that would change the volume fail with EROFS
 *  After fs_start_journal(), before the session starts. */
void fs_make_read_only(struct fs *fs);

#endif
