/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partial_blocks - the blocks that an operation covers only in part.
 *
 * A range of bytes has at most two: its first and its last block. To zero a part of a written
 * block it is read, changed and written back, under the range lock of the operation.
 */
#ifndef CXLFS_DATA_PARTIAL_BLOCKS_H
#define CXLFS_DATA_PARTIAL_BLOCKS_H

#include "data/file.h"
#include "data/op.h"

/** partial_blocks_set() - note the partial blocks of [start, end), bytes, start < end */
void partial_blocks_set(struct data_op *op, uint64_t start, uint64_t end);

/**
 * partial_blocks_zero_locked() - zero the noted parts of those blocks that are written
 * @after: goes on when that is done; entered with the lock, drops it
 * A failure ends the operation. Drops the lock.
 */
enum step_result partial_blocks_zero_locked(struct data_op *op, struct data_worklist *wl,
					    data_step_fn *after);

/**
 * eof_must_zero_locked() - return true if the end of the last block must be zeroed before the file
 * grows to @end
 *
 * In a written block, the bytes beyond the end of file are zeros, so a file that grows never shows
 * old data. Only a failed write can break this: a part of it may be on flash although it returned
 * an error. Then the file is marked, and an operation that makes it grow calls eof_zero_locked().
 */
bool eof_must_zero_locked(struct data_file *file, uint64_t end);

/** eof_zero_locked() - zero it, then run ->granted again. Drops the lock. */
enum step_result eof_zero_locked(struct data_op *op, struct data_worklist *wl);

/** eof_note_failed_write_locked() - note that a write to [start, end) has failed somewhere */
void eof_note_failed_write_locked(struct data_file *file, uint64_t start, uint64_t end);

#endif
