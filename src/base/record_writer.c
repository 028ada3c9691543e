/* SPDX-License-Identifier: Apache-2.0 */
#include "base/record_writer.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record_writer {
	record_write_fn *write;
	void *arg;
	int err; /* the first one */
	uint64_t checksum;
	uint64_t nr_records;
	size_t fill;  /* bytes in @buf */
	size_t start; /* where the present record begins */
	uint8_t *buf;
};

int record_write_fd(void *arg, const void *data, size_t bytes)
{
	const int *fd = arg;
	const char *next = data;

	while (bytes) {
		ssize_t n = write(*fd, next, bytes);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			next += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

static void put_header(struct record_writer *writer, const char *kind, uint32_t version)
{
	struct record_stream_header header = { .magic = RECORD_MAGIC, .version = htole32(version) };

	assert(strlen(kind) <= RECORD_KIND_BYTES);
	memcpy(header.kind, kind, strlen(kind));
	writer->checksum = record_checksum(
		0, &header, offsetof(struct record_stream_header, checksum), NULL, 0);
	header.checksum = htole64(writer->checksum);
	memcpy(writer->buf, &header, sizeof(header));
	writer->fill = sizeof(header);
}

int record_writer_new(const char *kind, uint32_t version, record_write_fn *write, void *arg,
		      struct record_writer **ret_writer)
{
	struct record_writer *writer = calloc(1, sizeof(*writer));

	if (writer)
		writer->buf = record_buf_new();
	if (!writer || !writer->buf) {
		free(writer);
		return -ENOMEM;
	}
	writer->write = write;
	writer->arg = arg;
	put_header(writer, kind, version);
	*ret_writer = writer;
	return 0;
}

void record_writer_free(struct record_writer *writer)
{
	if (writer)
		record_buf_free(writer->buf);
	free(writer);
}

int record_writer_error(const struct record_writer *writer)
{
	return writer->err;
}

void record_writer_fail(struct record_writer *writer, int err)
{
	if (!writer->err)
		writer->err = err;
}

static void flush(struct record_writer *writer)
{
	if (!writer->err && writer->fill)
		writer->err = writer->write(writer->arg, writer->buf, writer->fill);
	writer->fill = 0;
}

static void begin(struct record_writer *writer, uint16_t type, uint16_t flags)
{
	struct record_header header = { .type = htole16(type), .flags = htole16(flags) };

	writer->start = writer->fill;
	memcpy(writer->buf + writer->start, &header, sizeof(header));
	writer->fill += sizeof(header);
}

void record_begin(struct record_writer *writer, uint16_t type, uint16_t flags)
{
	assert(type != RECORD_END);
	begin(writer, type, flags);
}

size_t record_bytes(const struct record_writer *writer)
{
	return writer->fill - writer->start - sizeof(struct record_header);
}

void record_end(struct record_writer *writer)
{
	uint8_t *start = writer->buf + writer->start;
	struct record_header header;

	memcpy(&header, start, sizeof(header));
	header.bytes = htole32((uint32_t)record_bytes(writer));
	writer->checksum =
		record_checksum(writer->checksum, &header, offsetof(struct record_header, checksum),
				start + sizeof(header), record_bytes(writer));
	header.checksum = htole64(writer->checksum);
	memcpy(start, &header, sizeof(header));
	writer->nr_records++;
	if (writer->fill >= RECORD_FLUSH_BYTES)
		flush(writer);
}

int record_writer_finish(struct record_writer *writer)
{
	uint64_t nr_records = writer->nr_records;

	begin(writer, RECORD_END, 0);
	record_put_u64(writer, nr_records);
	record_end(writer);
	flush(writer);
	return writer->err;
}

void *record_put_room(struct record_writer *writer, size_t bytes)
{
	void *room = writer->buf + writer->fill;

	assert(bytes <= RECORD_MAX_BYTES - record_bytes(writer));
	writer->fill += bytes;
	return room;
}

void record_put_bytes(struct record_writer *writer, const void *data, size_t bytes)
{
	void *room = record_put_room(writer, bytes);

	if (bytes)
		memcpy(room, data, bytes);
}

void record_put_u8(struct record_writer *writer, uint8_t value)
{
	record_put_bytes(writer, &value, sizeof(value));
}

void record_put_u16(struct record_writer *writer, uint16_t value)
{
	value = htole16(value);
	record_put_bytes(writer, &value, sizeof(value));
}

void record_put_u32(struct record_writer *writer, uint32_t value)
{
	value = htole32(value);
	record_put_bytes(writer, &value, sizeof(value));
}

void record_put_u64(struct record_writer *writer, uint64_t value)
{
	value = htole64(value);
	record_put_bytes(writer, &value, sizeof(value));
}
