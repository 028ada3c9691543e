/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds - what each kind of operation does first.
 *
 * check: fills range, end and cursor. Return: 1 to go on; else the result of the operation.
 * granted: the first step with the range held. Drops the lock.
 */
#ifndef CXLFS_DATA_KINDS_H
#define CXLFS_DATA_KINDS_H

#include "data/op.h"

int data_read_check(struct data_op *op);
int data_write_check(struct data_op *op);
int data_truncate_check(struct data_op *op);
int data_fallocate_check(struct data_op *op); /* ALLOCATE, PUNCH, ZERO, HOLE */
int data_move_check(struct data_op *op);
int data_await_check(struct data_op *op);
data_step_fn data_read_granted, data_write_granted, data_truncate_granted, data_reserve_granted,
	data_punch_granted, data_move_granted, data_await_granted;

#endif
