/* SPDX-License-Identifier: Apache-2.0 */
/*
 * move - blocks of a file move between a segment and a slot, or from segment to segment.
 *
 * A DATA_OP_MOVE moves the blocks at the start of its range that lie in one extent, at most as many
 * as a bounce buffer holds. Meanwhile readers and writers of these blocks wait; others do not.
 */
#ifndef CXLFS_DATA_MOVE_H
#define CXLFS_DATA_MOVE_H

#include "data/file.h"

enum move_goal {
	MOVE_TO_SLOT, /* of the chunk, which has outgrown its extents */
	MOVE_AWAY,    /* to another segment, if the extent is in the one that is being emptied */
};

/**
 * move_run() - move what lies in an extent at @block; sleeps, not on the worker
 * Return: how many blocks have moved; 0: the extent is no longer there, or has no such place;
 * -ENOSPC no other segment has room; -ENOMEM; -EIO.
 */
ssize_t move_run(struct data_file *file, enum move_goal goal, uint64_t block);

#endif
