/* SPDX-License-Identifier: Apache-2.0 */
/* limit - the volume may use fewer chunks than its LUNs have. */
#ifndef CXLFS_DATA_ALLOC_LIMIT_H
#define CXLFS_DATA_ALLOC_LIMIT_H

#include "data/alloc/allocator.h"

/**
 * limit_set() - change how many chunks the volume may use; UINT64_MAX: all of its LUNs
 * What is held ahead of need is given back if that helps. Sleeps until the worker has done it; not
 * on the worker.
 * Return: 0; -EINVAL files use more than that, and nothing has changed.
 */
int limit_set(struct allocator *alloc, uint64_t max_chunks);

#endif
