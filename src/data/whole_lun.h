/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_lun - files that are a whole LUN: all of it is mapped and written, and truncate cannot
 * change its size.
 */
#ifndef CXLFS_DATA_WHOLE_LUN_H
#define CXLFS_DATA_WHOLE_LUN_H

#include "data/data.h"

/**
 * whole_lun_check() - check an operation against the fixed size; cut a WRITE to what fits.
 * Return: 1 to go on; 0 there is nothing to do; -errno.
 */
int whole_lun_check(struct data_op *op);

#endif
