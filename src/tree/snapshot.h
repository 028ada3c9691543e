/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot - write a tree into a stream of records, and make it again.
 *
 * The tree that is read is the same machine: the same numbers, generations and directory cookies,
 * and the next inode gets the same number as in the tree that was written. Payloads are not
 * included: the caller sets them again with tree_set_payload().
 *
 * Records, in this order: one TREE; FREE with the free inode numbers; for each inode, by number,
 * INODE and its XATTRs; for each directory DIR and ENTRIES; TREE_END. snapshot_write.c has their
 * fields.
 */
#ifndef CXLFS_TREE_SNAPSHOT_H
#define CXLFS_TREE_SNAPSHOT_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "tree/tree.h"

/* Record types of the tree; 0x100 to 0x1ff are reserved for it. */
enum tree_record {
	TREE_RECORD_TREE = 0x100,
	TREE_RECORD_FREE,
	TREE_RECORD_INODE,
	TREE_RECORD_XATTR,
	TREE_RECORD_DIR,
	TREE_RECORD_ENTRIES,
	TREE_RECORD_END,
};

enum tree_snapshot_what {
	/** Everything, for a process that goes on with the same kernel: also references, inodes
	 *  without a name and the counts of tree_add_writers(). */
	TREE_SNAPSHOT_ALL,
	/** What has a name, for a new mount: nothing is referenced or open. */
	TREE_SNAPSHOT_NAMED,
};

/**
 * tree_snapshot_write() - write the tree
 * Lock: nothing may change the tree, references and times included.
 * Return: 0; the first error of the writer. About 150 bytes for each inode.
 */
int tree_snapshot_write(const struct tree *tree, enum tree_snapshot_what what,
			struct record_writer *out);

/**
 * tree_snapshot_read() - make a tree from its records
 * @config: limits and payload functions; the rest comes from the stream
 * @in: is at the record before TREE; then at TREE_END
 * No payload is set, so payload_free() is not called if it fails. payload_orphaned() is called by
 * tree_set_payload().
 * Return: 0; -ENOSPC more inodes, or numbers of inodes, than config->max_inodes; -ENOMEM; -EPROTO
 * the records do not make a tree; others of record_next().
 */
int tree_snapshot_read(const struct tree_config *config, struct record_reader *in,
		       struct tree **ret_tree);

/**
 * tree_snapshot_has() - return true if a snapshot includes this inode
 * For what the caller itself writes about inodes.
 */
bool tree_snapshot_has(const struct tree_inode *inode, enum tree_snapshot_what what);

#endif
