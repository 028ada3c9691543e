/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot - where the contents of all files lie, as a stream of records.
 *
 * For a process that takes over the vLUNs of another one under the same handles, see
 * superpipe/clone.h. The contents themselves are not in the stream.
 *
 * Records, in this order: one VOLUME; a SEGMENT for each; for each file FILE, then its VLUNs,
 * CHUNKs and EXTENTS; END. snapshot_write.c has their fields.
 */
#ifndef CXLFS_DATA_SNAPSHOT_H
#define CXLFS_DATA_SNAPSHOT_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "data/data.h"

/** What is the same as long as the volume exists. */
struct data_geometry {
	uint32_t chunk_blocks;
	uint32_t nr_luns;
	uint32_t stripe_blocks; /* 0: one LUN is filled after the other */
};

/* Record types of the layer; 0x200 to 0x2ff are reserved for it. */
enum data_record {
	DATA_RECORD_VOLUME = 0x200,
	DATA_RECORD_SEGMENT,
	DATA_RECORD_FILE,
	DATA_RECORD_VLUN,
	DATA_RECORD_CHUNK,
	DATA_RECORD_EXTENTS,
	DATA_RECORD_END,
};

/**
 * data_volume_quiesce() - stop all that the volume does by itself, and give back what it holds
 * ahead of need
 * No operation may be in flight or be submitted before data_volume_resume(). Sleeps until jobs that
 * are queued are done: files that were freed are then gone. May take as long as some ioctls.
 */
void data_volume_quiesce(struct data_volume *vol);
void data_volume_resume(struct data_volume *vol);

/** data_volume_geometry() - return the geometry; call it after data_volume_set_stripe_bytes() */
void data_volume_geometry(const struct data_volume *vol, struct data_geometry *ret_geometry);

/** Gives the next file and its number. Return: false: there is none. */
typedef bool data_snapshot_next_fn(void *arg, uint64_t *ret_id, struct data_file **ret_file);

/**
 * data_snapshot_write() - write the volume and all its files
 * The volume must be quiesced.
 * @next: called until it returns false; an id is any number of the caller
 * Return: 0; -EOPNOTSUPP a file is a whole LUN; the first error of the writer.
 */
int data_snapshot_write(struct data_volume *vol, data_snapshot_next_fn *next, void *arg,
			struct record_writer *out);

/** Receives a file. Return: 0: it is the callee's; -errno. */
typedef int data_snapshot_add_fn(void *arg, uint64_t id, struct data_file *file);

/**
 * data_snapshot_read() - make the files again over the vLUNs that superpipe_attach_clone() cloned
 * @vol: new, quiesced, with the same LUNs in the same order; remains quiesced
 * @in: is at the record before VOLUME; then at END
 * Return: 0; -EINVAL LUNs of another kind or number; -EPROTO the records contradict each other;
 * -ENOMEM; others of @add and of record_next(). After an error free the files that were added, then
 * the volume: this releases the handles in the contexts of @vol alone.
 */
int data_snapshot_read(struct data_volume *vol, struct record_reader *in, data_snapshot_add_fn *add,
		       void *arg);

#endif
