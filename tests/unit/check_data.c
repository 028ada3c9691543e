/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"

#define KIB       1024u
#define BLOCK     4096u
#define CHUNK     (16u * BLOCK) /* of the fake's default */
#define NR_CHUNKS 32u

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *file;
static uint8_t *buf;

static void start_with(const struct fake_config *config)
{
	sp = fake_new(config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	file = data_file_new(vol);
	buf = aligned_alloc(BLOCK, 4 * CHUNK);
}

static void start(void)
{
	struct fake_config config = { .nr_threads = 1 };

	start_with(&config);
}

static void stop(void)
{
	struct data_volume_stats stats;

	data_file_free(file);
	data_volume_get_stats(vol, &stats);
	ck_assert_uint_eq(stats.nr_free_chunks, stats.nr_chunks);
	ck_assert_uint_eq(stats.nr_free_handles, stats.nr_handles);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
	free(buf);
}

static ssize_t run(struct data_file *of, enum data_op_kind kind, uint64_t offset, uint64_t bytes)
{
	struct data_op op = {
		.file = of, .kind = kind, .offset = offset, .bytes = bytes, .buf = buf
	};

	return data_run(&op);
}

static ssize_t put_in(struct data_file *of, uint64_t offset, uint64_t bytes, int value)
{
	memset(buf, value, bytes);
	return run(of, DATA_OP_WRITE, offset, bytes);
}

static ssize_t put(uint64_t offset, uint64_t bytes, int value)
{
	return put_in(file, offset, bytes, value);
}

static ssize_t get(uint64_t offset, uint64_t bytes)
{
	memset(buf, 0xEE, bytes);
	return run(file, DATA_OP_READ, offset, bytes);
}

static ssize_t cut(uint64_t size)
{
	return run(file, DATA_OP_TRUNCATE, size, 0);
}

/** Checks that @bytes bytes at @offset all have @value. */
static void expect(uint64_t offset, uint64_t bytes, uint8_t value)
{
	ck_assert_int_eq(get(offset, bytes), (ssize_t)bytes);
	for (uint64_t i = 0; i < bytes; i++) {
		if (buf[i] != value)
			ck_abort_msg("byte %llu is %02x, not %02x",
				     (unsigned long long)(offset + i), buf[i], value);
	}
}

static uint64_t free_chunks(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats.nr_free_chunks;
}

/** Waits until the worker has run all earlier jobs: only it refuses a size that never fits. */
static void settle(void)
{
	struct data_file *other = data_file_new(vol);

	ck_assert_int_eq(run(other, DATA_OP_ALLOCATE, 0, DATA_MAX_FILE_BYTES), -ENOSPC);
	data_file_free(other);
}

/* ---- operations whose end a test waits for ---- */

struct async {
	struct data_op op;
	sem_t ended;
	ssize_t result;
};

static void async_done(struct data_op *op, ssize_t result)
{
	struct async *async = (struct async *)(void *)op;

	async->result = result;
	sem_post(&async->ended);
}

static void async_start(struct async *async, struct data_file *of, enum data_op_kind kind,
			uint64_t offset, uint64_t bytes, void *memory)
{
	memset(&async->op, 0, sizeof(async->op));
	async->op.file = of;
	async->op.kind = kind;
	async->op.offset = offset;
	async->op.bytes = bytes;
	async->op.buf = memory;
	async->op.done = async_done;
	sem_init(&async->ended, 0, 0);
	data_submit(&async->op);
}

static bool async_has_ended(struct async *async)
{
	int value;

	sem_getvalue(&async->ended, &value);
	return value > 0;
}

static ssize_t async_end(struct async *async)
{
	while (sem_wait(&async->ended) != 0)
		;
	sem_destroy(&async->ended);
	return async->result;
}

/* ---- core ---- */

START_TEST(test_data_empty_file_takes_nothing)
{
	ck_assert_uint_eq(data_file_size(file), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 0);
	ck_assert_int_eq(get(0, 10), 0);
	ck_assert_int_eq(cut(5 * CHUNK), 0);
	expect(0, CHUNK, 0);
	ck_assert_uint_eq(fake_nr_ios(sp), 0);
	ck_assert_uint_eq(fake_nr_vluns(sp), 0);
}
END_TEST

START_TEST(test_data_reads_back_what_was_written)
{
	ck_assert_int_eq(put(100, 3 * CHUNK, 0x11), 3 * CHUNK);
	ck_assert_uint_eq(data_file_size(file), 100 + 3 * CHUNK);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 3 * CHUNK + BLOCK);
	expect(100, 3 * CHUNK, 0x11);
	expect(0, 100, 0);
}
END_TEST

START_TEST(test_data_read_is_short_only_at_end_of_file)
{
	put(0, 5000, 0x22);
	ck_assert_int_eq(get(0, CHUNK), 5000);
	ck_assert_int_eq(get(4999, CHUNK), 1);
	ck_assert_int_eq(get(5000, CHUNK), 0);
	ck_assert_int_eq(get(UINT64_MAX, CHUNK), 0);
	ck_assert_int_eq(get(0, 0), 0);
}
END_TEST

START_TEST(test_data_partial_write_leaves_the_rest_of_the_block_alone)
{
	put(0, 3 * BLOCK, 0x33);
	ck_assert_int_eq(put(1000, BLOCK, 0x44), BLOCK);
	expect(0, 1000, 0x33);
	expect(1000, BLOCK, 0x44);
	expect(1000 + BLOCK, 2 * BLOCK - 1000, 0x33);
}
END_TEST

START_TEST(test_data_partial_write_of_a_new_block_is_padded_with_zeros)
{
	put(BLOCK + 10, 10, 0x55);
	ck_assert_int_eq(cut(2 * BLOCK), 0);
	expect(0, BLOCK + 10, 0);
	expect(BLOCK + 10, 10, 0x55);
	expect(BLOCK + 20, BLOCK - 20, 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), BLOCK);
}
END_TEST

START_TEST(test_data_unaligned_memory_gives_the_same_bytes)
{
	struct data_op op = { .file = file, .kind = DATA_OP_WRITE, .bytes = 2 * CHUNK + 77 };
	uint8_t *odd = malloc(op.bytes + 7);

	op.buf = odd + 7;
	for (uint64_t i = 0; i < op.bytes; i++)
		odd[7 + i] = (uint8_t)(i * 13 + (i >> 12));
	op.offset = 5;
	ck_assert_int_eq(data_run(&op), (ssize_t)op.bytes);
	op.kind = DATA_OP_READ;
	memset(odd, 0, op.bytes + 7);
	ck_assert_int_eq(data_run(&op), (ssize_t)op.bytes);
	for (uint64_t i = 0; i < op.bytes; i++)
		ck_assert(odd[7 + i] == (uint8_t)(i * 13 + (i >> 12)));
	free(odd);
}
END_TEST

START_TEST(test_data_fragmented_read_needs_no_more_memory_than_there_is)
{
	for (unsigned i = 0; i < 64; i += 2)
		put(i * BLOCK, BLOCK, 0x66);
	ck_assert_int_eq(get(0, 63 * BLOCK), 63 * BLOCK);
	for (unsigned i = 0; i < 63; i++)
		ck_assert_uint_eq(buf[i * BLOCK + 77], i % 2 ? 0 : 0x66);
}
END_TEST

