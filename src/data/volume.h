/* SPDX-License-Identifier: Apache-2.0 */
/* volume - what the files of a volume share: the allocator and the pool of bounce buffers. */
#ifndef CXLFS_DATA_VOLUME_H
#define CXLFS_DATA_VOLUME_H

#include "data/alloc/allocator.h"
#include "data/bounce_buffer.h"
#include "data/data.h"

/* Locks: those of the allocator, see there; the locks of the bounce pool come last. */
struct data_volume {
	struct superpipe *sp;
	struct allocator alloc;
	struct bounce_pool bounce;
};

#endif
