/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - the snapshot of a whole volume, for a process that takes it over.
 *
 * A stream of base/record_format.h. Records, in this order: LIMITS; COUNTS; those of
 * tree/snapshot.h; those of data/snapshot.h, whose ids are numbers of inodes. The process that
 * serves writes it, or a standby after that one is dead.
 */
#ifndef CXLFS_REPLICA_STREAM_H
#define CXLFS_REPLICA_STREAM_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "replica/record.h"

#define REPLICA_STREAM_KIND    "takeover"
#define REPLICA_STREAM_VERSION 2

#define REPLICA_STREAM_LIMITS 0x300
#define REPLICA_STREAM_COUNTS 0x301 /* of requests, as fuse has them; empty: none are known */

/* The stream of REPLICA_ITEM_STREAM: the records of tree/snapshot.h alone. */
#define REPLICA_TREE_KIND    "tree"
#define REPLICA_TREE_VERSION 1

/** replica_stream_put_limits() - write the record LIMITS */
void replica_stream_put_limits(struct record_writer *out, const struct replica_limits *limits);

/** replica_stream_get_limits() - read the next record, LIMITS. Return: 0; -EPROTO it is not; others
 *  of record_next(). */
int replica_stream_get_limits(struct record_reader *in, struct replica_limits *ret_limits);

/**
 * replica_stream_get_counts() - read the next record, COUNTS
 * @ret_counts: @bytes of it, of any alignment, valid until the next record; NULL: none are known
 * Return: 0; -EPROTO it is not such a record; others of record_next().
 */
int replica_stream_get_counts(struct record_reader *in, size_t bytes, const void **ret_counts);

#endif