START_TEST(test_data_appends_at_once_do_not_overlap)
{
	static struct async appends[8];
	static uint8_t lines[8][100];
	bool seen[8] = { false };

	put(0, BLOCK - 350, 1);
	for (unsigned i = 0; i < 8; i++) {
		memset(lines[i], (int)i + 1, 100);
		memset(&appends[i], 0, sizeof(appends[i]));
		appends[i].op = (struct data_op){ .file = file,
						  .kind = DATA_OP_WRITE,
						  .append = true,
						  .bytes = 100,
						  .buf = lines[i],
						  .done = async_done };
		sem_init(&appends[i].ended, 0, 0);
		data_submit(&appends[i].op);
	}
	for (unsigned i = 0; i < 8; i++) {
		uint64_t place;

		ck_assert_int_eq(async_end(&appends[i]), 100);
		place = (appends[i].op.offset - (BLOCK - 350)) / 100;
		ck_assert_uint_lt(place, 8);
		ck_assert(!seen[place]);
		seen[place] = true;
		expect(appends[i].op.offset, 100, (uint8_t)(i + 1));
	}
	ck_assert_uint_eq(data_file_size(file), BLOCK - 350 + 800);
}
END_TEST

START_TEST(test_data_truncate_down_and_up_shows_zeros)
{
	put(0, 2 * CHUNK, 0x77);
	ck_assert_int_eq(cut(5000), 0);
	ck_assert_int_eq(cut(2 * CHUNK), 0);
	expect(0, 5000, 0x77);
	expect(5000, 2 * CHUNK - 5000, 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 2 * BLOCK);
}
END_TEST

START_TEST(test_data_truncate_gives_chunks_and_vlun_back)
{
	for (unsigned i = 0; i < 8; i++)
		put(i * CHUNK, CHUNK, 1);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 8);
	ck_assert_int_eq(cut(CHUNK + 1), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 2);
	settle();
	ck_assert_uint_ge(fake_free_chunks(sp, 0), NR_CHUNKS - 3);
	ck_assert_int_eq(cut(0), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
	settle();
	ck_assert_uint_le(fake_nr_vluns(sp), 1); /* that of settle() itself */
	put(10, 10, 0x12);
	expect(10, 10, 0x12);
	expect(0, 10, 0);
}
END_TEST

START_TEST(test_data_last_byte_of_the_largest_file_costs_one_chunk)
{
	uint64_t last = DATA_MAX_FILE_BYTES - 1;

	ck_assert_int_eq(put(last, 100, 0x13), 1);
	ck_assert_uint_eq(data_file_size(file), DATA_MAX_FILE_BYTES);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	expect(last, 1, 0x13);
	expect(last - BLOCK, BLOCK, 0);
	ck_assert_int_eq(put(last + 1, 1, 1), -EFBIG);
	ck_assert_int_eq(put(UINT64_MAX, 1, 1), -EFBIG);
	ck_assert_int_eq(cut(DATA_MAX_FILE_BYTES + 1), -EFBIG);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, last, 2), -EFBIG);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, UINT64_MAX, 2), -EFBIG);
	ck_assert_int_eq(data_seek(file, 0, SEEK_DATA), (int64_t)(last & ~UINT64_C(4095)));
	ck_assert_int_eq(cut(0), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
}
END_TEST

START_TEST(test_data_punch_frees_whole_chunks)
{
	put(0, 3 * CHUNK, 0x14);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, CHUNK - 10, 2 * CHUNK + 10), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	ck_assert_uint_eq(data_file_size(file), 3 * CHUNK);
	expect(0, CHUNK - 10, 0x14);
	expect(CHUNK - 10, 2 * CHUNK + 10, 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), CHUNK);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, 0, 0), -EINVAL);
}
END_TEST

START_TEST(test_data_punch_piece_by_piece_frees_the_chunk)
{
	put(0, CHUNK, 0x15);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, 0, CHUNK / 2), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, CHUNK / 2, CHUNK / 2), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
	expect(0, CHUNK, 0);
}
END_TEST

START_TEST(test_data_punch_to_end_of_file_clears_the_last_block)
{
	put(0, 5000, 0x16);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, BLOCK, 5000 - BLOCK), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), BLOCK);
	ck_assert_uint_eq(data_file_size(file), 5000);
	expect(BLOCK, 5000 - BLOCK, 0);
}
END_TEST

START_TEST(test_data_punched_slots_are_used_again)
{
	put(0, 3 * CHUNK, 0x17);
	run(file, DATA_OP_PUNCH, 0, CHUNK);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 3); /* it lies before the tail */
	put(7 * CHUNK, 10, 0x18);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 3);
	expect(7 * CHUNK, 10, 0x18);
	expect(CHUNK, 2 * CHUNK, 0x17);
	expect(0, CHUNK, 0);
}
END_TEST

START_TEST(test_data_zero_keeps_the_space)
{
	put(0, 2 * CHUNK, 0x19);
	ck_assert_int_eq(run(file, DATA_OP_ZERO, 5, 2 * CHUNK - 5), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 2);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 2 * CHUNK);
	expect(0, 5, 0x19);
	expect(5, 2 * CHUNK - 5, 0);
	ck_assert_int_eq(run(file, DATA_OP_ZERO, 2 * CHUNK, CHUNK), 0);
	ck_assert_uint_eq(data_file_size(file), 3 * CHUNK);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 3);
}
END_TEST

START_TEST(test_data_allocate_reserves_and_keeps_or_grows_the_size)
{
	struct data_op op = { .file = file,
			      .kind = DATA_OP_ALLOCATE,
			      .keep_size = true,
			      .offset = 100,
			      .bytes = 4 * CHUNK };

	ck_assert_int_eq(data_run(&op), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 5);
	ck_assert_uint_eq(data_file_size(file), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 4 * CHUNK + BLOCK);
	op.keep_size = false;
	ck_assert_int_eq(data_run(&op), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 5);
	ck_assert_uint_eq(data_file_size(file), 4 * CHUNK + 100);
	expect(0, 4 * CHUNK, 0);
	ck_assert_uint_eq(fake_nr_ios(sp), 0);
	/* A punch does not remove reservations next to it. */
	run(file, DATA_OP_PUNCH, 10, 10);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 5);
}
END_TEST

START_TEST(test_data_reserved_blocks_count_until_they_are_cleared)
{
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, 2 * CHUNK), 0);
	put(BLOCK, BLOCK, 1);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 2 * CHUNK);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, 0, 3 * BLOCK), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 2 * CHUNK - 3 * BLOCK);
	put(0, BLOCK, 2);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 2 * CHUNK - 2 * BLOCK);
	/* Reserved blocks still read as holes. */
	ck_assert_int_eq(data_seek(file, 0, SEEK_HOLE), BLOCK);
	ck_assert_int_eq(data_seek(file, BLOCK, SEEK_DATA), -ENXIO);
	/* A chunk is freed with its last reserved block. */
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, CHUNK, CHUNK), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	ck_assert_int_eq(run(file, DATA_OP_TRUNCATE, 10, 0), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), BLOCK);
	ck_assert_int_eq(run(file, DATA_OP_TRUNCATE, 0, 0), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 0);
}
END_TEST

