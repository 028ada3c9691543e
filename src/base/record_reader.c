/* SPDX-License-Identifier: Apache-2.0 */
#include "base/record_reader.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record_reader {
	record_read_fn *read;
	void *arg;
	uint32_t version;
	uint64_t checksum;
	uint64_t nr_records;
	struct record_header header; /* of the present record, in the byte order of the host */
	bool too_short;              /* more was read of the present record than it has */
	uint8_t *field, *record_end; /* in @buf: what is left of the present record */
	size_t next, fill;           /* in @buf: behind the present record; end of what was read */
	uint8_t *buf;
};

ssize_t record_read_fd(void *arg, void *buf, size_t bytes)
{
	const int *fd = arg;
	ssize_t n;

	do
		n = read(*fd, buf, bytes);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Makes @bytes available at buf + next. */
static int fetch(struct record_reader *reader, size_t bytes)
{
	if (reader->next + bytes > RECORD_BUF_BYTES) {
		memmove(reader->buf, reader->buf + reader->next, reader->fill - reader->next);
		reader->fill -= reader->next;
		reader->next = 0;
	}
	while (reader->fill - reader->next < bytes) {
		ssize_t n = reader->read(reader->arg, reader->buf + reader->fill,
					 RECORD_BUF_BYTES - reader->fill);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EBADMSG;
		reader->fill += (size_t)n;
	}
	return 0;
}

static int read_stream_header(struct record_reader *reader, const char *kind, uint32_t version)
{
	struct record_stream_header header;
	int err = fetch(reader, sizeof(header));

	if (err)
		return err;
	memcpy(&header, reader->buf, sizeof(header));
	reader->next = sizeof(header);
	reader->checksum = record_checksum(
		0, &header, offsetof(struct record_stream_header, checksum), NULL, 0);
	if (memcmp(header.magic, RECORD_MAGIC, sizeof(header.magic)) != 0 ||
	    strncmp(header.kind, kind, sizeof(header.kind)) != 0 ||
	    le64toh(header.checksum) != reader->checksum)
		return -EBADMSG;
	reader->version = le32toh(header.version);
	return reader->version > version ? -EPROTONOSUPPORT : 0;
}

int record_reader_new(const char *kind, uint32_t version, record_read_fn *read, void *arg,
		      struct record_reader **ret_reader)
{
	struct record_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader)
		return -ENOMEM;
	reader->read = read;
	reader->arg = arg;
	reader->buf = record_buf_new();
	err = reader->buf ? read_stream_header(reader, kind, version) : -ENOMEM;
	if (err) {
		record_reader_free(reader);
		return err;
	}
	*ret_reader = reader;
	return 0;
}

void record_reader_free(struct record_reader *reader)
{
	if (reader)
		record_buf_free(reader->buf);
	free(reader);
}

uint32_t record_reader_version(const struct record_reader *reader)
{
	return reader->version;
}

static int read_header(struct record_reader *reader, struct record_header *ret_raw)
{
	struct record_header *header = &reader->header;
	int err = fetch(reader, sizeof(*header));

	if (err)
		return err;
	memcpy(ret_raw, reader->buf + reader->next, sizeof(*ret_raw));
	header->type = le16toh(ret_raw->type);
	header->flags = le16toh(ret_raw->flags);
	header->bytes = le32toh(ret_raw->bytes);
	header->checksum = le64toh(ret_raw->checksum);
	return header->bytes <= RECORD_MAX_BYTES ? 0 : -EBADMSG;
}

static int read_record(struct record_reader *reader)
{
	const struct record_header *header = &reader->header;
	struct record_header raw;
	int err = read_header(reader, &raw);

	if (!err)
		err = fetch(reader, sizeof(raw) + header->bytes);
	if (err)
		return err;
	reader->field = reader->buf + reader->next + sizeof(raw);
	reader->record_end = reader->field + header->bytes;
	reader->next += sizeof(raw) + header->bytes;
	reader->too_short = false;
	reader->checksum =
		record_checksum(reader->checksum, &raw, offsetof(struct record_header, checksum),
				reader->field, header->bytes);
	return reader->checksum == header->checksum ? 0 : -EBADMSG;
}

/* Something behind the end mark means that the stream is not what was written. */
static int check_end(struct record_reader *reader)
{
	if (record_get_u64(reader) != reader->nr_records)
		return -EBADMSG;
	switch (fetch(reader, 1)) {
	case -EBADMSG:
		return 0;
	case 0:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

int record_next(struct record_reader *reader, uint16_t *ret_type)
{
	int err = read_record(reader);

	if (!err && reader->header.type == RECORD_END)
		err = check_end(reader);
	if (err)
		return err;
	reader->nr_records++;
	*ret_type = reader->header.type;
	return 0;
}

int record_skip_unknown(const struct record_reader *reader)
{
	return reader->header.flags & RECORD_OPTIONAL ? 0 : -EPROTONOSUPPORT;
}

size_t record_left(const struct record_reader *reader)
{
	return (size_t)(reader->record_end - reader->field);
}

void *record_get_bytes(struct record_reader *reader, size_t bytes)
{
	uint8_t *field = reader->field;

	if (bytes > record_left(reader)) {
		reader->too_short = true;
		return NULL;
	}
	reader->field += bytes;
	return field;
}

int record_get_error(const struct record_reader *reader)
{
	return reader->too_short ? -EPROTO : 0;
}

/* Copies a field, or leaves @value as it is if the record is too short. */
static void get(struct record_reader *reader, void *value, size_t bytes)
{
	const void *field = record_get_bytes(reader, bytes);

	if (field)
		memcpy(value, field, bytes);
}

uint8_t record_get_u8(struct record_reader *reader)
{
	uint8_t value = 0;

	get(reader, &value, sizeof(value));
	return value;
}

uint16_t record_get_u16(struct record_reader *reader)
{
	uint16_t value = 0;

	get(reader, &value, sizeof(value));
	return le16toh(value);
}

uint32_t record_get_u32(struct record_reader *reader)
{
	uint32_t value = 0;

	get(reader, &value, sizeof(value));
	return le32toh(value);
}

uint64_t record_get_u64(struct record_reader *reader)
{
	uint64_t value = 0;

	get(reader, &value, sizeof(value));
	return le64toh(value);
}
