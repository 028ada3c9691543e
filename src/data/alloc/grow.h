/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow - a file's vLUNs are opened and grown; segments are made.
 *
 * Before a file is refused flash, what others hold ahead of need is taken back: see shrink.h.
 *
 * All functions run on the worker; call them without the lock of the file.
 */
#ifndef CXLFS_DATA_ALLOC_GROW_H
#define CXLFS_DATA_ALLOC_GROW_H

#include "data/alloc/file_space.h"

/**
 * grow_file() - get @nr more slots on any LUN, or as many as there is flash for
 * Return: 0; -ENOSPC there are fewer; -ENOMEM; -EIO every LUN has failed.
 */
int grow_file(struct file_space *space, uint64_t nr);

/**
 * grow_on_lun() - get @nr more slots on one LUN, or as many as there is flash for
 * Return: 0, also when there are fewer; -ENOSPC no vLUN can be opened; -ENOMEM; -EIO the LUN has
 * failed.
 */
int grow_on_lun(struct file_space *space, unsigned lun, uint64_t nr);

/**
 * grow_segments() - make segments until @nr_blocks are free and unclaimed
 * Return: 0; -ENOSPC; -ENOMEM; -EIO. Segments made before an error stay.
 */
int grow_segments(struct allocator *alloc, uint64_t nr_blocks);

/** grow_ahead() - get one more slot on each LUN of ahead_luns where the file uses all it has
 */
void grow_ahead(struct file_space *space);

/** grow_settle() - give back slots that were not used (@failed), or keep them for a while
 */
void grow_settle(struct file_space *space, bool failed);

#endif
