/* SPDX-License-Identifier: Apache-2.0 */
/* freezer - operations that wait because their file is frozen; freeze.h has the public functions.
 */
#ifndef CXLFS_DATA_FREEZER_H
#define CXLFS_DATA_FREEZER_H

#include <stdbool.h>

struct data_op;
struct freezer;

/** freezer_new() - Return: NULL: no memory. */
struct freezer *freezer_new(void);

/** freezer_free() - No operation waits. Accepts NULL. */
void freezer_free(struct freezer *freezer);

/**
 * freezer_park_locked() - keep @op, which has not begun, while its file is frozen
 * With the lock of the file. Return: false: it is not frozen. true: data_op_run() is called for it
 * later, perhaps as soon as the lock is dropped.
 */
bool freezer_park_locked(struct data_op *op);

#endif
