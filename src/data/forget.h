/* SPDX-License-Identifier: Apache-2.0 */
/* forget - making blocks unwritten, and chunks free, under an operation's range lock. */
#ifndef CXLFS_DATA_FORGET_H
#define CXLFS_DATA_FORGET_H

#include "data/file.h"
#include "data/op.h"

/**
 * forget_blocks_locked() - [start, end) reads as zeros from now on
 * @end: may be RANGE_LOCK_END
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int forget_blocks_locked(struct data_file *file, uint64_t start, uint64_t end);

/**
 * forget_chunks_locked() - free the chunks of [start, end), whose blocks have been forgotten
 * All that lie in it, and those at its ends that hold and reserve nothing.
 * @op: holds the range exclusively
 */
void forget_chunks_locked(struct data_op *op, uint64_t start, uint64_t end);

#endif
