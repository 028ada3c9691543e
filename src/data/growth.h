/* SPDX-License-Identifier: Apache-2.0 */
/*
 * growth - the blocks of a file get places on flash.
 *
 * A chunk of the file that holds little is packed: its blocks go into extents of segments.
 * Otherwise it gets a slot. When there is no chunk for a slot left, its blocks are packed as well,
 * also into what other files leave unused of their slots. A chunk that has been packed although it
 * holds much stays so, unless its blocks are scattered.
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
 * growth_take_locked() - give places to all blocks of [start, end) for @op, without the worker
 * Slots come from the file's free ones, or from the pool for a new file; extents from segments.
 * Return: 0; -ENOSPC there is too little, and nothing has been given; -ENOMEM.
 */
int growth_take_locked(struct data_op *op, uint64_t start, uint64_t end);

/**
 * growth_start() - have the worker get places for the blocks that @op covers
 * @op goes on at ->step afterwards. WRITE gets what there is, lowest first; the other kinds get
 * all or none. priv->error says why there are not more. Call it without locks.
 */
enum step_result growth_start(struct data_op *op);

/** growth_ahead_locked() - after a write: take a chunk ahead if the file will soon need one */
void growth_ahead_locked(struct data_file *file, uint64_t last_block);

#endif
