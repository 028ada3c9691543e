/* SPDX-License-Identifier: Apache-2.0 */
/* unmap - blocks become unwritten and chunks free, under an operation's range lock. */
#ifndef CXLFS_DATA_UNMAP_H
#define CXLFS_DATA_UNMAP_H

#include "data/file.h"
#include "data/op.h"

/**
 * unmap_blocks_locked() - [start, end) reads as zeros from now on
 * @end: may be RANGE_LOCK_END
 * @keep_place: for blocks that are reserved next
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int unmap_blocks_locked(struct data_file *file, uint64_t start, uint64_t end, bool keep_place);

/**
 * unmap_chunks_locked() - free the chunks of [start, end), whose blocks are unmapped
 * All that lie in it, and those at its ends that hold and reserve nothing.
 * @op: holds the range exclusively
 */
void unmap_chunks_locked(struct data_op *op, uint64_t start, uint64_t end);

/**
 * unmap_unused_and_end_locked() - end an operation that failed or came short
 * Frees what is neither written nor reserved in its range: the operation may have taken it.
 * Drops the lock.
 */
enum step_result unmap_unused_and_end_locked(struct data_op *op, struct data_worklist *wl,
					     ssize_t result);
/** unmap_unused_and_end() - the same, but takes the lock */
enum step_result unmap_unused_and_end(struct data_op *op, struct data_worklist *wl, ssize_t result);

#endif
