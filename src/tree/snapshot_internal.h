/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_internal - what the files that write and read the snapshot of a tree share. */
#ifndef CXLFS_TREE_SNAPSHOT_INTERNAL_H
#define CXLFS_TREE_SNAPSHOT_INTERNAL_H

#include "tree/snapshot.h"

#define TREE_RECORD_LINKABLE 0x1u /* flag of an inode: from tree_tmpfile(), never had a name */

/**
 * tree_snapshot_settle() - complete and verify a tree whose inodes and entries have been read
 * @named: a bit for each directory, by inode number, that has a name
 * Return: 0; -EPROTO; -EMLINK; -ENOMEM.
 */
int tree_snapshot_settle(struct tree *tree, const uint64_t *named);

#endif
