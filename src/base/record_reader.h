/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_reader - read a stream of records; record_format.h describes it.
 *
 * A record is checked as a whole before any of it is returned. A field beyond the end of its record
 * reads as zeros and makes record_get_error() return -EPROTO.
 *
 * Threads: one at a time. Errors:
 *   -EBADMSG          damaged, cut short, or not such a stream at all
 *   -EPROTONOSUPPORT  of a newer version
 *   -EPROTO           intact, but what it says is impossible
 *   others            of the source
 */
#ifndef CXLFS_BASE_RECORD_READER_H
#define CXLFS_BASE_RECORD_READER_H

#include <sys/types.h>

#include "base/record_format.h"

struct record_reader;

/** Reads up to @bytes. Return: how many; 0 at the end; -errno. */
typedef ssize_t record_read_fn(void *arg, void *buf, size_t bytes);

/** record_read_fd() - read from a file or a pipe; a record_read_fn. @arg: points to an int, the
 * descriptor */
ssize_t record_read_fd(void *arg, void *buf, size_t bytes);

/**
 * record_reader_new() - open a stream and read its header
 * @version: the newest that the caller knows
 * Reads ahead, perhaps beyond the end mark. Return: 0; -ENOMEM; see above.
 */
int record_reader_new(const char *kind, uint32_t version, record_read_fn *read, void *arg,
		      struct record_reader **ret_reader);

/** record_reader_free() - Accepts NULL. */
void record_reader_free(struct record_reader *reader);

/** Return: the version of the stream. */
uint32_t record_reader_version(const struct record_reader *reader);

/**
 * record_next() - go to the next record, and check it
 * @ret_type: RECORD_END after the last one, and then the source is at its end too, or else the
 *            result is -EBADMSG
 * Return: 0; see above.
 */
int record_next(struct record_reader *reader, uint16_t *ret_type);

/** record_skip_unknown() - skip a record of a type that the caller does not know
 *  Return: 0: ignore it; -EPROTONOSUPPORT: it is not optional. */
int record_skip_unknown(const struct record_reader *reader);

uint8_t record_get_u8(struct record_reader *reader);
uint16_t record_get_u16(struct record_reader *reader);
uint32_t record_get_u32(struct record_reader *reader);
uint64_t record_get_u64(struct record_reader *reader);

/** record_get_bytes() - Return: the next @bytes, valid until record_next(); NULL: there are fewer.
 */
void *record_get_bytes(struct record_reader *reader, size_t bytes);

/** record_left() - return how many bytes of the record are not read yet */
size_t record_left(const struct record_reader *reader);

/** Return: 0; -EPROTO: the record was shorter than what was read of it. */
int record_get_error(const struct record_reader *reader);

#endif
