/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contents - what files hold, as a stream of records, for a volume that is saved.
 *
 * Holes take no space in the stream, and space that is reserved is reserved again.
 *
 * Records: for each file FILE, with its number and size, then BYTES and RESERVED in any order; END.
 */
#ifndef CXLFS_DATA_CONTENTS_H
#define CXLFS_DATA_CONTENTS_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "data/data.h"

/* Record types; 0x280 to 0x2ff are reserved for them. */
enum data_contents_record {
	DATA_CONTENTS_FILE = 0x280,
	DATA_CONTENTS_BYTES,
	DATA_CONTENTS_RESERVED,
	DATA_CONTENTS_END,
};

/**
 * data_contents_write() - write one file
 * Sleeps. What is written is the file as of one moment if it is frozen.
 * @id: any number of the caller
 * Return: 0; -EIO some of it cannot be read; the first error of the writer.
 */
int data_contents_write(struct data_file *file, uint64_t id, struct record_writer *out);

/** data_contents_end() - write the end of the stream, after all files. Return: 0; the first error
 * of the writer. */
int data_contents_end(struct record_writer *out);

/** Gives the empty file with a number. Return: 0; -errno. */
typedef int data_contents_find_fn(void *arg, uint64_t id, struct data_file **ret_file);

/**
 * data_contents_read() - fill the files
 * Sleeps.
 * @in: is at the record before the first FILE, then at END
 * Return: 0; -ENOSPC; -EIO; others of @find and of record_next().
 */
int data_contents_read(struct record_reader *in, data_contents_find_fn *find, void *arg);

#endif
