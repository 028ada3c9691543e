/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_internal - what the files that write and read a snapshot share. */
#ifndef CXLFS_DATA_SNAPSHOT_INTERNAL_H
#define CXLFS_DATA_SNAPSHOT_INTERNAL_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "data/mapping_internal.h"
#include "data/snapshot.h"
#include "superpipe/clone.h"

#define DATA_RECORD_EOF_NEEDS_ZEROING 0x1u /* flag of a file: see struct data_file */

void data_record_put_volume(struct record_writer *out, const struct data_geometry *geometry);

void data_record_put_segment(struct record_writer *out, const struct superpipe_vlun_source *vlun,
			     uint64_t number);

struct data_record_file {
	uint64_t id, number, size;
	bool eof_needs_zeroing;
	unsigned home;
};

void data_record_put_file(struct record_writer *out, const struct data_record_file *file);

/** @nr: chunks of it that may be used */
void data_record_put_vlun(struct record_writer *out, const struct superpipe_vlun_source *vlun,
			  uint32_t nr);

void data_record_put_chunk(struct record_writer *out, const struct data_chunk *chunk);

/**
 * The records of a file's extents. Neighbours are joined: a write that failed has split extents
 * without changing them, and reports only changes.
 */
struct data_record_extents {
	struct record_writer *out;
	struct data_change_extent last; /* not yet in a record; none if it has no blocks */
	uint32_t last_segment;
	bool is_begun; /* a record */
};

/** @extents: begins with @out alone. @segment: how many SEGMENT records came before that of its
 * segment. */
void data_record_add_extent(struct data_record_extents *extents,
			    const struct data_change_extent *extent, uint32_t segment);

/** After the last one. */
void data_record_end_extents(struct data_record_extents *extents);

/*
 * Each reads what the function above has written. Return: 0; -EPROTO.
 */
int data_record_get_volume(struct record_reader *in, struct data_geometry *ret_geometry);
int data_record_get_vlun(struct record_reader *in, uint32_t nr_luns,
			 struct superpipe_vlun_source *ret_vlun);
/** Without its number, which follows in the record. */
int data_record_get_file(struct record_reader *in, uint32_t nr_luns,
			 struct data_record_file *ret_file);
/** Adds to @map. Also -ENOMEM. */
int data_record_get_runs(struct record_reader *in, struct written_map *map);
/** Without its segment. Return: @segment; see record_get_error(). */
uint32_t data_record_get_extent(struct record_reader *in, struct data_change_extent *ret_extent);

/** One function for each type of record; for EXTENTS one for each extent. Return: 0; -errno. */
struct data_record_readers {
	int (*volume)(void *arg);
	int (*segment)(void *arg);
	int (*file)(void *arg);
	int (*vlun)(void *arg);
	int (*chunk)(void *arg);
	int (*extent)(void *arg);
};

/**
 * data_records_read() - read all records of a snapshot up to END
 * Each function finds @in at its record. The first one called is that of the only VOLUME, and none
 * of the last three is called before that of a FILE.
 * Return: 0; -EPROTO the records are in another order; the first error of a function or of @in.
 */
int data_records_read(struct record_reader *in, const struct data_record_readers *readers,
		      void *arg);

#endif
