/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space - taking and giving back the chunks of files.
 *
 * A new file that needs one chunk takes a vLUN that is ready, if there is one (data/alloc/ready.h).
 * Whatever else a file needs beyond its slots it gets on the volume's worker (data/alloc/slots.h). Before
 * anybody is told that the flash is full, freed files that still have operations in flight are
 * waited for.
 *
 * Counting: a file counts with the slots up to its highest used one, because only what lies
 * beyond that can be given to others. The counts change with the mapping, before the ioctls do.
 */
#ifndef CXLFS_DATA_ALLOC_SPACE_H
#define CXLFS_DATA_ALLOC_SPACE_H

#include "data/file.h"
#include "data/op.h"

/**
 * space_take_locked() - give slots to every chunk of [first, last] out of those the file has, or
 * that are ready for a new one
 * Return: 0; -ENOSPC there are too few, and none has been given; -ENOMEM.
 */
int space_take_locked(struct data_file *file, uint64_t first, uint64_t last);

/**
 * space_grow() - have the worker get slots for the chunks that @op covers
 * @op is resumed at ->step afterwards. The kinds that need all of them got all or none; WRITE got
 * what there is, lowest first. priv->error says why there are not more. Call it without locks.
 */
enum data_verdict space_grow(struct data_op *op);

/** space_want_locked() - ask the worker for FILE_WANTS_... in the background */
void space_want_locked(struct data_file *file, unsigned wants);

/** space_recount_locked() - bring the volume's counts up to date with the file */
void space_recount_locked(struct data_file *file);

/** space_account_locked() - after any change of the mapping; gives the tail back if there is one */
void space_account_locked(struct data_file *file);

/** space_ahead_locked() - after a write: take a chunk ahead if the file is about to need one */
void space_ahead_locked(struct data_file *file, uint64_t last_block);

/** space_release() - worker job: the end of a file */
void space_release(struct data_volume *vol, struct data_job *job);

#endif
