/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit - what requests change, written to a journal for a standby; see replica/record.h.
 *
 * A thread collects what it changes under a lock, and the outcome of its request. Before it
 * releases the lock, it writes all that as one record: fs_unlock() and fs_inode_unlock() call
 * commit_now().
 *
 * Without a journal these functions only test fs->journal.
 */
#ifndef CXLFS_FUSE_COMMIT_H
#define CXLFS_FUSE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "replica/record.h"

struct fs;
struct data_file;
struct tree_change;

void commit_init(struct fs *fs);
void commit_fini(struct fs *fs);

/** commit_now() - write the record, if there is anything in it; then do commit_free() */
void commit_now(struct fs *fs);

/** commit_tree_change() - add a change of the tree of @arg, a struct fs */
void commit_tree_change(void *arg, const struct tree_change *change);

/** commit_file() - add that inode @ino got the data object @file. Lock: the inode's attributes. */
void commit_file(struct fs *fs, uint64_t ino, const struct data_file *file);

/**
 * commit_tree() - write the whole tree, which replaces the one that the standby has
 * Before the session starts. Return: 0; -ENOMEM.
 */
int commit_tree(struct fs *fs);

/** commit_limits() - write the limits of the volume. Lock: limits_lock. */
void commit_limits(struct fs *fs);

/**
 * commit_outcome() - add what becomes of the request that this thread serves; after its changes
 * @err, @ino, @value: see struct replica_outcome
 * Adds nothing if there is no change: then the request can be executed again.
 */
void commit_outcome(struct fs *fs, enum replica_outcome_kind kind, int err, uint64_t ino,
		    uint64_t value);

/** commit_has_room() - return true if there is room for a reference to one more inode, and an
 * outcome */
bool commit_has_room(struct fs *fs);

/**
 * commit_free() - free @file after commit_now()
 * Others may take its flash at once, so the standby must know before that the inode is gone.
 */
void commit_free(struct fs *fs, struct data_file *file);

#endif
