/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/records.h"

#include <string.h>

enum { FLAG_STORED = 1 };

static int append(void *arg, const void *data, size_t bytes)
{
	struct records *records = arg;

	records->data = realloc(records->data, records->bytes + bytes + 1);
	FUZZ_REQUIRE(records->data);
	memcpy(records->data + records->bytes, data, bytes);
	records->bytes += bytes;
	return 0;
}

static ssize_t take(void *arg, void *buf, size_t bytes)
{
	struct records *records = arg;
	size_t left = records->bytes - records->at;

	bytes = bytes < left ? bytes : left;
	if (bytes)
		memcpy(buf, records->data + records->at, bytes);
	records->at += bytes;
	return (ssize_t)bytes;
}

struct record_writer *records_writer(struct records *records)
{
	struct record_writer *writer;

	FUZZ_REQUIRE(!record_writer_new(RECORDS_KIND, 1, append, records, &writer));
	return writer;
}

int records_reader(struct records *records, struct record_reader **ret_reader)
{
	return record_reader_new(RECORDS_KIND, 1, take, records, ret_reader);
}

static void put_record(struct record_writer *writer, struct fuzz_input *input, uint16_t first_type,
		       uint16_t nr_types)
{
	uint16_t number = (uint16_t)(fuzz_take(input, 1) % (nr_types + 1u));
	size_t bytes = fuzz_take(input, 2);

	bytes = bytes < input->bytes ? bytes : input->bytes;
	record_begin(writer, (uint16_t)(first_type + number),
		     number == nr_types ? RECORD_OPTIONAL : 0);
	record_put_bytes(writer, input->data, bytes);
	record_end(writer);
	input->data += bytes;
	input->bytes -= bytes;
}

void records_make(struct fuzz_input input, uint16_t first_type, uint16_t nr_types,
		  struct records *ret_records)
{
	struct record_writer *writer;

	*ret_records = (struct records){ .bytes = 0 };
	if (fuzz_take(&input, 1) & FLAG_STORED) {
		(void)append(ret_records, input.data, input.bytes);
		return;
	}
	writer = records_writer(ret_records);
	while (input.bytes)
		put_record(writer, &input, first_type, nr_types);
	FUZZ_REQUIRE(!record_writer_finish(writer));
	record_writer_free(writer);
}

void records_free(struct records *records)
{
	free(records->data);
}
