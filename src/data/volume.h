/* SPDX-License-Identifier: Apache-2.0 */
/* volume - what the files of a volume share. */
#ifndef CXLFS_DATA_VOLUME_H
#define CXLFS_DATA_VOLUME_H

#include "data/alloc/allocator.h"
#include "data/bounce_buffer.h"
#include "data/data.h"
#include "data/stripe.h"

/* Locks: those of the allocator, see there; then the mover's and the freezer's; those of the bounce
 * pool come last.
 */
struct data_volume {
	struct superpipe *sp;
	struct allocator alloc;
	struct bounce_pool bounce;
	struct mover *mover;
	struct freezer *freezer;
	struct stripes stripes;  /* set before there are files */
	struct stripes in_order; /* for whole LUNs */
};

#endif
