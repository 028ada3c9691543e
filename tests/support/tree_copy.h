/* SPDX-License-Identifier: Apache-2.0 */
/* tree_copy - a tree through a snapshot and back. */
#ifndef CXLFS_TESTS_SUPPORT_TREE_COPY_H
#define CXLFS_TESTS_SUPPORT_TREE_COPY_H

#include "support/memory_stream.h"
#include "tree/snapshot.h"

/** tree_copy_write() - fills an empty stream */
void tree_copy_write(const struct tree *tree, enum tree_snapshot_what what,
		     struct memory_stream *stream);

/** tree_copy_read() - Return: 0, and *ret_tree; the first error of the stream. */
int tree_copy_read(struct memory_stream *stream, const struct tree_config *config,
		   struct tree **ret_tree);

#endif
