/* SPDX-License-Identifier: Apache-2.0 */
#include "data/contents.h"

#include <errno.h>
#include <unistd.h>

#include "base/minmax.h"
#include "data/file.h"

#define MOST_BYTES (1u << 20) /* in a record */

static ssize_t run(struct data_file *file, enum data_op_kind kind, uint64_t offset, void *buf,
		   uint64_t bytes)
{
	struct data_op op = { .file = file,
			      .kind = kind,
			      .keep_size = true,
			      .offset = offset,
			      .bytes = bytes,
			      .buf = buf };

	return data_run(&op);
}

/* ---- writing ---- */

/* If the file shrinks meanwhile, zeros replace what is gone. */
static int put_bytes(struct data_file *file, uint64_t offset, uint64_t bytes,
		     struct record_writer *out)
{
	uint8_t *room;
	ssize_t nr;

	record_begin(out, DATA_CONTENTS_BYTES, 0);
	record_put_u64(out, offset);
	room = record_put_room(out, bytes);
	nr = run(file, DATA_OP_READ, offset, room, bytes);
	for (uint64_t at = nr > 0 ? (uint64_t)nr : 0; at < bytes; at++)
		room[at] = 0;
	record_end(out);
	if (nr < 0)
		return (int)nr;
	if ((uint64_t)nr < bytes && offset + (uint64_t)nr < data_file_size(file))
		return -EIO;
	return record_writer_error(out);
}

static int put_all_bytes(struct data_file *file, struct record_writer *out)
{
	int64_t start = 0, end;
	int err = 0;

	while (!err && (start = data_seek(file, start, SEEK_DATA)) >= 0) {
		end = data_seek(file, start, SEEK_HOLE);
		for (; !err && start < end;
		     start += (int64_t)min_u64((uint64_t)(end - start), MOST_BYTES))
			err = put_bytes(file, (uint64_t)start,
					min_u64((uint64_t)(end - start), MOST_BYTES), out);
	}
	return err;
}

static void put_reserved(struct data_file *file, struct record_writer *out)
{
	uint64_t start = 0, end = 0;
	bool found;

	do {
		file_lock(file);
		found = mapping_next_reserved(&file->map, end, &start, &end);
		file_unlock(file);
		if (found) {
			record_begin(out, DATA_CONTENTS_RESERVED, 0);
			record_put_u64(out, start * DATA_BLOCK_BYTES);
			record_put_u64(out, (end - start) * DATA_BLOCK_BYTES);
			record_end(out);
		}
	} while (found && !record_writer_error(out));
}

int data_contents_write(struct data_file *file, uint64_t id, struct record_writer *out)
{
	int err;

	record_begin(out, DATA_CONTENTS_FILE, 0);
	record_put_u64(out, id);
	record_put_u64(out, data_file_size(file));
	record_end(out);
	err = put_all_bytes(file, out);
	if (err)
		return err;
	put_reserved(file, out);
	return record_writer_error(out);
}

int data_contents_end(struct record_writer *out)
{
	record_begin(out, DATA_CONTENTS_END, 0);
	record_end(out);
	return record_writer_error(out);
}

/* ---- reading ---- */

struct load {
	struct record_reader *in;
	data_contents_find_fn *find;
	void *arg;
	struct data_file *file; /* of the last FILE */
};

static int read_file(struct load *load)
{
	uint64_t id = record_get_u64(load->in), size = record_get_u64(load->in);
	int err = record_get_error(load->in);

	if (!err)
		err = load->find(load->arg, id, &load->file);
	return err ? err : (int)run(load->file, DATA_OP_TRUNCATE, size, NULL, 0);
}

static int read_bytes(struct load *load)
{
	uint64_t offset = record_get_u64(load->in), bytes = record_left(load->in);
	void *data = record_get_bytes(load->in, bytes);
	ssize_t nr;

	if (record_get_error(load->in) || !load->file || bytes == 0)
		return -EPROTO;
	nr = run(load->file, DATA_OP_WRITE, offset, data, bytes);
	if (nr < 0)
		return (int)nr;
	return (uint64_t)nr == bytes ? 0 : -ENOSPC;
}

static int read_reserved(struct load *load)
{
	uint64_t offset = record_get_u64(load->in), bytes = record_get_u64(load->in);

	if (record_get_error(load->in) || !load->file || bytes == 0)
		return -EPROTO;
	return (int)run(load->file, DATA_OP_ALLOCATE, offset, NULL, bytes);
}

static int read_record(struct load *load, uint16_t type)
{
	switch (type) {
	case DATA_CONTENTS_FILE:
		return read_file(load);
	case DATA_CONTENTS_BYTES:
		return read_bytes(load);
	case DATA_CONTENTS_RESERVED:
		return read_reserved(load);
	default:
		return record_skip_unknown(load->in);
	}
}

int data_contents_read(struct record_reader *in, data_contents_find_fn *find, void *arg)
{
	struct load load = { .in = in, .find = find, .arg = arg };
	uint16_t type = RECORD_END;
	int err = record_next(in, &type);

	while (!err && type != DATA_CONTENTS_END && type != RECORD_END) {
		err = read_record(&load, type);
		if (!err)
			err = record_next(in, &type);
	}
	return !err && type == RECORD_END ? -EPROTO : err;
}
