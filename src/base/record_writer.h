/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_writer - write a stream of records; record_format.h describes it.
 *
 * The first error of the sink is kept: what follows does nothing, and record_writer_finish()
 * returns it. So only loops that may run long look at record_writer_error().
 *
 * Threads: one at a time. Errors: -errno.
 */
#ifndef CXLFS_BASE_RECORD_WRITER_H
#define CXLFS_BASE_RECORD_WRITER_H

#include "base/record_format.h"

struct record_writer;

/** Writes all of @data. Return: 0; -errno. */
typedef int record_write_fn(void *arg, const void *data, size_t bytes);

/** record_write_fd() - write to a file or a pipe; a record_write_fn. @arg: points to an int, the
 * descriptor */
int record_write_fd(void *arg, const void *data, size_t bytes);

/**
 * record_writer_new() - begin a stream
 * @kind: what the stream is, up to RECORD_KIND_BYTES characters
 * @write: the sink; called for about 256 KiB at a time
 * Return: 0; -ENOMEM.
 */
int record_writer_new(const char *kind, uint32_t version, record_write_fn *write, void *arg,
		      struct record_writer **ret_writer);

/** record_writer_finish() - write the end mark and all that is left. Return: 0; the first error. */
int record_writer_finish(struct record_writer *writer);

/** record_writer_free() - Accepts NULL. A stream that was not finished has no end mark. */
void record_writer_free(struct record_writer *writer);

/** Return: 0, or the first error. */
int record_writer_error(const struct record_writer *writer);

/** record_writer_fail() - make @err, a negative errno, the first error unless there is one */
void record_writer_fail(struct record_writer *writer, int err);

/**
 * record_begin() - begin a record
 * @type: not RECORD_END. @flags: RECORD_OPTIONAL or 0
 * Then put its fields, RECORD_MAX_BYTES in all, and call record_end().
 */
void record_begin(struct record_writer *writer, uint16_t type, uint16_t flags);
void record_end(struct record_writer *writer);

void record_put_u8(struct record_writer *writer, uint8_t value);
void record_put_u16(struct record_writer *writer, uint16_t value);
void record_put_u32(struct record_writer *writer, uint32_t value);
void record_put_u64(struct record_writer *writer, uint64_t value);
void record_put_bytes(struct record_writer *writer, const void *data, size_t bytes);

/** record_put_room() - @bytes in the record, which the caller fills before record_end() */
void *record_put_room(struct record_writer *writer, size_t bytes);

/** record_bytes() - return the number of bytes in the present record so far */
size_t record_bytes(const struct record_writer *writer);

#endif
