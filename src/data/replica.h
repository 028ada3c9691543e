/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica - where the contents of all files lie, in a process that does not serve them.
 *
 * It is updated from the changes of a volume, see data/alloc/change.h, and begins empty. It needs
 * no adapter. When the process that serves has died, the standby writes a snapshot of the replica,
 * and another process loads it with data_snapshot_read().
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
 * data_volume_set_changed() - set the function that is called with each change of a volume
 * Before there are files, or while it is quiesced.
 */
void data_volume_set_changed(struct data_volume *vol, data_changed_fn *changed, void *arg);

/** data_file_number() - return the number by which changes name a file; unique, never reused */
uint64_t data_file_number(const struct data_file *file);

/** data_replica_new() - make the replica of a volume without files. Return: 0; -EPROTO no such
 * geometry; -ENOMEM. */
int data_replica_new(const struct data_geometry *geometry, struct data_replica **ret_replica);
void data_replica_free(struct data_replica *replica); /* accepts NULL */

/**
 * data_replay() - apply a change
 * @change, @bytes: as received, at a multiple of 8; nothing in it is trusted
 * Changes of files that are gone are ignored.
 * Return: 0; -ENOMEM; -EPROTO damaged, or not possible here; -EPROTONOSUPPORT of another version.
 * After an error the replica cannot be used.
 */
int data_replay(struct data_replica *replica, const void *change, size_t bytes);

/** data_replica_file() - return the file with a number, valid until it is gone; NULL: there is none
 */
struct data_replica_file *data_replica_file(struct data_replica *replica, uint64_t number);

uint64_t data_replica_nr_files(const struct data_replica *replica);

/** The owner of a file: a number of the caller; 0: none yet, or none any more. */
uint64_t data_replica_owner(const struct data_replica_file *file);
void data_replica_set_owner(struct data_replica_file *file, uint64_t owner);

/**
 * data_replica_prune() - drop what the dead process was about to use, or to free
 * Files without an owner, groups of striped chunks that are not complete, segments without extents.
 * Before data_replica_write(). Changes are then those of a process that has read its snapshot.
 * Return: 0; -EPROTO something in use is not complete; -ENOMEM.
 */
int data_replica_prune(struct data_replica *replica);

/** Gives the next file and its number for the caller. Return: false: there is none. */
typedef bool data_replica_next_fn(void *arg, uint64_t *ret_id, struct data_replica_file **ret_file);

/** data_replica_write() - as data_snapshot_write() */
int data_replica_write(const struct data_replica *replica, data_replica_next_fn *next, void *arg,
		       struct record_writer *out);

/** Receives a file, whose owner it may set. Return: 0; -errno. */
typedef int data_replica_add_fn(void *arg, uint64_t id, struct data_replica_file *file);

/**
 * data_replica_read() - make a replica of the volume in a snapshot
 * @in: is at the record before VOLUME; then at END
 * Return: 0; -EPROTO the records contradict each other; -ENOMEM; others of @add and of
 * record_next().
 */
int data_replica_read(struct record_reader *in, data_replica_add_fn *add, void *arg,
		      struct data_replica **ret_replica);

#endif
