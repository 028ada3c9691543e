/* SPDX-License-Identifier: Apache-2.0 */
/* replica_internal - what the files of a replica share. */
#ifndef CXLFS_DATA_REPLICA_INTERNAL_H
#define CXLFS_DATA_REPLICA_INTERNAL_H

#include "data/mapping_internal.h"
#include "data/replica.h"

/** What a file has on one LUN. */
struct replica_vlun {
	bool is_open;
	uint32_t handle;
	uint32_t nr; /* chunks */
};

struct replica_segment {
	uint64_t number;
	uint32_t lun, handle, nr_chunks;
	bool is_used; /* for data_replica_prune() */
};

struct data_replica_file {
	uint64_t number;
	uint64_t owner; /* of the caller; 0: none */
	uint64_t size;  /* bytes */
	bool eof_needs_zeroing;
	uint8_t home;
	struct data_chunk **chunks; /* sorted by index */
	uint32_t nr_chunks, max_chunks;
	struct data_change_extent *extents; /* sorted by block */
	uint32_t nr_extents, max_extents;
	struct replica_vlun vluns[]; /* by LUN */
};

struct data_replica {
	struct data_geometry geometry;
	void *files;                    /* a tree of tsearch(3), by number */
	struct data_replica_file *last; /* that was looked for: changes of a file come in a row */
	uint64_t nr_files;
	struct replica_segment *segments; /* sorted by number */
	uint32_t nr_segments, max_segments;
};

/** replica_segment() - return the segment with a number, or NULL */
struct replica_segment *replica_segment(const struct data_replica *replica, uint64_t number);

/** replica_segment_add() - add one. Return: 0; -EPROTO its number is not the highest; -ENOMEM. */
int replica_segment_add(struct data_replica *replica, const struct replica_segment *segment);

/** replica_file_new() - add a file. Return: 0; -EPROTO there is one; -ENOMEM. */
int replica_file_new(struct data_replica *replica, uint64_t number);

/** replica_add_chunk() - add a chunk, which the file then owns. Return: 0; -EPROTO there is one;
 * -ENOMEM.
 */
int replica_add_chunk(struct data_replica_file *file, struct data_chunk *chunk);

/** replica_remove_chunks() - remove the chunks from index @first to @last */
void replica_remove_chunks(struct data_replica_file *file, uint64_t first, uint64_t last);

/** replica_file_gone() - remove a file, if there is one */
void replica_file_gone(struct data_replica *replica, uint64_t number);

/** replica_stripes() - return the stripes, for stripe_group_of() */
struct stripes replica_stripes(const struct data_replica *replica);

/** replica_room() - make room for @nr elements of @bytes in an array. Return: 0; -ENOMEM. */
int replica_room(void *array, uint32_t *max, uint32_t nr, size_t bytes);

/** replica_replace_extents() - replace what there is from block @first to @last by @extents, which
 * are sorted Return: 0; -ENOMEM. */
int replica_replace_extents(struct data_replica_file *file, uint64_t first, uint64_t last,
			    const struct data_change_extent *extents, uint32_t nr);

#endif
