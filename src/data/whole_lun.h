/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixed - files that are a whole LUN: all of it mapped and written, of one size for ever.
 */
#ifndef CXLFS_DATA_WHOLE_LUN_H
#define CXLFS_DATA_WHOLE_LUN_H

#include "data/data.h"

/**
 * whole_lun_check() - what an operation may do to a file of fixed size; shortens a WRITE to what
 * fits Return: 1 to go on; 0 there is nothing to do; -errno.
 */
int whole_lun_check(struct data_op *op);

#endif