START_TEST(test_data_allocate_too_much_gives_everything_back)
{
	struct data_file *other = data_file_new(vol);

	put(0, 10, 1);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK + 1), -ENOSPC);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, CHUNK, UINT64_C(1) << 62), -ENOSPC);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	ck_assert_uint_eq(data_file_size(file), 10);
	ck_assert_int_eq(run(other, DATA_OP_ALLOCATE, 0, (NR_CHUNKS - 4) * CHUNK), 0);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, 8 * CHUNK), -ENOSPC);
	ck_assert_uint_eq(free_chunks(), 3);
	ck_assert_uint_eq(fake_free_chunks(sp, 0), 3);
	data_file_free(other);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	ck_assert_uint_eq(free_chunks(), 0);
}
END_TEST

START_TEST(test_data_hole_grows_the_size_without_space)
{
	put(0, BLOCK, 0x1a);
	ck_assert_int_eq(run(file, DATA_OP_HOLE, 100, 10 * CHUNK), 0);
	ck_assert_uint_eq(data_file_size(file), 10 * CHUNK + 100);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	expect(0, 100, 0x1a);
	expect(100, CHUNK, 0);
}
END_TEST

START_TEST(test_data_seek_finds_blocks)
{
	put(3 * BLOCK, BLOCK, 1);
	put(5 * CHUNK, 10, 1);
	ck_assert_int_eq(cut(9 * CHUNK + 1), 0);
	ck_assert_int_eq(data_seek(file, 0, SEEK_DATA), 3 * BLOCK);
	ck_assert_int_eq(data_seek(file, 3 * BLOCK + 7, SEEK_DATA), 3 * BLOCK + 7);
	ck_assert_int_eq(data_seek(file, 3 * BLOCK + 7, SEEK_HOLE), 4 * BLOCK);
	ck_assert_int_eq(data_seek(file, 4 * BLOCK, SEEK_DATA), 5 * CHUNK);
	ck_assert_int_eq(data_seek(file, 5 * CHUNK, SEEK_HOLE), 5 * CHUNK + BLOCK);
	ck_assert_int_eq(data_seek(file, 5 * CHUNK + BLOCK, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(data_seek(file, 9 * CHUNK, SEEK_HOLE), 9 * CHUNK);
	ck_assert_int_eq(data_seek(file, 9 * CHUNK + 1, SEEK_HOLE), -ENXIO);
	ck_assert_int_eq(data_seek(file, -1, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(data_seek(file, 0, SEEK_SET), -EINVAL);
	put(9 * CHUNK, 1, 1);
	ck_assert_int_eq(data_seek(file, 9 * CHUNK, SEEK_HOLE), 9 * CHUNK + 1);
}
END_TEST

START_TEST(test_data_copy_keeps_holes)
{
	struct data_file *src = data_file_new(vol);

	put_in(src, CHUNK, 3 * BLOCK, 0x1b);
	put_in(src, 6 * CHUNK, 100, 0x1c);
	put(0, CHUNK, 0x1d);
	ck_assert_int_eq(data_copy(src, 0, file, 0, 100 * CHUNK, false), 6 * CHUNK + 100);
	ck_assert_uint_eq(data_file_size(file), 6 * CHUNK + 100);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 4 * BLOCK);
	expect(0, CHUNK, 0);
	expect(CHUNK, 3 * BLOCK, 0x1b);
	expect(6 * CHUNK, 100, 0x1c);
	ck_assert_int_eq(data_copy(src, 7 * CHUNK, file, 0, 1, false), 0);
	ck_assert_int_eq(data_copy(src, 0, file, DATA_MAX_FILE_BYTES, 1, false), -EFBIG);
	data_file_free(src);
}
END_TEST

/* One call copies a limited amount, because other callers wait for it. */
START_TEST(test_data_copy_does_a_bounded_part_at_a_time)
{
	const struct fake_config config = { .chunk_lbas = 4096, .nr_chunks = 8, .nr_threads = 1 };
	const uint64_t most = 16u << 20;
	struct data_file *dst;

	stop();
	start_with(&config);
	dst = data_file_new(vol);
	for (uint64_t at = 0; at < most + 2 * CHUNK; at += 4 * CHUNK)
		put(at, 4 * CHUNK, 0x2a);
	ck_assert_int_eq(data_copy(file, 0, dst, 0, UINT64_MAX / 2, false), (ssize_t)most);
	ck_assert_int_eq(data_copy(file, most, dst, most, UINT64_MAX / 2, false), 4 * CHUNK);
	ck_assert_uint_eq(data_file_allocated_bytes(dst), most + 4 * CHUNK);
	data_file_free(dst);
}
END_TEST

START_TEST(test_data_copy_of_many_holes_is_bounded_as_well)
{
	const struct fake_config config = { .chunk_lbas = 4096, .nr_chunks = 8, .nr_threads = 1 };
	const unsigned most = 256;
	struct data_file *dst;

	stop();
	start_with(&config);
	dst = data_file_new(vol);
	for (unsigned i = 0; i < most; i++)
		put(2 * i * BLOCK, BLOCK, 0x2b);
	ck_assert_int_eq(data_copy(file, 0, dst, 0, 4 * most * BLOCK, false), most * BLOCK);
	ck_assert_uint_eq(data_file_allocated_bytes(dst), most / 2 * BLOCK);
	data_file_free(dst);
}
END_TEST

START_TEST(test_data_copy_inside_a_file_must_not_overlap)
{
	put(0, CHUNK, 0x1e);
	ck_assert_int_eq(data_copy(file, 0, file, 100, 101, false), -EINVAL);
	ck_assert_int_eq(data_copy(file, 0, file, CHUNK + 1, CHUNK, false), CHUNK);
	expect(CHUNK + 1, CHUNK, 0x1e);
	ck_assert_int_eq(data_copy(file, 0, file, 100, 100, false), 100);
}
END_TEST

START_TEST(test_data_readers_share_and_a_reader_waits_for_the_writer)
{
	static struct async write, first, second, other;
	uint8_t *memory = aligned_alloc(BLOCK, 4 * BLOCK);

	put(0, 4 * BLOCK, 1);
	fake_hold(sp);
	async_start(&first, file, DATA_OP_READ, 0, BLOCK, memory);
	async_start(&second, file, DATA_OP_READ, 0, BLOCK, memory + BLOCK);
	ck_assert_uint_eq(fake_in_flight(sp), 2);
	memset(buf, 2, BLOCK);
	async_start(&write, file, DATA_OP_WRITE, 0, BLOCK, buf);
	ck_assert_uint_eq(fake_in_flight(sp), 2);
	async_start(&other, file, DATA_OP_READ, 0, BLOCK, memory + 2 * BLOCK);
	ck_assert_uint_eq(fake_in_flight(sp), 2);
	fake_unhold(sp);
	ck_assert_int_eq(async_end(&first), BLOCK);
	ck_assert_int_eq(async_end(&second), BLOCK);
	ck_assert_int_eq(async_end(&write), BLOCK);
	ck_assert_int_eq(async_end(&other), BLOCK);
	ck_assert_uint_eq(memory[0], 1);
	ck_assert_uint_eq(memory[BLOCK], 1);
	ck_assert_uint_eq(memory[2 * BLOCK], 2);
	free(memory);
}
END_TEST

START_TEST(test_data_truncate_waits_for_reads_of_what_goes)
{
	static struct async read, trunc;

	put(0, 2 * CHUNK, 0x1f);
	fake_hold(sp);
	async_start(&read, file, DATA_OP_READ, CHUNK, CHUNK, buf);
	async_start(&trunc, file, DATA_OP_TRUNCATE, 0, 0, NULL);
	ck_assert(!async_has_ended(&trunc));
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 2);
	fake_unhold(sp);
	ck_assert_int_eq(async_end(&read), CHUNK);
	ck_assert_int_eq(async_end(&trunc), 0);
	ck_assert_uint_eq(buf[0], 0x1f);
}
END_TEST

START_TEST(test_data_append_behind_a_truncate_follows_the_end_and_its_lock)
{
	static struct async write, trunc, append, other;

	put(0, 8 * BLOCK, 1);
	memset(buf, 2, BLOCK);
	fake_hold(sp);
	async_start(&write, file, DATA_OP_WRITE, 5 * BLOCK, BLOCK, buf);
	async_start(&trunc, file, DATA_OP_TRUNCATE, BLOCK, 0, NULL);
	append.op = (struct data_op){ .file = file,
				      .kind = DATA_OP_WRITE,
				      .append = true,
				      .bytes = 10,
				      .buf = buf,
				      .done = async_done };
	sem_init(&append.ended, 0, 0);
	data_submit(&append.op);
	/* In the block of the append. The fake detects two writes at once. */
	async_start(&other, file, DATA_OP_WRITE, BLOCK, 5, buf + BLOCK);
	memset(buf + BLOCK, 3, 5);
	fake_unhold(sp);
	ck_assert_int_eq(async_end(&write), BLOCK);
	ck_assert_int_eq(async_end(&trunc), 0);
	ck_assert_int_eq(async_end(&append), 10);
	ck_assert_int_eq(async_end(&other), 5);
	ck_assert(append.op.offset == BLOCK || append.op.offset == BLOCK + 5);
	ck_assert_uint_eq(data_file_size(file), append.op.offset + 10);
}
END_TEST

START_TEST(test_data_long_queue_of_waiters_does_not_exhaust_the_stack)
{
	enum { NR = 5000 };
	struct async *writes = calloc(NR, sizeof(*writes));
	struct fake_config config = { .nr_threads = 0 };

	stop();
	start_with(&config);
	put(0, BLOCK, 1);
	fake_hold(sp);
	for (unsigned i = 0; i < NR; i++)
		async_start(&writes[i], file, DATA_OP_WRITE, 0, BLOCK, buf);
	fake_unhold(sp);
	for (unsigned i = 0; i < NR; i++)
		ck_assert_int_eq(async_end(&writes[i]), BLOCK);
	free(writes);
}
END_TEST

START_TEST(test_data_many_unaligned_operations_share_the_scratches)
{
	enum { NR = 200 };
	struct async *writes = calloc(NR, sizeof(*writes));

	put(0, 4 * CHUNK, 9);
	memset(buf, 0x20, NR);
	fake_hold(sp);
	for (unsigned i = 0; i < NR; i++)
		async_start(&writes[i], file, DATA_OP_WRITE, i * 1000, 1, buf + i);
	fake_unhold(sp);
	for (unsigned i = 0; i < NR; i++)
		ck_assert_int_eq(async_end(&writes[i]), 1);
	for (unsigned i = 0; i < NR; i++)
		expect(i * 1000, 1, 0x20);
	expect(1, 999, 9);
	free(writes);
}
END_TEST

/* ---- space ---- */

START_TEST(test_data_half_a_chunk_written_takes_the_next_ahead)
{
	uint64_t nr;

	put(0, CHUNK / 2, 0x21);
	settle();
	nr = fake_nr_calls(sp, FAKE_RESIZE);
	ck_assert_int_eq(put(CHUNK / 2, CHUNK, 0x21), CHUNK); /* no need to wait for the worker */
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 2);
	settle();
	ck_assert_uint_le(fake_nr_calls(sp, FAKE_RESIZE) - nr, 3); /* settle's, and one ahead */
	expect(0, CHUNK + CHUNK / 2, 0x21);
}
END_TEST

START_TEST(test_data_chunk_taken_ahead_counts_as_free_and_is_given_back_when_quiet)
{
	data_volume_set_idle_ms(vol, 20);
	put(0, CHUNK, 0x22);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	for (int tries = 0; fake_nr_calls(sp, FAKE_RESIZE) < 3 && tries < 2000; tries++)
		usleep(1000);
	ck_assert_uint_eq(fake_nr_calls(sp, FAKE_RESIZE), 3); /* taken, one ahead, given back */
	ck_assert_uint_eq(fake_free_chunks(sp, 0), NR_CHUNKS - 1);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
}
END_TEST

START_TEST(test_data_chunks_taken_ahead_are_called_back_before_enospc)
{
	struct data_file *other = data_file_new(vol);

	put(0, CHUNK, 0x23);
	settle();
	ck_assert_int_eq(run(other, DATA_OP_ALLOCATE, 0, (NR_CHUNKS - 1) * CHUNK), 0);
	ck_assert_uint_eq(free_chunks(), 0);
	ck_assert_int_eq(put(CHUNK, 1, 1), -ENOSPC);
	ck_assert_int_eq(put(CHUNK - 1, 1000, 1), 1);
	data_file_free(other);
	ck_assert_int_eq(put(CHUNK, 1, 1), 1);
}
END_TEST

START_TEST(test_data_growth_waits_for_a_file_that_is_about_to_be_freed)
{
	static struct async write;
	struct data_file *gone = data_file_new(vol);

	ck_assert_int_eq(run(gone, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	data_file_set_orphan(gone, true);
	ck_assert_uint_eq(free_chunks(), 0); /* it may still be open */
	async_start(&write, file, DATA_OP_WRITE, 0, BLOCK, buf);
	data_file_free(gone);
	ck_assert_int_eq(async_end(&write), BLOCK);
}
END_TEST

START_TEST(test_data_growth_does_not_wait_for_ever_for_an_orphan)
{
	struct data_file *held = data_file_new(vol);

	ck_assert_int_eq(run(held, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	data_file_set_orphan(held, true);
	ck_assert_int_eq(put(0, 1, 1), -ENOSPC);
	data_file_set_orphan(held, false);
	ck_assert_uint_eq(free_chunks(), 0);
	ck_assert_int_eq(put(0, 1, 1), -ENOSPC);
	data_file_set_orphan(held, true);
	data_file_free(held);
	ck_assert_int_eq(put(0, 1, 1), 1);
}
END_TEST

START_TEST(test_data_write_that_does_not_fit_is_cut_where_it_does_not_fit)
{
	struct data_file *other = data_file_new(vol);

	ck_assert_int_eq(run(other, DATA_OP_ALLOCATE, 0, (NR_CHUNKS - 2) * CHUNK), 0);
	ck_assert_int_eq(put(100, 3 * CHUNK, 0x24), 2 * CHUNK - 100);
	ck_assert_uint_eq(data_file_size(file), 2 * CHUNK);
	ck_assert_int_eq(put(2 * CHUNK, 10, 0x24), -ENOSPC);
	ck_assert_uint_eq(data_file_size(file), 2 * CHUNK);
	expect(100, 2 * CHUNK - 100, 0x24);
	ck_assert_int_eq(put(50, 100, 0x25), 100); /* existing blocks can be overwritten */
	data_file_free(other);
}
END_TEST

START_TEST(test_data_growth_waits_for_the_release_of_a_freed_file)
{
	static struct async read, write;
	struct data_file *other = data_file_new(vol);
	uint8_t *memory = aligned_alloc(BLOCK, BLOCK);

	ck_assert_int_eq(run(other, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	put_in(other, 0, BLOCK, 1);
	fake_hold(sp);
	async_start(&read, other, DATA_OP_READ, 0, BLOCK, memory);
	data_file_free(other);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
	memset(buf, 0x26, CHUNK);
	async_start(&write, file, DATA_OP_WRITE, 0, CHUNK, buf);
	ck_assert(!async_has_ended(&write));
	fake_unhold(sp);
	ck_assert_int_eq(async_end(&read), BLOCK);
	ck_assert_int_eq(async_end(&write), CHUNK);
	free(memory);
}
END_TEST

START_TEST(test_data_fixed_file_is_all_of_a_lun)
{
	struct data_file *lun;
	const uint64_t size = (uint64_t)NR_CHUNKS * CHUNK;
	struct data_op append = { .kind = DATA_OP_WRITE, .append = true, .bytes = 1, .buf = buf };

	ck_assert_int_eq(data_file_new_whole_lun(vol, 0, &lun), 0);
	ck_assert_uint_eq(data_file_size(lun), size);
	ck_assert_uint_eq(data_file_allocated_bytes(lun), size);
	ck_assert_uint_eq(free_chunks(), 0);
	/* The file shows the old contents of the flash. */
	ck_assert_int_eq(run(lun, DATA_OP_READ, size - 3, 10), 3);
	ck_assert_uint_eq(buf[0], FAKE_GARBAGE);
	ck_assert_int_eq(put_in(lun, size - 5, 10, 0x31), 5);
	ck_assert_int_eq(put_in(lun, 3, 2, 0x32), 2);
	ck_assert_int_eq(put_in(lun, size, 1, 0x31), -ENOSPC);
	append.file = lun;
	ck_assert_int_eq(data_run(&append), -ENOSPC);
	ck_assert_int_eq(run(lun, DATA_OP_TRUNCATE, size - 1, 0), -EPERM);
	ck_assert_int_eq(run(lun, DATA_OP_TRUNCATE, size, 0), 0);
	ck_assert_int_eq(run(lun, DATA_OP_ALLOCATE, 0, size), 0);
	ck_assert_int_eq(run(lun, DATA_OP_ALLOCATE, 1, size), -ENOSPC);
	ck_assert_int_eq(run(lun, DATA_OP_PUNCH, 0, BLOCK), -EOPNOTSUPP);
	ck_assert_int_eq(run(lun, DATA_OP_ZERO, 0, BLOCK), -EOPNOTSUPP);
	ck_assert_int_eq(run(lun, DATA_OP_READ, 0, 8), 8);
	ck_assert_uint_eq(buf[2], FAKE_GARBAGE);
	ck_assert_uint_eq(buf[3], 0x32);
	ck_assert_uint_eq(buf[5], FAKE_GARBAGE);
	settle();
	ck_assert_uint_eq(fake_free_chunks(sp, 0), 0);
	data_file_free(lun);
}
END_TEST

START_TEST(test_data_growth_of_freed_files_ends)
{
	static struct async first, second;
	struct data_file *one = data_file_new(vol), *two = data_file_new(vol);

	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	fake_gate(sp, true);
	async_start(&first, one, DATA_OP_WRITE, 0, 1, buf);
	async_start(&second, two, DATA_OP_WRITE, 0, 1, buf);
	data_file_free(one);
	data_file_free(two);
	fake_gate(sp, false);
	ck_assert_int_eq(async_end(&first), -ENOSPC);
	ck_assert_int_eq(async_end(&second), -ENOSPC);
}
END_TEST

START_TEST(test_data_free_does_not_wait_for_operations)
{
	static struct async write;
	struct data_file *other = data_file_new(vol);

	put_in(other, 0, BLOCK, 1);
	fake_hold(sp);
	async_start(&write, other, DATA_OP_WRITE, 0, BLOCK, buf);
	data_file_free(other);
	ck_assert(!async_has_ended(&write));
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
	fake_unhold(sp);
	ck_assert_int_eq(async_end(&write), BLOCK);
}
END_TEST

START_TEST(test_data_no_handle_left_is_enospc_until_a_file_goes)
{
	struct fake_config config = { .max_handles = 2, .nr_threads = 1 };
	struct data_file *a, *b;
	struct data_volume_stats stats;

	stop();
	start_with(&config);
	a = data_file_new(vol);
	b = data_file_new(vol);
	ck_assert_int_eq(put_in(a, 0, 1, 1), 1);
	ck_assert_int_eq(put_in(b, 0, 1, 1), 1);
	data_volume_get_stats(vol, &stats);
	ck_assert_uint_eq(stats.nr_handles, 2);
	ck_assert_uint_eq(stats.nr_free_handles, 0);
	ck_assert_int_eq(put(0, 1, 1), -ENOSPC);
	ck_assert_uint_eq(data_file_size(file), 0);
	data_file_free(a);
	ck_assert_int_eq(put(0, 1, 1), 1);
	data_file_free(b);
}
END_TEST

START_TEST(test_data_new_file_goes_where_most_room_is)
{
	struct fake_config config = { .nr_luns = 2, .nr_threads = 1 };
	struct data_file *other;

	stop();
	start_with(&config);
	other = data_file_new(vol);
	put(0, 3 * CHUNK, 1);
	put_in(other, 0, CHUNK / 4, 1);
	ck_assert_uint_lt(fake_free_chunks(sp, 0), NR_CHUNKS);
	ck_assert_uint_eq(fake_free_chunks(sp, 1), NR_CHUNKS - 1);
	ck_assert_uint_eq(free_chunks(), 2 * NR_CHUNKS - 4);
	data_file_free(other);
}
END_TEST

START_TEST(test_data_luns_of_different_chunks_are_refused)
{
	struct fake_config config = { .nr_luns = 2, .odd_lun_chunk_lbas = 8 };
	struct superpipe *odd = fake_new(&config);
	struct data_volume *none = NULL;

	ck_assert_int_eq(data_volume_new(odd, &none), -EINVAL);
	ck_assert_ptr_null(none);
	ck_assert_uint_eq(fake_free(odd), 0);
	data_volume_free(NULL);
	data_file_free(NULL);
}
END_TEST

/* ---- errors ---- */

START_TEST(test_data_failed_read_gives_what_comes_before)
{
	put(0, CHUNK, 0x27);
	fake_fail_ios(sp, false, 5, 1, -EIO);
	ck_assert_int_eq(get(100, CHUNK - 100), 5 * BLOCK - 100);
	ck_assert_uint_eq(buf[0], 0x27);
	ck_assert_int_eq(get(5 * BLOCK, BLOCK), -EIO);
	ck_assert_int_eq(get(5 * BLOCK + 7, 10), -EIO);
	ck_assert_int_eq(get(6 * BLOCK, BLOCK), BLOCK);
}
END_TEST

START_TEST(test_data_failed_write_leaves_unwritten_blocks_unwritten)
{
	put(0, BLOCK, 0x28);
	fake_fail_ios(sp, true, 3, 1, -EIO);
	ck_assert_int_eq(put(0, 8 * BLOCK, 0x29), 3 * BLOCK);
	ck_assert_uint_eq(data_file_size(file), 3 * BLOCK);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 3 * BLOCK);
	ck_assert_int_eq(put(3 * BLOCK, BLOCK, 0x29), -EIO);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_int_eq(cut(8 * BLOCK), 0);
	expect(0, 3 * BLOCK, 0x29);
	expect(3 * BLOCK, 5 * BLOCK, 0);
}
END_TEST

static uint64_t free_handles(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats.nr_free_handles;
}

START_TEST(test_data_failed_first_write_gives_chunk_and_handle_back)
{
	const uint64_t nr_handles = free_handles();

	fake_fail_ios(sp, true, 0, 1, -EIO);
	ck_assert_int_eq(put(0, BLOCK, 0x2c), -EIO);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
	ck_assert_uint_eq(free_handles(), nr_handles);
	settle();
	ck_assert_uint_eq(fake_nr_vluns(sp), 0);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_int_eq(put(0, BLOCK, 0x2c), BLOCK);
}
END_TEST

START_TEST(test_data_write_that_fails_half_way_gives_the_rest_back)
{
	put(0, BLOCK, 0x2d);
	fake_fail_ios(sp, true, 16, 16, -EIO); /* the file's second chunk */
	ck_assert_int_eq(put(BLOCK, 2 * CHUNK, 0x2e), CHUNK - BLOCK);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	ck_assert_int_eq(put(CHUNK, BLOCK, 0x2e), -EIO);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, CHUNK, BLOCK), 0);
	ck_assert_int_eq(put(CHUNK, BLOCK, 0x2e), -EIO);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 2); /* was reserved before */
	fake_fail_ios(sp, true, 0, 0, 0);
}
END_TEST

START_TEST(test_data_failed_zero_reserves_nothing)
{
	put(0, BLOCK, 0x2f);
	fake_fail_ios(sp, true, 0, 1, -EIO);
	ck_assert_int_eq(run(file, DATA_OP_ZERO, 10, 3 * CHUNK), -EIO);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 1);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_int_eq(run(file, DATA_OP_ZERO, 10, 3 * CHUNK), 0);
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS - 4);
}
END_TEST

START_TEST(test_data_failed_write_over_the_end_never_shows)
{
	put(0, BLOCK + 100, 0x2a);
	/* The second block is half written with new bytes behind the end of file. */
	fake_fail_ios(sp, true, 1, 1, -EIO);
	ck_assert_int_eq(put(BLOCK + 100, 1000, 0x2b), -EIO);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_uint_eq(data_file_size(file), BLOCK + 100);
	ck_assert_int_eq(cut(4 * BLOCK), 0);
	expect(BLOCK + 100, 3 * BLOCK - 100, 0);
	expect(0, BLOCK + 100, 0x2a);
}
END_TEST

START_TEST(test_data_write_behind_an_unclean_end_cleans_it_first)
{
	put(0, 100, 0x2c);
	fake_fail_ios(sp, true, 0, 1, -EIO);
	ck_assert_int_eq(put(100, 1000, 0x2d), -EIO);
	fake_fail_ios(sp, false, 0, 1, -EIO);
	ck_assert_int_eq(put(5 * BLOCK, 10, 0x2e), -EIO); /* cannot be cleaned now */
	ck_assert_uint_eq(data_file_size(file), 100);
	fake_fail_ios(sp, false, 0, 0, 0);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_int_eq(put(5 * BLOCK, 10, 0x2e), 10);
	expect(0, 100, 0x2c);
	expect(100, 5 * BLOCK - 100, 0);
	expect(5 * BLOCK, 10, 0x2e);
}
END_TEST

START_TEST(test_data_unreadable_edges_cut_the_write)
{
	put(0, 4 * BLOCK, 0x2f);
	fake_fail_ios(sp, false, 0, 1, -EIO);
	ck_assert_int_eq(put(10, BLOCK, 0x30), -EIO);
	fake_fail_ios(sp, false, 2, 1, -EIO);
	ck_assert_int_eq(put(10, 2 * BLOCK, 0x31), 2 * BLOCK - 10);
	fake_fail_ios(sp, false, 0, 0, 0);
	expect(0, 10, 0x2f);
	expect(10, 2 * BLOCK - 10, 0x31);
	expect(2 * BLOCK, 2 * BLOCK, 0x2f);
}
END_TEST

START_TEST(test_data_failed_truncate_and_punch_change_nothing)
{
	put(0, 4 * BLOCK, 0x32);
	fake_fail_ios(sp, false, 1, 1, -EIO);
	ck_assert_int_eq(cut(BLOCK + 1), -EIO);
	ck_assert_int_eq(run(file, DATA_OP_PUNCH, BLOCK + 1, 2 * BLOCK), -EIO);
	fake_fail_ios(sp, false, 0, 0, 0);
	fake_fail_ios(sp, true, 1, 1, -EIO);
	ck_assert_int_eq(run(file, DATA_OP_ZERO, BLOCK + 1, 2 * BLOCK), -EIO);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_uint_eq(data_file_size(file), 4 * BLOCK);
	ck_assert_uint_eq(data_file_allocated_bytes(file), 4 * BLOCK);
	expect(0, BLOCK, 0x32);
	expect(2 * BLOCK, BLOCK, 0x32);
	expect(3 * BLOCK + 1, BLOCK - 1, 0x32);
}
END_TEST

START_TEST(test_data_short_growth_is_a_short_write)
{
	fake_limit_growth(sp, 1);
	ck_assert_int_eq(put(0, 2 * CHUNK, 0x33),
			 2 * CHUNK); /* repeated until nothing more is granted */
	data_volume_set_idle_ms(vol, 0);
	settle();
	settle();
	fake_limit_growth(sp, 0);
	ck_assert_int_eq(put(CHUNK, 2 * CHUNK, 0x33), CHUNK);
	ck_assert_int_eq(put(2 * CHUNK, 1, 0x33), -ENOSPC);
	fake_limit_growth(sp, UINT64_MAX);
	ck_assert_int_eq(put(2 * CHUNK, CHUNK, 0x33), CHUNK);
	expect(0, 3 * CHUNK, 0x33);
}
END_TEST

START_TEST(test_data_copy_that_fails_half_way_is_short)
{
	struct data_file *dst = data_file_new(vol);

	for (unsigned i = 0; i < NR_CHUNKS - 2; i += 2)
		put(i * CHUNK, 2 * CHUNK, 0x34);
	ck_assert_int_eq(data_copy(file, 0, dst, 0, UINT64_MAX / 2, false), 2 * CHUNK);
	ck_assert_int_eq(data_copy(file, 2 * CHUNK, dst, 2 * CHUNK, UINT64_MAX / 2, false),
			 -ENOSPC);
	ck_assert_uint_eq(data_file_size(dst), 2 * CHUNK);
	fake_fail_ios(sp, false, 17, 1, -EIO);
	ck_assert_int_eq(data_copy(file, 0, dst, 0, 2 * CHUNK, false), CHUNK + BLOCK);
	ck_assert_int_eq(data_copy(file, CHUNK + BLOCK, dst, 0, BLOCK, false), -EIO);
	fake_fail_ios(sp, false, 0, 0, 0);
	data_file_free(dst);
}
END_TEST

START_TEST(test_data_errors_of_the_driver_reach_the_caller)
{
	fake_fail_call(sp, FAKE_OPEN, 1, -EIO);
	ck_assert_int_eq(put(0, 1, 1), -EIO);
	fake_fail_call(sp, FAKE_OPEN, 1, -ENOMEM);
	ck_assert_int_eq(put(0, 1, 1), -ENOMEM);
	fake_fail_call(sp, FAKE_RESIZE, 1, -EIO);
	ck_assert_int_eq(put(0, 1, 1), -EIO);
	ck_assert_uint_eq(fake_nr_vluns(sp), 0);
	ck_assert_int_eq(put(0, CHUNK, 1), CHUNK);
	settle();
	fake_fail_call(sp, FAKE_RESIZE, 1, -EIO);
	ck_assert_int_eq(put(0, 4 * CHUNK, 0x34), 2 * CHUNK); /* one was there ahead */
	fake_fail_call(sp, FAKE_RESIZE, 100, -ENOMEM);
	ck_assert_int_eq(run(file, DATA_OP_ALLOCATE, 0, 4 * CHUNK), -ENOMEM);
	ck_assert_int_eq(cut(1), 0); /* the chunks stay with the file for now */
	fake_fail_call(sp, FAKE_RESIZE, 0, 0);
	ck_assert_int_eq(put(0, 4 * CHUNK, 0x35), 4 * CHUNK);
	expect(0, 4 * CHUNK, 0x35);
}
END_TEST

/* ---- secrets ---- */

#define SECRET 0x5e

/** Reads everything and checks that no secret byte shows. */
static void expect_no_secret(struct data_file *of)
{
	for (uint64_t at = 0; at < data_file_size(of); at += 3 * BLOCK) {
		struct data_op op = {
			.file = of, .kind = DATA_OP_READ, .offset = at, .bytes = 3 * BLOCK
		};
		ssize_t got;

		op.buf = buf;
		got = data_run(&op);
		ck_assert_int_gt(got, 0);
		ck_assert_ptr_null(memchr(buf, SECRET, (size_t)got));
	}
}

static void shape_holes(struct data_file *of)
{
	for (unsigned i = 1; i < 40; i += 3)
		put_in(of, i * BLOCK, BLOCK, 1);
}

static void shape_partial_blocks(struct data_file *of)
{
	for (unsigned i = 0; i < 40; i++)
		put_in(of, i * BLOCK + i * 50, 1 + i * 3, 1);
}

static void shape_truncated(struct data_file *of)
{
	put_in(of, 0, CHUNK + 77, 1);
	(void)run(of, DATA_OP_TRUNCATE, 1234, 0);
	(void)run(of, DATA_OP_TRUNCATE, 3 * CHUNK, 0);
	put_in(of, 2 * CHUNK + 5, 1, 1);
}

static void shape_allocated(struct data_file *of)
{
	(void)run(of, DATA_OP_ALLOCATE, 0, 3 * CHUNK);
	put_in(of, BLOCK + 1, 1, 1);
	(void)run(of, DATA_OP_ZERO, 100, CHUNK);
}

static void shape_punched(struct data_file *of)
{
	put_in(of, 0, 3 * CHUNK, 1);
	(void)run(of, DATA_OP_PUNCH, 100, 2 * CHUNK);
	put_in(of, CHUNK + 9, 9, 1);
}

static void shape_copied(struct data_file *of)
{
	put_in(of, 3 * BLOCK + 1, 100, 1);
	(void)data_copy(of, 0, of, CHUNK + 3, 4 * BLOCK, false);
}

static void shape_failed_writes(struct data_file *of)
{
	fake_fail_ios(sp, true, 2, 3, -EIO);
	put_in(of, 0, CHUNK, 1);
	put_in(of, 2 * BLOCK + 10, 10, 1);
	fake_fail_ios(sp, true, 0, 0, 0);
	(void)run(of, DATA_OP_TRUNCATE, 2 * CHUNK, 0);
}

START_TEST(test_data_no_shape_of_file_shows_what_the_flash_held_before)
{
	static void (*const shapes[])(struct data_file *) = {
		shape_holes,   shape_partial_blocks, shape_truncated,     shape_allocated,
		shape_punched, shape_copied,         shape_failed_writes,
	};

	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct data_file *secret = data_file_new(vol), *other = data_file_new(vol);

		for (unsigned at = 0; at < NR_CHUNKS; at++)
			ck_assert_int_eq(put_in(secret, at * CHUNK, CHUNK, SECRET), CHUNK);
		ck_assert_uint_eq(free_chunks(), 0);
		data_file_free(secret);
		shapes[i](other);
		ck_assert_uint_gt(data_file_size(other), 0);
		expect_no_secret(other);
		data_file_free(other);
	}
}
END_TEST

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	unsigned index;
};

