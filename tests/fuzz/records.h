/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records - makes a stream of records of an input.
 *
 * The input is a byte of flags and then either a stream as it is stored, or its records without
 * checksums, which are added: damage that a checksum finds is of little interest. Each record is a
 * byte for its type, two for its length, and its payload.
 */
#ifndef CXLFS_TESTS_FUZZ_RECORDS_H
#define CXLFS_TESTS_FUZZ_RECORDS_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "fuzz/fuzz.h"

#define RECORDS_KIND "fuzz"

/** A stream in memory; all zeros is empty. */
struct records {
	uint8_t *data;
	size_t bytes, at;
};

/**
 * records_make() - make the stream of an input
 * @first_type, @nr_types: of its records; those beyond are optional ones
 */
void records_make(struct fuzz_input input, uint16_t first_type, uint16_t nr_types,
		  struct records *ret_records);
void records_free(struct records *records);

/** records_writer() / records_reader() - the ends of a stream */
struct record_writer *records_writer(struct records *records);
/** Return: as record_reader_new(). */
int records_reader(struct records *records, struct record_reader **ret_reader);

#endif
