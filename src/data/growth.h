/* SPDX-License-Identifier: Apache-2.0 */
/*
 * growth - the chunks of a file get slots.
 *
 * A new file that needs one chunk takes a vLUN from the pool if there is one. All other growth runs
 * on the worker. Before it fails for lack of flash, it waits for freed files that operations in
 * flight still use, and a moment for files that have lost their last name.
 */
#ifndef CXLFS_DATA_GROWTH_H
#define CXLFS_DATA_GROWTH_H

#include "data/file.h"
#include "data/op.h"

/**
 * growth_take_locked() - give slots to all chunks of [first, last], without the worker
 * They come from the file's free slots, or from the pool for a new file.
 * Return: 0; -ENOSPC there are too few, and none has been given; -ENOMEM.
 */
int growth_take_locked(struct data_file *file, uint64_t first, uint64_t last);

/**
 * growth_start() - have the worker get slots for the chunks that @op covers
 * @op goes on at ->step afterwards. WRITE gets what there is, lowest first; the other kinds get
 * all or none. priv->error says why there are not more. Call it without locks.
 */
enum step_result growth_start(struct data_op *op);

/** growth_ahead_locked() - after a write: take a chunk ahead if the file will soon need one */
void growth_ahead_locked(struct data_file *file, uint64_t last_block);

#endif
