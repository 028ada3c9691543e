/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_format - a stream of records with checksums: the format of snapshots.
 *
 *   header    magic, kind and version of the stream, checksum
 *   record    type, flags, length, checksum, payload; any number
 *   end mark  a record of type 0 with the number of records before it
 *
 * All numbers are little-endian. A checksum is XXH3 with 64 bits. That of a record begins with the
 * checksum of the record before it, so a stream with a record that is damaged, missing, repeated or
 * from another stream is refused at that record, and one that was cut short has no end mark.
 * Neither side seeks, so a stream can pass through a pipe.
 *
 * Compatibility, when the format changes:
 *   - new fields come at the end of a record: an old reader does not look at them, and a new reader
 *     sees from record_left() that an old record has none;
 *   - a record that an old reader may ignore has RECORD_OPTIONAL; it refuses any other unknown one;
 *   - for any other change the version of the kind is increased: a reader refuses versions above
 *     its own.
 */
#ifndef CXLFS_BASE_RECORD_FORMAT_H
#define CXLFS_BASE_RECORD_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_MAX_BYTES  ((1u << 20) + 4096u) /* payload of one record */
#define RECORD_KIND_BYTES 8u

#define RECORD_END 0u /* the type of the end mark */

#define RECORD_OPTIONAL 0x1u /* flag: a reader that does not know the type skips the record */

#define RECORD_MAGIC "cxlfs\r\n\x1a" /* 8 bytes; a transfer as text would change it */

struct record_stream_header {
	char magic[8];
	char kind[RECORD_KIND_BYTES]; /* padded with NULs */
	uint32_t version;
	uint32_t zero;
	uint64_t checksum; /* of all before it */
};
_Static_assert(sizeof(struct record_stream_header) == 32, "as stored");

struct record_header {
	uint16_t type;
	uint16_t flags;
	uint32_t bytes;    /* of the payload, which follows */
	uint64_t checksum; /* of all before it and of the payload */
};
_Static_assert(sizeof(struct record_header) == 16, "as stored");

/** record_checksum() - return the checksum of @head and then @payload, continuing from @before */
uint64_t record_checksum(uint64_t before, const void *head, size_t head_bytes, const void *payload,
			 size_t payload_bytes);

/* What both sides have memory for: the largest record, and what is written or read at a time. */
#define RECORD_FLUSH_BYTES (256u << 10)
#define RECORD_BUF_BYTES   (RECORD_FLUSH_BYTES + sizeof(struct record_header) + RECORD_MAX_BYTES)

/**
 * record_buf_new() - memory of RECORD_BUF_BYTES
 * A stream that is short costs little: only the pages that are used are allocated.
 * Return: NULL if there is no memory.
 */
uint8_t *record_buf_new(void);

/** record_buf_free() - Accepts NULL. */
void record_buf_free(uint8_t *buf);

#endif