/** Each thread has its own 1,000-byte stripes of one file, which share blocks with the others'. */
static void *work_on_stripes(void *arg)
{
	struct worker *worker = arg;
	uint8_t own[1000], back[1000];

	for (unsigned round = 0; round < 60; round++) {
		uint64_t at = (round * 4 + worker->index) * 1000u;
		struct data_op op = {
			.file = file, .kind = DATA_OP_WRITE, .offset = at, .bytes = 1000, .buf = own
		};

		memset(own, (int)(round * 4 + worker->index + 1), sizeof(own));
		if (data_run(&op) != 1000)
			return "write";
		op.kind = DATA_OP_READ;
		op.buf = back;
		if (data_run(&op) != 1000 || memcmp(own, back, sizeof(own)) != 0)
			return "read";
		if (round % 8 == worker->index)
			data_volume_set_idle_ms(vol, round % 2);
	}
	return NULL;
}

START_TEST(test_data_threads_writing_into_common_blocks_lose_nothing)
{
	struct worker workers[4];

	for (unsigned i = 0; i < 4; i++) {
		workers[i].index = i;
		pthread_create(&workers[i].thread, NULL, work_on_stripes, &workers[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		void *failed;

		pthread_join(workers[i].thread, &failed);
		ck_assert_msg(!failed, "%s", (const char *)failed);
	}
	for (unsigned i = 0; i < 240; i++)
		expect(i * 1000, 1000, (uint8_t)(i + 1));
}
END_TEST

/** Several threads create and delete files on a volume that is nearly full. */
static void *work_on_files(void *arg)
{
	uint8_t *memory = aligned_alloc(BLOCK, CHUNK);
	struct worker *worker = arg;
	void *failed = NULL;

	memset(memory, (int)worker->index, CHUNK);
	for (unsigned round = 0; round < 60 && !failed; round++) {
		struct data_file *own = data_file_new(vol);

		for (unsigned i = 0; i < 12; i++) {
			struct data_op op = { .file = own,
					      .kind = DATA_OP_WRITE,
					      .append = true,
					      .bytes = CHUNK,
					      .buf = memory };
			ssize_t result = data_run(&op);

			if (result != CHUNK && result != -ENOSPC)
				failed = "append";
		}
		data_file_free(own);
	}
	free(memory);
	return failed;
}

START_TEST(test_data_threads_filling_the_volume_leave_it_empty)
{
	struct worker workers[4];

	for (unsigned i = 0; i < 4; i++) {
		workers[i].index = i;
		pthread_create(&workers[i].thread, NULL, work_on_files, &workers[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		void *failed;

		pthread_join(workers[i].thread, &failed);
		ck_assert_msg(!failed, "%s", (const char *)failed);
	}
	ck_assert_uint_eq(free_chunks(), NR_CHUNKS);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_set_timeout(tcase, 0);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_core(TCase *core)
{
	tcase_add_test(core, test_data_empty_file_takes_nothing);
	tcase_add_test(core, test_data_reads_back_what_was_written);
	tcase_add_test(core, test_data_read_is_short_only_at_end_of_file);
	tcase_add_test(core, test_data_partial_write_leaves_the_rest_of_the_block_alone);
	tcase_add_test(core, test_data_partial_write_of_a_new_block_is_padded_with_zeros);
	tcase_add_test(core, test_data_unaligned_memory_gives_the_same_bytes);
	tcase_add_test(core, test_data_fragmented_read_needs_no_more_memory_than_there_is);
	tcase_add_test(core, test_data_appends_at_once_do_not_overlap);
	tcase_add_test(core, test_data_truncate_down_and_up_shows_zeros);
	tcase_add_test(core, test_data_truncate_gives_chunks_and_vlun_back);
	tcase_add_test(core, test_data_punch_frees_whole_chunks);
	tcase_add_test(core, test_data_punch_piece_by_piece_frees_the_chunk);
	tcase_add_test(core, test_data_punch_to_end_of_file_clears_the_last_block);
	tcase_add_test(core, test_data_punched_slots_are_used_again);
	tcase_add_test(core, test_data_zero_keeps_the_space);
	tcase_add_test(core, test_data_allocate_reserves_and_keeps_or_grows_the_size);
	tcase_add_test(core, test_data_reserved_blocks_count_until_they_are_cleared);
	tcase_add_test(core, test_data_hole_grows_the_size_without_space);
	tcase_add_test(core, test_data_seek_finds_blocks);
	tcase_add_test(core, test_data_copy_keeps_holes);
	tcase_add_test(core, test_data_copy_does_a_bounded_part_at_a_time);
	tcase_add_test(core, test_data_copy_of_many_holes_is_bounded_as_well);
	tcase_add_test(core, test_data_copy_inside_a_file_must_not_overlap);
	tcase_add_test(core, test_data_readers_share_and_a_reader_waits_for_the_writer);
	tcase_add_test(core, test_data_truncate_waits_for_reads_of_what_goes);
	tcase_add_test(core, test_data_append_behind_a_truncate_follows_the_end_and_its_lock);
	tcase_add_test(core, test_data_no_shape_of_file_shows_what_the_flash_held_before);
}

static void add_limits(TCase *limits)
{
	tcase_add_test(limits, test_data_last_byte_of_the_largest_file_costs_one_chunk);
	tcase_add_test(limits, test_data_allocate_too_much_gives_everything_back);
	tcase_add_test(limits, test_data_long_queue_of_waiters_does_not_exhaust_the_stack);
	tcase_add_test(limits, test_data_many_unaligned_operations_share_the_scratches);
	tcase_add_test(limits, test_data_half_a_chunk_written_takes_the_next_ahead);
	tcase_add_test(limits,
		       test_data_chunk_taken_ahead_counts_as_free_and_is_given_back_when_quiet);
	tcase_add_test(limits, test_data_chunks_taken_ahead_are_called_back_before_enospc);
	tcase_add_test(limits, test_data_growth_waits_for_a_file_that_is_about_to_be_freed);
	tcase_add_test(limits, test_data_growth_does_not_wait_for_ever_for_an_orphan);
	tcase_add_test(limits, test_data_write_that_does_not_fit_is_cut_where_it_does_not_fit);
	tcase_add_test(limits, test_data_growth_waits_for_the_release_of_a_freed_file);
	tcase_add_test(limits, test_data_fixed_file_is_all_of_a_lun);
	tcase_add_test(limits, test_data_growth_of_freed_files_ends);
	tcase_add_test(limits, test_data_free_does_not_wait_for_operations);
	tcase_add_test(limits, test_data_no_handle_left_is_enospc_until_a_file_goes);
	tcase_add_test(limits, test_data_new_file_goes_where_most_room_is);
	tcase_add_test(limits, test_data_luns_of_different_chunks_are_refused);
	tcase_add_test(limits, test_data_threads_writing_into_common_blocks_lose_nothing);
	tcase_add_test(limits, test_data_threads_filling_the_volume_leave_it_empty);
}

static void add_errors(TCase *errors)
{
	tcase_add_test(errors, test_data_failed_read_gives_what_comes_before);
	tcase_add_test(errors, test_data_failed_write_leaves_unwritten_blocks_unwritten);
	tcase_add_test(errors, test_data_failed_first_write_gives_chunk_and_handle_back);
	tcase_add_test(errors, test_data_write_that_fails_half_way_gives_the_rest_back);
	tcase_add_test(errors, test_data_failed_zero_reserves_nothing);
	tcase_add_test(errors, test_data_failed_write_over_the_end_never_shows);
	tcase_add_test(errors, test_data_write_behind_an_unclean_end_cleans_it_first);
	tcase_add_test(errors, test_data_unreadable_edges_cut_the_write);
	tcase_add_test(errors, test_data_failed_truncate_and_punch_change_nothing);
	tcase_add_test(errors, test_data_short_growth_is_a_short_write);
	tcase_add_test(errors, test_data_copy_that_fails_half_way_is_short);
	tcase_add_test(errors, test_data_errors_of_the_driver_reach_the_caller);
}

int main(void)
{
	Suite *suite = suite_create("data");

	add_core(add_case(suite, "core"));
	add_limits(add_case(suite, "limits"));
	add_errors(add_case(suite, "errors"));
	return run_suite(suite);
}
