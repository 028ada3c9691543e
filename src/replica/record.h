/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - what the process that serves a volume writes to the journal for a standby.
 *
 * A record of the journal is a list of items, which take effect together: the standby gets all of
 * them, or none. A change and the outcome of its request are in one record. Once the record is
 * committed, the request is never executed again, even if the process dies before it answers.
 *
 * A record is committed before the lock is released that protects what has changed; see journal.h.
 * Everything is in the byte order and with the layout of the machine.
 */
#ifndef CXLFS_REPLICA_RECORD_H
#define CXLFS_REPLICA_RECORD_H

#include <stdint.h>

#include "data/snapshot.h"

/* Changes with what the items are, also those of the tree and of data, and with the journal. */
#define REPLICA_RECORD_VERSION 1u

enum replica_item_kind {
	REPLICA_ITEM_START = 1, /* struct replica_start; the first of an empty volume */
	REPLICA_ITEM_TREE,      /* encoded struct tree_change, one after the other */
	REPLICA_ITEM_DATA,      /* a struct data_change */
	REPLICA_ITEM_FILE,      /* struct replica_file */
	REPLICA_ITEM_LIMITS,    /* struct replica_limits */
	REPLICA_ITEM_OUTCOME,   /* struct replica_outcome; the last of its record */
	REPLICA_ITEM_STREAM,    /* a part of the stream of a tree, which replaces the present one;
				   empty: the last part; see replica/stream.h */
};

/** Before each item, at a multiple of 8. The last item need not be filled up. */
struct replica_item {
	uint32_t kind;
	uint32_t bytes; /* that follow, without what fills up to a multiple of 8 */
};

/** An empty volume: its root directory and the shape of its data. */
struct replica_start {
	uint32_t version; /* REPLICA_RECORD_VERSION */
	uint32_t root_uid, root_gid, root_mode;
	uint64_t seed;        /* of the tree */
	int64_t root_seconds; /* times of the root directory */
	int64_t root_nanoseconds;
	struct data_geometry geometry;
	uint32_t zero;
};

/** A file of the tree got its data object. */
struct replica_file {
	uint64_t ino;
	uint64_t number; /* data_file_number() */
};

/** The limits of the volume, as the snapshot of a file system has them. */
struct replica_limits {
	uint64_t size_bytes, reserve_bytes;
	uint32_t reserve_ppm, zero;
	uint64_t max_inodes, max_user_inodes;
};

enum replica_outcome_kind {
	REPLICA_OUTCOME_ERROR = 1, /* answered with @error alone: 0 or -errno */
	REPLICA_OUTCOME_ENTRY,     /* with the entry of @ino, which has its reference */
	REPLICA_OUTCOME_CREATED,   /* the same, and open with the flags @value, which is counted */
	REPLICA_OUTCOME_OPENED,    /* @ino is open with the flags @value, which is counted */
	REPLICA_OUTCOME_ATTR,      /* with the attributes of @ino */
	REPLICA_OUTCOME_LISTED,    /* a directory was listed: the references that it took must be
				      undone */
	REPLICA_OUTCOME_FORGOTTEN, /* @value of the inodes of a FORGET or BATCH_FORGET are done */
};

/** What has become of a request. */
struct replica_outcome {
	uint64_t unique; /* of the request; 0: none */
	uint32_t slot;   /* that holds the request, see fuse/transport/slot.h */
	uint32_t kind;
	int32_t error;
	uint32_t zero;
	uint64_t ino;
	uint64_t value;
};

#endif
