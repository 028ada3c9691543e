/* SPDX-License-Identifier: Apache-2.0 */
/* replica_internal - what the files of a replica share. */
#ifndef CXLFS_REPLICA_REPLICA_INTERNAL_H
#define CXLFS_REPLICA_REPLICA_INTERNAL_H

#include "data/replica.h"
#include "replica/replica.h"
#include "tree/tree.h"

/** References that a request has taken. */
struct replica_ref {
	uint64_t ino, count;
};

struct replica_refs {
	struct replica_ref *at;
	size_t nr, max;
};

struct replica_slot {
	struct replica_outcome outcome;
	struct replica_refs listed; /* if @outcome is REPLICA_OUTCOME_LISTED */
};

/** A stream of which parts have come. */
struct replica_parts {
	char *data;
	size_t bytes, max; /* in use, allocated */
	size_t at;         /* that have been read */
};

/*
 * A regular file with data has them as payload, and its data have the number of the inode as owner:
 * both or neither.
 */
struct replica {
	struct tree *tree; /* NULL: there is no volume */
	struct data_replica *data;
	struct replica_limits limits;
	struct replica_slot *slots; /* by number */
	uint32_t nr_slots;
	struct replica_refs taken; /* by the present record */
	struct replica_parts parts;
	int err; /* the first error; it lasts */
};

/** replica_tree_config() - return the configuration of a tree of this replica, without its root */
struct tree_config replica_tree_config(struct replica *replica);

/** replica_give_file() - give an inode its data. Return: 0; -EPROTO it has some, or the data are
 *  another's, or it is no regular file. */
int replica_give_file(struct replica *replica, uint64_t ino, struct data_replica_file *file);

/** replica_take_file() - take data from their inode, if they have one */
void replica_take_file(struct replica *replica, struct data_replica_file *file);

/** replica_add_part() - add a part of a tree; empty: the tree takes the place of the present
 *  one. Return: 0; -EBADMSG, -EPROTO, -EPROTONOSUPPORT it is no tree; -ENOMEM. */
int replica_add_part(struct replica *replica, const void *part, size_t bytes);

/** replica_add_ref() - note references. Return: 0; -ENOMEM. */
int replica_add_ref(struct replica_refs *refs, uint64_t ino, uint64_t count);

/** replica_set_outcome() - note the outcome of a request. Return: 0; -EPROTO; -ENOMEM. */
int replica_set_outcome(struct replica *replica, const struct replica_outcome *outcome);

#endif
