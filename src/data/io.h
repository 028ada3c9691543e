/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io - a round of an operation's I/O.
 *
 * A request that needs more ios or more bounce space than there is runs in rounds: all ios of a
 * round are in flight together, in the order of the file.
 */
#ifndef CXLFS_DATA_IO_H
#define CXLFS_DATA_IO_H

#include "data/mapping.h"
#include "data/op.h"

/** io_round_start() - start a round without ios */
void io_round_start(struct data_op *op);

/**
 * io_round_has_room() - return true if an io can be added
 * May move to the array of a bounce buffer, and takes one if one is free.
 */
bool io_round_has_room(struct data_op *op);

/** io_round_add() - add an io for @nr_blocks of @run; there is room */
void io_round_add(struct data_op *op, const struct mapping_run *run, uint64_t nr_blocks,
		  uint64_t pos, void *buf, bool write);

/**
 * io_round_submit() - start the round; @next is run when all its ios are done
 * Return: what a step returns.
 */
enum step_result io_round_submit(struct data_op *op, data_step_fn *next);

/** io_error() - return the error of an io that is done: 0 or -errno. */
int io_error(const struct data_io *io);

/** io_good_end() - return the file offset after the last byte of @io that was moved; all of it if
 * it succeeded. */
uint64_t io_good_end(const struct data_io *io);

/**
 * io_round_good_end() - find the file offset up to which the round succeeded
 * Return: 0; -errno of the io that ends it.
 */
int io_round_good_end(const struct data_op *op, uint64_t *ret_end);

/** io_is_bounced() - return true if this io uses the bounce buffer, not the caller's memory */
bool io_is_bounced(const struct data_op *op, const struct data_io *io);

/** op_buf_at() - return the caller's memory for file offset @pos of a READ or WRITE. */
static inline uint8_t *op_buf_at(const struct data_op *op, uint64_t pos)
{
	return (uint8_t *)op->buf + (pos - op->offset);
}

/** op_buf_direct() - return true if the device can use the caller's memory at @pos */
static inline bool op_buf_direct(const struct data_op *op, uint64_t pos)
{
	return (uintptr_t)op_buf_at(op, pos) % 16 == 0;
}

#endif
