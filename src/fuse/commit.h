/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit - writes what requests change to a journal for a standby; see replica/record.h.
 *
 * A thread collects its changes under a lock, and the outcome of its request. Before it releases
 * the lock, it writes them as one record: fs_unlock() and fs_inode_unlock() call
 * commit_now().
 *
 * Without a journal these functions do nothing.
 */
#ifndef CXLFS_FUSE_COMMIT_H
#define CXLFS_FUSE_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/thread_blocks.h"
#include "replica/record.h"

struct data_change;
struct data_file;
struct journal;
struct tree;
struct tree_change;

/* Files whose last references are dropped in one hold of the tree lock. */
#define COMMIT_MAX_FREED 128

struct commit {
	struct journal *journal; /* NULL: nobody follows; set before requests are served */
	struct thread_blocks groups;
};

void commit_init(struct commit *commit);
void commit_fini(struct commit *commit);

/** commit_start() - write changes to @journal from now on
 *  @start, @limits: of a volume that is new to the reader; NULL: it knows the volume. */
void commit_start(struct commit *commit, struct journal *journal, const struct replica_start *start,
		  const struct replica_limits *limits);

/** commit_now() - write the record, if there is anything in it; then do commit_free() */
void commit_now(struct commit *commit);

/** commit_tree_change() - add a change of a tree; @arg: a struct commit */
void commit_tree_change(void *arg, const struct tree_change *change);

/** commit_data_change() - write a change of the data layer to a journal at once: threads of that
 *  layer keep no memory for a record */
void commit_data_change(void *journal, const struct data_change *change);

/** commit_file() - add that inode @ino got the data object @file. Lock: the inode's attributes. */
void commit_file(struct commit *commit, uint64_t ino, const struct data_file *file);

/**
 * commit_tree() - write the whole tree, which replaces the one that the standby has
 * Before the session starts. Return: 0; -ENOMEM.
 */
int commit_tree(struct commit *commit, const struct tree *tree);

/** commit_limits() - write the limits of the volume. Lock: limits_lock. */
void commit_limits(struct commit *commit, const struct replica_limits *limits);

/**
 * commit_outcome() - add what becomes of the request that this thread serves; after its changes
 * @err, @ino, @value: see struct replica_outcome
 * Adds nothing if there is no change: then the request can be executed again.
 */
void commit_outcome(struct commit *commit, enum replica_outcome_kind kind, int err, uint64_t ino,
		    uint64_t value);

/** commit_has_room() - return true if there is room for a reference to one more inode, and an
 * outcome */
bool commit_has_room(struct commit *commit);

/**
 * commit_free() - free @file after commit_now()
 * Others may take its flash at once, so the standby must know before that the inode is gone.
 */
void commit_free(struct commit *commit, struct data_file *file);

#endif
