/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica - a copy of a volume's names, attributes and maps in a standby, which is updated from the
 * records of the process that serves the volume.
 *
 * When that process has died, the standby writes a snapshot of the replica, and another process
 * loads it and serves. The replica is then updated from the records of that process. Both begin
 * with the same inodes, files and segments, because replica_save() drops from the replica what the
 * snapshot does not have. So the successor writes records only of changes after it has loaded the
 * snapshot.
 *
 * A replica has no limits: it accepts every change that the process that serves was allowed to
 * make.
 *
 * Threads: one at a time. After an error of replica_apply(), replica_prune() or
 * replica_undo_listed() the replica cannot be used: all functions but replica_free() fail with the
 * same error. Errors: -errno.
 */
#ifndef CXLFS_REPLICA_REPLICA_H
#define CXLFS_REPLICA_REPLICA_H

#include <stddef.h>
#include <stdint.h>

#include "replica/record.h"

struct replica;

/** Slots have numbers below this. */
#define REPLICA_MAX_SLOTS 65536u

/** What a replica holds. */
struct replica_stats {
	uint64_t nr_inodes;
	uint64_t nr_files; /* with data, or about to get some */
};

/** replica_new() - make a replica without a volume. Return: 0; -ENOMEM. */
int replica_new(struct replica **ret_replica);
void replica_free(struct replica *replica); /* accepts NULL */

/**
 * replica_apply() - apply the changes of a record
 * @record: at a multiple of 8; nothing in it is trusted
 * The first item creates the volume, unless replica_load() has.
 * Return: 0; -EPROTO damaged, or not possible here; -EPROTONOSUPPORT of another version; -ENOMEM.
 */
int replica_apply(struct replica *replica, const void *record, size_t bytes);

/**
 * replica_outcome() - return the last outcome of a request in a slot
 * Compare its @unique with that of the request in the slot.
 * Return: valid until the next record is applied; NULL: there is none.
 */
const struct replica_outcome *replica_outcome(const struct replica *replica, uint32_t slot);

/**
 * replica_undo_listed() - take back the references of REPLICA_OUTCOME_LISTED in a slot
 * For a request that is executed again. The slot then has no outcome.
 * Return: 0, also if the slot has no such outcome; -EPROTO an inode is not there.
 */
int replica_undo_listed(struct replica *replica, uint32_t slot);

/**
 * replica_save() - write the volume as fs_save() does, for fs_load()
 * The process that serves must be dead, and all its records applied. Files that no inode has and
 * segments that no file uses are dropped first. The counts of requests are not in the stream.
 * Return: 0; -EPROTO there is no volume; the first error of @fd; -ENOMEM.
 */
int replica_save(struct replica *replica, int fd);

/** replica_prune() - drop what replica_save() drops, if another process has saved a copy. Errors
 * are those of later calls. */
void replica_prune(struct replica *replica);

/**
 * replica_load() - become the volume that fs_save() or replica_save() has written
 * @replica: new
 * Return: 0; -EBADMSG damaged; -EPROTONOSUPPORT, -EPROTO another version has written it; -ENOMEM.
 * After an error it is of no use.
 */
int replica_load(struct replica *replica, int fd);

/** replica_get_stats() - get what it holds; all zeros: there is no volume */
void replica_get_stats(const struct replica *replica, struct replica_stats *ret_stats);

#endif
