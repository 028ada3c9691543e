/* SPDX-License-Identifier: Apache-2.0 */
/* base/record_*: streams of records round trip, and damaged ones are refused. */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory_stream.h"

#define KIND    "check"
#define VERSION 3

enum { FIRST = 1, SECOND = 2 };

static struct memory_stream written(uint32_t version, uint16_t flags)
{
	struct memory_stream stream = { .bytes = 0 };
	struct record_writer *out;

	ck_assert_int_eq(record_writer_new(KIND, version, memory_stream_write, &stream, &out), 0);
	record_begin(out, FIRST, 0);
	record_put_u8(out, 1);
	record_put_u16(out, 0x0203);
	record_put_u32(out, 0x04050607);
	record_put_u64(out, UINT64_C(0x08090a0b0c0d0e0f));
	record_end(out);
	record_begin(out, SECOND, flags);
	record_put_bytes(out, "hello", 5);
	record_end(out);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
	return stream;
}

/* Reads a stream to its end. Return: 0, or the first error. */
static int read_all(struct memory_stream *stream)
{
	struct record_reader *in;
	uint16_t type = FIRST;
	int err;

	stream->at = 0;
	err = record_reader_new(KIND, VERSION, memory_stream_read, stream, &in);
	if (err)
		return err;
	while (!err && type != RECORD_END)
		err = record_next(in, &type);
	record_reader_free(in);
	return err;
}

START_TEST(test_record_fields_round_trip)
{
	struct memory_stream stream = written(VERSION, 0);
	struct record_reader *in;
	uint16_t type;

	ck_assert_int_eq(record_reader_new(KIND, VERSION, memory_stream_read, &stream, &in), 0);
	ck_assert_uint_eq(record_reader_version(in), VERSION);
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_uint_eq(type, FIRST);
	ck_assert_uint_eq(record_get_u8(in), 1);
	ck_assert_uint_eq(record_get_u16(in), 0x0203);
	ck_assert_uint_eq(record_get_u32(in), 0x04050607);
	ck_assert_uint_eq(record_get_u64(in), UINT64_C(0x08090a0b0c0d0e0f));
	ck_assert_uint_eq(record_left(in), 0);
	ck_assert_int_eq(record_get_error(in), 0);
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_uint_eq(type, SECOND);
	ck_assert_mem_eq(record_get_bytes(in, 5), "hello", 5);
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_uint_eq(type, RECORD_END);
	record_reader_free(in);
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_numbers_are_little_endian)
{
	static const uint8_t fields[] = { 1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8 };
	struct memory_stream stream = written(VERSION, 0);

	ck_assert_mem_eq(stream.data, RECORD_MAGIC, 8);
	ck_assert_mem_eq(stream.data + 8, KIND "\0\0\0", 8);
	ck_assert_mem_eq(stream.data + 16, "\3\0\0\0\0\0\0\0", 8);
	ck_assert_mem_eq(stream.data + 32, "\1\0\0\0\17\0\0\0", 8);
	ck_assert_mem_eq(stream.data + 48, fields, sizeof(fields));
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_short_record_gives_zeros_and_an_error)
{
	struct memory_stream stream = written(VERSION, 0);
	struct record_reader *in;
	uint16_t type;

	ck_assert_int_eq(record_reader_new(KIND, VERSION, memory_stream_read, &stream, &in), 0);
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_ptr_nonnull(record_get_bytes(in, 14));
	ck_assert_uint_eq(record_get_u16(in), 0);
	ck_assert_int_eq(record_get_error(in), -EPROTO);
	ck_assert_ptr_null(record_get_bytes(in, 2));
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_int_eq(record_get_error(in), 0);
	record_reader_free(in);
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_unknown_is_skipped_only_if_optional)
{
	for (uint16_t flags = 0; flags <= RECORD_OPTIONAL; flags++) {
		struct memory_stream stream = written(VERSION, flags);
		struct record_reader *in;
		uint16_t type;

		ck_assert_int_eq(record_reader_new(KIND, VERSION, memory_stream_read, &stream, &in),
				 0);
		ck_assert_int_eq(record_next(in, &type), 0);
		ck_assert_int_eq(record_next(in, &type), 0);
		ck_assert_int_eq(record_skip_unknown(in), flags ? 0 : -EPROTONOSUPPORT);
		record_reader_free(in);
		memory_stream_fini(&stream);
	}
}
END_TEST

START_TEST(test_record_versions)
{
	struct memory_stream older = written(VERSION - 1, 0), newer = written(VERSION + 1, 0);

	ck_assert_int_eq(read_all(&older), 0);
	ck_assert_int_eq(read_all(&newer), -EPROTONOSUPPORT);
	memory_stream_fini(&older);
	memory_stream_fini(&newer);
}
END_TEST

