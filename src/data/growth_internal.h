/* SPDX-License-Identifier: Apache-2.0 */
/* growth_internal - what the files of growth share. */
#ifndef CXLFS_DATA_GROWTH_INTERNAL_H
#define CXLFS_DATA_GROWTH_INTERNAL_H

#include "data/block.h"
#include "data/growth.h"
#include "data/growth_need.h"

/** growth_needs_all() - return true if @op needs all its blocks or none */
static inline bool growth_needs_all(const struct data_op *op)
{
	return op->kind != DATA_OP_WRITE;
}

/* The blocks that @op covers: [first, end). */
static inline uint64_t growth_first_block(struct data_op *op)
{
	return block_floor(op_priv(op)->cursor);
}

static inline uint64_t growth_end_block(struct data_op *op)
{
	return block_ceil(op_priv(op)->end);
}

/** growth_cost_of() - return by how many blocks free space shrinks when @need is taken */
uint64_t growth_cost_of(const struct data_file *file, const struct need *need);

/**
 * growth_pack() - put @nr_claimed blocks of @part into extents, lowest first. With the file's lock.
 * @nr_claimed: how many blocks have been claimed from the segments for it
 * Return: 0; -ENOMEM.
 */
int growth_pack(struct data_file *file, const struct packed *part, uint64_t nr_claimed);

/** growth_assign_locked() - as mapping_assign(); what these chunks have in extents moves to their
 *  slots later */
int growth_assign_locked(struct data_file *file, uint64_t first, uint64_t last);

/** growth_try_locked() - as growth_take_locked(), which prefers LUNs, for any @how */
int growth_try_locked(struct data_op *op, uint64_t start, uint64_t end, enum growth_how how);

/**
 * growth_take_rest() - take what there is for a write; all or nothing for other operations
 * On the worker, without locks.
 * @err: why the worker did not get all
 * Return: 0: all blocks have places now; else why not, @err or -ENOMEM.
 */
int growth_take_rest(struct data_op *op, int err);

#endif
