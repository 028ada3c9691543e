/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica - where the contents of all files lie, in a process that does not serve them.
 *
 * It follows the changes of a volume, see data/alloc/change.h, from an empty one on. It needs no
 * adapter. When the process that serves is dead, the replica writes the snapshot that the dead one
 * can no longer write, and another process goes on from it with data_snapshot_read().
 *
 * This snapshot may have slots, segments and chunks that were held ahead of need, and extents in
 * one piece that the volume had split for a write. It does not have the vLUNs of files that were
 * freed, and those that were made ahead of need: the process that takes over releases the handles
 * that it does not name. An ioctl may have been done and not reported: a vLUN may have more chunks
 * than the snapshot says, or, if it was to shrink, as many as before.
 *
 * Threads: one at a time.
 */
#ifndef CXLFS_DATA_REPLICA_H
#define CXLFS_DATA_REPLICA_H

#include "data/alloc/change.h"
#include "data/snapshot.h"

struct data_replica;
struct data_replica_file;

/**
 * data_volume_set_changed() - have @changed called with each change of a volume
 * Before there are files, or while it is quiesced.
 */
void data_volume_set_changed(struct data_volume *vol, data_changed_fn *changed, void *arg);

/** data_file_number() - by which changes name a file; unique, never used again */
uint64_t data_file_number(const struct data_file *file);

/** data_replica_new() - of a volume without files. Return: 0; -ENOMEM. */
int data_replica_new(const struct data_geometry *geometry, struct data_replica **ret_replica);
void data_replica_free(struct data_replica *replica); /* accepts NULL */

/**
 * data_replay() - repeat a change
 * @change, @bytes: as received, at a multiple of 8; nothing in it is trusted
 * Changes of files that are gone are ignored.
 * Return: 0; -ENOMEM; -EPROTO damaged, or not possible here; -EPROTONOSUPPORT of another version.
 * After an error the replica is of no more use.
 */
int data_replay(struct data_replica *replica, const void *change, size_t bytes);

/** data_replica_file() - the file with a number, valid until it is gone; NULL: there is none */
struct data_replica_file *data_replica_file(const struct data_replica *replica, uint64_t number);

/** Gives the next file and its number for the caller. Return: false: there is none. */
typedef bool data_replica_next_fn(void *arg, uint64_t *ret_id, struct data_replica_file **ret_file);

/** data_replica_write() - as data_snapshot_write() */
int data_replica_write(const struct data_replica *replica, data_replica_next_fn *next, void *arg,
		       struct record_writer *out);

#endif