START_TEST(test_record_other_kind_is_refused)
{
	struct memory_stream stream = written(VERSION, 0);
	struct record_reader *in;

	ck_assert_int_eq(record_reader_new("other", VERSION, memory_stream_read, &stream, &in),
			 -EBADMSG);
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_every_bit_counts)
{
	struct memory_stream stream = written(VERSION, 0);

	ck_assert_int_eq(read_all(&stream), 0);
	for (size_t bit = 0; bit < stream.bytes * 8; bit++) {
		stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(read_all(&stream), -EBADMSG);
		stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_every_truncation_is_found)
{
	struct memory_stream stream = written(VERSION, 0);
	size_t bytes = stream.bytes;

	for (stream.bytes = 0; stream.bytes < bytes; stream.bytes++)
		ck_assert_int_eq(read_all(&stream), -EBADMSG);
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_more_behind_the_end_is_refused)
{
	struct memory_stream stream = written(VERSION, 0);

	ck_assert_int_eq(memory_stream_write(&stream, "x", 1), 0);
	ck_assert_int_eq(read_all(&stream), -EBADMSG);
	memory_stream_fini(&stream);
}
END_TEST

/* Two equal records: without the chain of checksums, one could be lost. */
START_TEST(test_record_lost_and_repeated_records_are_found)
{
	struct memory_stream stream = { .bytes = 0 }, changed;
	struct record_writer *out;
	const size_t header = 32, record = 24, end = 24;

	ck_assert_int_eq(record_writer_new(KIND, VERSION, memory_stream_write, &stream, &out), 0);
	for (int i = 0; i < 2; i++) {
		record_begin(out, FIRST, 0);
		record_put_u64(out, 7);
		record_end(out);
	}
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
	ck_assert_uint_eq(stream.bytes, header + 2 * record + end);
	for (size_t first = 0; first < 2; first++) {
		changed = (struct memory_stream){ .bytes = 0 };
		(void)memory_stream_write(&changed, stream.data, header + first * record);
		(void)memory_stream_write(&changed, stream.data + header + (first + 1) * record,
					  (1 - first) * record + end);
		ck_assert_int_eq(read_all(&changed), -EBADMSG);
		memory_stream_fini(&changed);
	}
	changed = (struct memory_stream){ .bytes = 0 };
	(void)memory_stream_write(&changed, stream.data, header + record);
	(void)memory_stream_write(&changed, stream.data + header, 2 * record + end);
	ck_assert_int_eq(read_all(&changed), -EBADMSG);
	memory_stream_fini(&changed);
	memory_stream_fini(&stream);
}
END_TEST

/* Records of all sizes cross the borders of the buffers of both sides. */
START_TEST(test_record_sizes)
{
	struct memory_stream stream = { .bytes = 0, .most = 9999 };
	struct record_writer *out;
	struct record_reader *in;
	uint16_t type;

	ck_assert_int_eq(record_writer_new(KIND, VERSION, memory_stream_write, &stream, &out), 0);
	for (size_t bytes = 0; bytes <= RECORD_MAX_BYTES; bytes += 65599) {
		record_begin(out, FIRST, 0);
		memset(record_put_room(out, bytes), (int)(bytes % 251), bytes);
		record_end(out);
	}
	record_begin(out, SECOND, 0);
	memset(record_put_room(out, RECORD_MAX_BYTES), 1, RECORD_MAX_BYTES);
	record_end(out);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
	ck_assert_int_eq(record_reader_new(KIND, VERSION, memory_stream_read, &stream, &in), 0);
	for (size_t bytes = 0; bytes <= RECORD_MAX_BYTES; bytes += 65599) {
		const uint8_t *data;

		ck_assert_int_eq(record_next(in, &type), 0);
		ck_assert_uint_eq(record_left(in), bytes);
		data = record_get_bytes(in, bytes);
		for (size_t i = 0; i < bytes; i++)
			if (data[i] != bytes % 251)
				ck_abort_msg("byte %zu of %zu", i, bytes);
	}
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_uint_eq(record_left(in), RECORD_MAX_BYTES);
	ck_assert_int_eq(record_next(in, &type), 0);
	ck_assert_uint_eq(type, RECORD_END);
	record_reader_free(in);
	memory_stream_fini(&stream);
}
END_TEST

START_TEST(test_record_error_of_the_sink_is_kept)
{
	struct memory_stream stream = { .room = 700 << 10 };
	struct record_writer *out;

	ck_assert_int_eq(record_writer_new(KIND, VERSION, memory_stream_write, &stream, &out), 0);
	for (int i = 0; i < 100; i++) {
		record_begin(out, FIRST, 0);
		memset(record_put_room(out, 65536), 0, 65536);
		record_end(out);
	}
	ck_assert_int_eq(record_writer_error(out), -ENOSPC);
	ck_assert_int_eq(record_writer_finish(out), -ENOSPC);
	record_writer_free(out);
	memory_stream_fini(&stream);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");

	tcase_add_test(core, test_record_fields_round_trip);
	tcase_add_test(core, test_record_numbers_are_little_endian);
	tcase_add_test(core, test_record_short_record_gives_zeros_and_an_error);
	tcase_add_test(core, test_record_unknown_is_skipped_only_if_optional);
	tcase_add_test(core, test_record_versions);
	tcase_add_test(core, test_record_sizes);
	tcase_add_test(errors, test_record_other_kind_is_refused);
	tcase_add_test(errors, test_record_every_bit_counts);
	tcase_add_test(errors, test_record_every_truncation_is_found);
	tcase_add_test(errors, test_record_more_behind_the_end_is_refused);
	tcase_add_test(errors, test_record_lost_and_repeated_records_are_found);
	tcase_add_test(errors, test_record_error_of_the_sink_is_kept);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, errors);
	return run_suite(suite);
}
