/* SPDX-License-Identifier: Apache-2.0 */
/* Files that share segments: what they cost, what never shows, what happens when flash runs out. */
#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"

#define BLOCK        4096u
#define CHUNK_BLOCKS 16u
#define CHUNK        (CHUNK_BLOCKS * BLOCK)
#define PACK_BLOCKS  4u
#define NR_CHUNKS    32u
#define NR_FILES     600u /* more than blocks */
#define SECRET       0x5e

static struct superpipe *sp;
static struct data_volume *vol;
static struct data_file *files[NR_FILES];
static uint8_t *buf;

static void start_with(const struct fake_config *config, uint64_t pack_blocks)
{
	sp = fake_new(config);
	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, pack_blocks * BLOCK);
	for (unsigned i = 0; i < NR_FILES; i++)
		files[i] = data_file_new(vol);
	buf = aligned_alloc(BLOCK, NR_CHUNKS * CHUNK);
}

static void start_on(unsigned nr_luns, unsigned max_handles)
{
	struct fake_config config = { .nr_threads = 1,
				      .nr_luns = nr_luns,
				      .max_handles = max_handles };

	start_with(&config, PACK_BLOCKS);
}

static void start(void)
{
	start_on(1, 0);
}

static struct data_volume_stats stats_of(void)
{
	struct data_volume_stats stats;

	data_volume_get_stats(vol, &stats);
	return stats;
}

static void free_file(unsigned i)
{
	data_file_free(files[i]);
	files[i] = NULL;
}

static bool is_all_free(void)
{
	struct data_volume_stats stats = stats_of();

	return stats.nr_free_blocks == stats.nr_chunks * (stats.chunk_bytes / BLOCK);
}

/** What happens in the background may take up to 10 seconds, and may be undone right afterwards. */
static void wait_until(bool (*is_so)(void))
{
	bool seen = is_so();

	for (int tries = 0; !seen && tries < 10000; tries++) {
		usleep(1000);
		seen = is_so();
	}
	ck_assert(seen);
}

static void stop(void)
{
	struct data_volume_stats stats;

	for (unsigned i = 0; i < NR_FILES; i++)
		free_file(i);
	wait_until(is_all_free); /* a move may still hold a file */
	stats = stats_of();
	ck_assert_uint_eq(stats.nr_free_chunks, stats.nr_chunks);
	ck_assert_uint_eq(stats.nr_free_handles, stats.nr_handles);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
	free(buf);
}

static uint64_t free_blocks(void)
{
	return stats_of().nr_free_blocks;
}

static ssize_t run(unsigned i, enum data_op_kind kind, uint64_t offset, uint64_t bytes)
{
	struct data_op op = {
		.file = files[i], .kind = kind, .offset = offset, .bytes = bytes, .buf = buf
	};

	return data_run(&op);
}

static ssize_t put(unsigned i, uint64_t offset, uint64_t bytes, int value)
{
	memset(buf, value, bytes);
	return run(i, DATA_OP_WRITE, offset, bytes);
}

static void expect(unsigned i, uint64_t offset, uint64_t bytes, uint8_t value)
{
	memset(buf, 0xEE, bytes);
	ck_assert_int_eq(run(i, DATA_OP_READ, offset, bytes), (ssize_t)bytes);
	for (uint64_t at = 0; at < bytes; at++)
		ck_assert_uint_eq(buf[at], value);
}

START_TEST(test_packed_small_files_share_a_chunk)
{
	uint64_t nr_resizes;

	ck_assert_int_eq(put(0, 0, BLOCK, 1), BLOCK);
	nr_resizes = fake_nr_calls(sp, FAKE_RESIZE);
	for (unsigned i = 1; i < CHUNK_BLOCKS / 2; i++)
		ck_assert_int_eq(put(i, 0, 10, (int)i + 1), 10);
	ck_assert_uint_eq(fake_nr_calls(sp, FAKE_RESIZE), nr_resizes);
	ck_assert_uint_eq(fake_nr_vluns(sp), 1);
	ck_assert_uint_eq(stats_of().nr_free_chunks, NR_CHUNKS - 1);
	ck_assert_uint_eq(free_blocks(), (NR_CHUNKS * CHUNK_BLOCKS) - CHUNK_BLOCKS / 2);
	for (unsigned i = 1; i < CHUNK_BLOCKS / 2; i++)
		expect(i, 0, 10, (uint8_t)(i + 1));
}
END_TEST

START_TEST(test_packed_every_block_of_the_volume_can_be_a_file)
{
	for (unsigned i = 0; i < NR_CHUNKS * CHUNK_BLOCKS; i++) {
		ck_assert_int_eq(put(i, 0, BLOCK, (int)i), BLOCK);
		ck_assert_uint_eq(free_blocks(), NR_CHUNKS * CHUNK_BLOCKS - 1 - i);
	}
	ck_assert_int_eq(put(NR_FILES - 1, 0, 1, 1), -ENOSPC);
	ck_assert(data_volume_check_add_file(vol) || stats_of().nr_free_handles > 0);
	free_file(77);
	ck_assert_int_eq(put(NR_FILES - 1, 0, BLOCK, 0x99), BLOCK);
	expect(NR_FILES - 1, 0, BLOCK, 0x99);
	for (unsigned i = 0; i < NR_CHUNKS * CHUNK_BLOCKS; i++) {
		if (files[i])
			expect(i, 0, BLOCK, (uint8_t)i);
	}
}
END_TEST

START_TEST(test_packed_chunk_that_outgrows_its_share_gets_a_slot)
{
	ck_assert_int_eq(put(0, 0, PACK_BLOCKS * BLOCK, 0x31), PACK_BLOCKS * BLOCK);
	ck_assert_uint_eq(fake_nr_vluns(sp), 1);
	ck_assert_int_eq(put(0, PACK_BLOCKS * BLOCK, BLOCK, 0x31), BLOCK);
	ck_assert_uint_eq(fake_nr_vluns(sp), 2);
	ck_assert_uint_eq(data_file_allocated_bytes(files[0]), (PACK_BLOCKS + 1) * BLOCK);
	expect(0, 0, (PACK_BLOCKS + 1) * BLOCK, 0x31);
	ck_assert_int_eq(put(0, 100, CHUNK - 100, 0x32), CHUNK - 100);
	expect(0, 100, CHUNK - 100, 0x32);
	ck_assert_int_eq(data_seek(files[0], 0, SEEK_HOLE), CHUNK);
}
END_TEST

START_TEST(test_packed_file_larger_than_the_share_begins_in_a_slot)
{
	ck_assert_int_eq(put(0, 0, 2 * CHUNK, 0x33), 2 * CHUNK);
	ck_assert_uint_eq(fake_nr_vluns(sp), 1);
	ck_assert_uint_eq(free_blocks(), (NR_CHUNKS - 2) * CHUNK_BLOCKS);
}
END_TEST

START_TEST(test_packed_tail_of_a_large_file_costs_its_blocks_only)
{
	ck_assert_int_eq(put(0, 0, 2 * CHUNK + 100, 0x34), 2 * CHUNK + 100);
	ck_assert_uint_eq(free_blocks(), (NR_CHUNKS - 2) * CHUNK_BLOCKS - 1);
	expect(0, 0, 2 * CHUNK + 100, 0x34);
}
END_TEST

/* A chunk that is held ahead would cost as much as any other. */
START_TEST(test_packed_tail_is_packed_although_a_chunk_is_held_ahead)
{
	data_volume_set_idle_ms(vol, 1000000);
	ck_assert_int_eq(put(0, 0, CHUNK - BLOCK, 0x34), CHUNK - BLOCK);
	for (int tries = 0; fake_free_chunks(sp, 0) == NR_CHUNKS - 1 && tries < 2000; tries++)
		usleep(1000);
	ck_assert_uint_eq(fake_free_chunks(sp, 0), NR_CHUNKS - 2);
	ck_assert_int_eq(put(0, CHUNK - BLOCK, BLOCK + 100, 0x34), BLOCK + 100);
	ck_assert_uint_eq(free_blocks(), (NR_CHUNKS - 1) * CHUNK_BLOCKS - 1);
	/* One that was punched out costs nothing, and is used again. */
	ck_assert_int_eq(put(0, 2 * CHUNK, 2 * CHUNK, 0x34), 2 * CHUNK);
	ck_assert_int_eq(run(0, DATA_OP_PUNCH, 2 * CHUNK, CHUNK), 0);
	ck_assert_int_eq(put(0, 2 * CHUNK, BLOCK, 0x34), BLOCK);
	ck_assert_uint_eq(free_blocks(), (NR_CHUNKS - 3) * CHUNK_BLOCKS - 1);
	expect(0, 0, CHUNK + 100, 0x34);
}
END_TEST

START_TEST(test_packed_reservation_is_exact_and_reads_as_zeros)
{
	const uint64_t all = free_blocks();

	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 100, 2 * BLOCK), 0);
	ck_assert_uint_eq(free_blocks(), all - 3);
	ck_assert_uint_eq(data_file_allocated_bytes(files[0]), 3 * BLOCK);
	expect(0, 0, 2 * BLOCK + 100, 0);
	ck_assert_int_eq(put(0, BLOCK, BLOCK, 0x35), BLOCK);
	ck_assert_int_eq(run(0, DATA_OP_ZERO, 10, 3 * BLOCK), 0);
	ck_assert_uint_eq(free_blocks(), all - 4);
	ck_assert_uint_eq(data_file_allocated_bytes(files[0]), 4 * BLOCK);
	expect(0, 0, 3 * BLOCK + 10, 0);
	ck_assert_int_eq(run(0, DATA_OP_PUNCH, 0, 2 * BLOCK), 0);
	ck_assert_uint_eq(free_blocks(), all - 2);
	ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, 0, 0), 0);
	ck_assert_uint_eq(free_blocks(), all);
}
END_TEST

START_TEST(test_packed_failed_write_gives_its_blocks_back)
{
	const uint64_t all = free_blocks();

	fake_fail_ios(sp, true, 2, 1, -EIO);
	ck_assert_int_eq(put(0, 0, PACK_BLOCKS * BLOCK, SECRET), 2 * BLOCK);
	ck_assert_uint_eq(free_blocks(), all - 2);
	ck_assert_uint_eq(data_file_allocated_bytes(files[0]), 2 * BLOCK);
	fake_fail_ios(sp, true, 0, CHUNK_BLOCKS, -EIO);
	ck_assert_int_eq(put(1, 0, BLOCK, SECRET), -EIO);
	ck_assert_uint_eq(free_blocks(), all - 2);
	fake_fail_ios(sp, true, 0, 0, 0);
	ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, PACK_BLOCKS * BLOCK, 0), 0);
	expect(0, 2 * BLOCK, 2 * BLOCK, 0);
}
END_TEST

START_TEST(test_packed_medium_error_concerns_its_file_only)
{
	for (unsigned i = 0; i < 3; i++)
		put(i, 0, BLOCK, (int)i + 1);
	fake_fail_ios(sp, false, 1, 1, -EIO);
	expect(0, 0, BLOCK, 1);
	ck_assert_int_eq(run(1, DATA_OP_READ, 0, BLOCK), -EIO);
	expect(2, 0, BLOCK, 3);
	fake_fail_ios(sp, false, 0, 0, 0);
}
END_TEST

/** No reader of file @i sees a byte of the secret that other files left on the flash. */
static void ck_no_secret(unsigned i)
{
	uint64_t size = data_file_size(files[i]);

	for (uint64_t at = 0; at < size; at += CHUNK) {
		ssize_t got = run(i, DATA_OP_READ, at, CHUNK);

		ck_assert_int_gt(got, 0);
		ck_assert_ptr_null(memchr(buf, SECRET, (size_t)got));
	}
}

START_TEST(test_packed_no_file_shows_what_its_neighbours_left)
{
	for (unsigned i = 0; i < 100; i++)
		put(i, 0, BLOCK * (1 + i % PACK_BLOCKS), SECRET);
	for (unsigned i = 0; i < 100; i++)
		free_file(i);
	for (unsigned i = 100; i < 200; i++) {
		put(i, i * 7, 1 + i * 31, 1);
		(void)run(i, DATA_OP_ALLOCATE, i * 50, 3 * BLOCK);
		put(i, 2 * BLOCK + i, 9, 2);
		(void)run(i, DATA_OP_PUNCH, i, BLOCK + i);
		(void)run(i, DATA_OP_ZERO, 3 * i, BLOCK);
		(void)run(i, DATA_OP_TRUNCATE, i * 29, 0);
		(void)run(i, DATA_OP_TRUNCATE, PACK_BLOCKS * BLOCK + 77, 0);
		ck_no_secret(i);
	}
}
END_TEST

START_TEST(test_packed_large_file_fills_the_volume_beside_small_ones)
{
	ssize_t got;

	put(0, 0, BLOCK, 1);
	got = put(1, 0, NR_CHUNKS * CHUNK, 0x36);
	ck_assert_int_eq(got, (ssize_t)(NR_CHUNKS * CHUNK - BLOCK));
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_int_eq(put(2, 0, 1, 1), -ENOSPC);
	expect(1, 0, (uint64_t)got, 0x36);
	expect(0, 0, BLOCK, 1);
}
END_TEST

START_TEST(test_packed_allocation_takes_the_last_block_or_nothing)
{
	const uint64_t all = free_blocks();

	put(0, 0, BLOCK, 1);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), -ENOSPC);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, 0, DATA_MAX_FILE_BYTES), -ENOSPC);
	ck_assert_uint_eq(free_blocks(), all - 1);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK - BLOCK), 0);
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(files[1]), NR_CHUNKS * CHUNK - BLOCK);
}
END_TEST

START_TEST(test_packed_file_grows_beyond_its_lun)
{
	const uint64_t bytes = 3 * (uint64_t)NR_CHUNKS * CHUNK / 2;

	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, 0, bytes), 0);
	ck_assert_uint_eq(free_blocks(), NR_CHUNKS / 2 * CHUNK_BLOCKS);
	ck_assert_int_eq(put(0, NR_CHUNKS * CHUNK - BLOCK, CHUNK, 0x37), CHUNK);
	expect(0, NR_CHUNKS * CHUNK - BLOCK, CHUNK, 0x37);
}
END_TEST

START_TEST(test_packed_new_data_pass_over_a_lun_that_fails)
{
	fake_fail_call(sp, FAKE_OPEN, 1, -EIO);
	ck_assert_int_eq(put(0, 0, BLOCK, 0x38), BLOCK);
	fake_fail_call(sp, FAKE_OPEN, 1, -EIO);
	ck_assert_int_eq(put(1, 0, CHUNK, 0x39), CHUNK);
	fake_fail_call(sp, FAKE_OPEN, 2, -EIO);
	ck_assert_int_eq(put(2, 0, CHUNK, 0x3a), -EIO);
	expect(0, 0, BLOCK, 0x38);
	expect(1, 0, CHUNK, 0x39);
}
END_TEST

START_TEST(test_packed_empty_segments_go_back_when_idle)
{
	data_volume_set_idle_ms(vol, 20);
	for (unsigned i = 0; i < 3 * CHUNK_BLOCKS; i++)
		put(i, 0, BLOCK, 1);
	for (unsigned i = 0; i < 3 * CHUNK_BLOCKS; i++)
		free_file(i);
	for (int tries = 0; fake_nr_vluns(sp) > 0 && tries < 2000; tries++)
		usleep(1000);
	ck_assert_uint_eq(fake_nr_vluns(sp), 0);
}
END_TEST

static bool has_no_segment(void)
{
	return stats_of().nr_segments == 0;
}

/* The worker looks for empty segments while one is being used and emptied. */
START_TEST(test_packed_segments_that_empty_again_go_back)
{
	data_volume_set_idle_ms(vol, 0);
	for (unsigned round = 0; round < 300; round++) {
		for (unsigned i = 0; i < 10 + round % 20; i++) {
			ck_assert_int_eq(put(0, 0, BLOCK, 1), BLOCK);
			ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, 0, 0), 0);
		}
		wait_until(has_no_segment);
	}
}
END_TEST

START_TEST(test_packed_empty_segments_go_back_when_a_file_needs_their_chunks)
{
	for (unsigned i = 0; i < 3 * CHUNK_BLOCKS; i++)
		put(i, 0, BLOCK, 1);
	for (unsigned i = 0; i < 3 * CHUNK_BLOCKS; i++)
		free_file(i);
	ck_assert_int_eq(run(500, DATA_OP_ALLOCATE, 0, NR_CHUNKS * CHUNK), 0);
	ck_assert_uint_eq(fake_nr_vluns(sp), 1);
}
END_TEST

/* What each of a million files costs, beyond its name. */
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
#define CAN_MEASURE_MEMORY
#endif
#endif
START_TEST(test_packed_small_file_takes_300_bytes_of_memory)
{
#ifdef CAN_MEASURE_MEMORY
	const unsigned nr = NR_CHUNKS * CHUNK_BLOCKS;
	size_t before, after;

	for (unsigned i = 0; i < NR_FILES; i++)
		free_file(i);
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < nr; i++) {
		files[i] = data_file_new(vol);
		ck_assert_int_eq(put(i, 0, 100, 1), 100);
	}
	after = mallinfo2().uordblks;
	ck_assert_uint_le(after - before, 300 * nr + 16384);
#endif
}
END_TEST

static bool has_one_vlun(void)
{
	return fake_nr_vluns(sp) == 1;
}

START_TEST(test_packed_outgrown_chunk_moves_into_its_slot)
{
	data_volume_set_idle_ms(vol, 1);
	ck_assert_int_eq(put(0, 0, BLOCK, 0x41), BLOCK);
	ck_assert_int_eq(run(0, DATA_OP_ALLOCATE, BLOCK, BLOCK), 0);
	ck_assert_int_eq(put(0, 3 * BLOCK, 10, 0x42), 10);
	ck_assert_int_eq(put(0, 4 * BLOCK, CHUNK - 4 * BLOCK, 0x43), CHUNK - 4 * BLOCK);
	wait_until(has_one_vlun);
	ck_assert_uint_eq(free_blocks(), (NR_CHUNKS - 1) * CHUNK_BLOCKS);
	ck_assert_uint_eq(data_file_allocated_bytes(files[0]), CHUNK - BLOCK);
	expect(0, 0, BLOCK, 0x41);
	expect(0, BLOCK, 2 * BLOCK, 0);
	expect(0, 3 * BLOCK, 10, 0x42);
	expect(0, 3 * BLOCK + 10, BLOCK - 10, 0);
	expect(0, 4 * BLOCK, CHUNK - 4 * BLOCK, 0x43);
	ck_assert_int_eq(run(0, DATA_OP_PUNCH, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(data_file_allocated_bytes(files[0]), CHUNK - 2 * BLOCK);
}
END_TEST

/* A move that cannot read leaves the blocks where they are, and what can be read can be read. */
START_TEST(test_packed_unreadable_block_does_not_move)
{
	ck_assert_int_eq(put(0, 0, 3 * BLOCK, 0x44), 3 * BLOCK);
	fake_fail_ios(sp, false, 1, 1, -EIO);
	ck_assert_int_eq(put(0, 3 * BLOCK, 4 * BLOCK, 0x44), 4 * BLOCK);
	usleep(20000);
	expect(0, 0, BLOCK, 0x44);
	ck_assert_int_eq(run(0, DATA_OP_READ, BLOCK, BLOCK), -EIO);
	expect(0, 2 * BLOCK, 5 * BLOCK, 0x44);
	fake_fail_ios(sp, false, 0, 0, 0);
	expect(0, 0, 7 * BLOCK, 0x44);
}
END_TEST

/** More than a quarter of every segment is used, but for one and one that is made ahead of need. */
static bool has_few_segments(void)
{
	struct data_volume_stats stats = stats_of();
	uint64_t nr_used = stats.nr_chunks * CHUNK_BLOCKS - stats.nr_free_blocks;

	return fake_nr_vluns(sp) <= nr_used / (CHUNK_BLOCKS / 4) + 2;
}

/* Of 16 segments one block in sixteen stays in use. */
START_TEST(test_packed_nearly_empty_segments_are_emptied)
{
	const unsigned nr = 16 * CHUNK_BLOCKS;

	data_volume_set_idle_ms(vol, 1);
	for (unsigned i = 0; i < nr; i++)
		ck_assert_int_eq(put(i, 0, BLOCK, (int)i), BLOCK);
	ck_assert_uint_ge(fake_nr_vluns(sp), 16);
	for (unsigned i = 0; i < nr; i++) {
		if (i % 16 != 3)
			free_file(i);
	}
	wait_until(has_few_segments);
	for (unsigned i = 3; i < nr; i += 16)
		expect(i, 0, BLOCK, (uint8_t)i);
	ck_assert_uint_eq(free_blocks(), NR_CHUNKS * CHUNK_BLOCKS - nr / 16);
}
END_TEST

START_TEST(test_packed_files_are_used_while_segments_are_emptied)
{
	const unsigned nr = 20 * CHUNK_BLOCKS;

	data_volume_set_idle_ms(vol, 0);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < nr; i++) {
			if (!files[i])
				files[i] = data_file_new(vol);
			ck_assert_int_eq(put(i, 0, BLOCK, (int)(i + round)), BLOCK);
		}
		for (unsigned i = 0; i < nr; i++) {
			if ((i + round) % 8 != 3)
				free_file(i);
		}
		for (unsigned i = 0; i < nr; i++) {
			if (!files[i])
				continue;
			expect(i, 0, BLOCK, (uint8_t)(i + round));
			ck_assert_int_eq(put(i, 0, 7, 0x45), 7);
			ck_assert_int_eq(put(i, 2 * BLOCK, BLOCK, 0x46), BLOCK);
			expect(i, 0, 7, 0x45);
			expect(i, 7, BLOCK - 7, (uint8_t)(i + round));
			expect(i, 2 * BLOCK, BLOCK, 0x46);
		}
	}
}
END_TEST

/* Three handles: segments grow to what the volume has, and a file always finds a way. */
START_TEST(test_packed_few_handles_reach_all_of_the_flash)
{
	const unsigned nr_blocks = NR_CHUNKS * CHUNK_BLOCKS;

	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(put(i, 0, CHUNK, (int)i), CHUNK);
	for (unsigned i = 10; i < 10 + nr_blocks - 10 * CHUNK_BLOCKS; i++)
		ck_assert_int_eq(put(i, 0, BLOCK, (int)i), BLOCK);
	ck_assert_uint_le(fake_nr_vluns(sp), 3);
	ck_assert_uint_eq(free_blocks(), 0);
	ck_assert_int_eq(put(NR_FILES - 1, 0, 1, 1), -ENOSPC);
	for (unsigned i = 0; i < 10; i++)
		expect(i, 0, CHUNK, (uint8_t)i);
	for (unsigned i = 10; i < 10 + nr_blocks - 10 * CHUNK_BLOCKS; i++)
		expect(i, 0, BLOCK, (uint8_t)i);
}
END_TEST

/** Each file holds one block more than its share, so it gets a chunk. Return: how many files fit.
 */
static unsigned fill_with_medium_files(void)
{
	const uint64_t bytes = (PACK_BLOCKS + 1) * BLOCK;
	unsigned nr = 0;

	while (put(nr, 0, bytes, (int)nr) == (ssize_t)bytes)
		nr++;
	free_file(nr);
	for (unsigned i = 0; i < nr; i++)
		expect(i, 0, bytes, (uint8_t)i);
	return nr;
}

START_TEST(test_packed_medium_files_fill_the_volume)
{
	ck_assert_uint_eq(fill_with_medium_files(), NR_CHUNKS * CHUNK_BLOCKS / (PACK_BLOCKS + 1));
	ck_assert_uint_eq(free_blocks(), NR_CHUNKS * CHUNK_BLOCKS % (PACK_BLOCKS + 1));
	ck_assert_int_eq(run(0, DATA_OP_TRUNCATE, BLOCK, 0), 0);
	ck_assert_int_eq(put(1, CHUNK, PACK_BLOCKS * BLOCK, 0x47), PACK_BLOCKS * BLOCK);
	expect(1, CHUNK, PACK_BLOCKS * BLOCK, 0x47);
	expect(0, 0, BLOCK, 0);
}
END_TEST

static bool has_shared_all(void)
{
	return free_blocks() == stats_of().nr_chunks * CHUNK_BLOCKS - 3 * (PACK_BLOCKS + 1) - 2;
}

/* Among them one in stripes, with a reservation. */
START_TEST(test_packed_idle_files_share_what_they_leave_free)
{
	const uint64_t bytes = (PACK_BLOCKS + 1) * BLOCK;

	data_volume_set_idle_ms(vol, 20);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(put(i, i * CHUNK, bytes, (int)i + 1), (ssize_t)bytes);
	ck_assert_int_eq(run(1, DATA_OP_ALLOCATE, CHUNK + bytes + BLOCK, 2 * BLOCK), 0);
	wait_until(has_shared_all);
	ck_assert_uint_eq(data_file_allocated_bytes(files[1]), bytes + 2 * BLOCK);
	for (unsigned i = 0; i < 3; i++) {
		expect(i, i * CHUNK, bytes, (uint8_t)(i + 1));
		ck_assert_int_eq(put(i, i * CHUNK + BLOCK, BLOCK, 0x48), BLOCK);
		ck_assert_int_eq(put(i, i * CHUNK + bytes + BLOCK, 10, 0x49), 10);
		expect(i, i * CHUNK + 2 * BLOCK, bytes - 2 * BLOCK, (uint8_t)(i + 1));
		expect(i, i * CHUNK + bytes, BLOCK, 0);
		expect(i, i * CHUNK + bytes + BLOCK, 10, 0x49);
		ck_assert_int_eq(run(i, DATA_OP_TRUNCATE, 0, 0), 0);
	}
	wait_until(is_all_free);
}
END_TEST

static bool has_one_chunk(void)
{
	struct data_volume_stats stats = stats_of();

	return stats.nr_free_chunks == stats.nr_chunks - 1;
}

/* It would take one extent for each block. */
START_TEST(test_packed_scattered_blocks_keep_their_chunk)
{
	data_volume_set_idle_ms(vol, 1);
	for (unsigned at = 0; at < 600; at += 2)
		ck_assert_int_eq(put(0, at * BLOCK, BLOCK, (int)at), BLOCK);
	wait_until(has_one_chunk);
	usleep(50000);
	ck_assert_uint_eq(free_blocks(), stats_of().nr_chunks * 1024 - 1024);
	ck_assert_uint_eq(stats_of().nr_extents, 0);
	for (unsigned at = 0; at < 600; at += 2)
		expect(0, at * BLOCK, BLOCK, (uint8_t)at);
}
END_TEST

static void start_few_handles(void)
{
	start_on(1, 3);
}

static TCase *add_case(Suite *suite, const char *name, void (*setup)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, stop);
	tcase_set_timeout(tcase, 0);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void start_two_luns(void)
{
	start_on(2, 0);
}

static void start_striped(void)
{
	start_on(2, 0);
	data_volume_set_stripe_bytes(vol, 2 * BLOCK);
}

static void start_large_chunks(void)
{
	struct fake_config config = { .nr_threads = 1, .chunk_lbas = 1024, .nr_chunks = 4 };

	start_with(&config, 1024);
}

static void add_core(TCase *core)
{
	tcase_add_test(core, test_packed_small_files_share_a_chunk);
	tcase_add_test(core, test_packed_every_block_of_the_volume_can_be_a_file);
	tcase_add_test(core, test_packed_chunk_that_outgrows_its_share_gets_a_slot);
	tcase_add_test(core, test_packed_file_larger_than_the_share_begins_in_a_slot);
	tcase_add_test(core, test_packed_tail_of_a_large_file_costs_its_blocks_only);
	tcase_add_test(core, test_packed_tail_is_packed_although_a_chunk_is_held_ahead);
	tcase_add_test(core, test_packed_reservation_is_exact_and_reads_as_zeros);
	tcase_add_test(core, test_packed_failed_write_gives_its_blocks_back);
	tcase_add_test(core, test_packed_medium_error_concerns_its_file_only);
	tcase_add_test(core, test_packed_no_file_shows_what_its_neighbours_left);
	tcase_add_test(core, test_packed_large_file_fills_the_volume_beside_small_ones);
	tcase_add_test(core, test_packed_allocation_takes_the_last_block_or_nothing);
	tcase_add_test(core, test_packed_empty_segments_go_back_when_idle);
	tcase_add_test(core, test_packed_segments_that_empty_again_go_back);
	tcase_add_test(core, test_packed_small_file_takes_300_bytes_of_memory);
	tcase_add_test(core, test_packed_outgrown_chunk_moves_into_its_slot);
	tcase_add_test(core, test_packed_unreadable_block_does_not_move);
	tcase_add_test(core, test_packed_nearly_empty_segments_are_emptied);
	tcase_add_test(core, test_packed_files_are_used_while_segments_are_emptied);
	tcase_add_test(core, test_packed_empty_segments_go_back_when_a_file_needs_their_chunks);
	tcase_add_test(core, test_packed_medium_files_fill_the_volume);
	tcase_add_test(core, test_packed_idle_files_share_what_they_leave_free);
}

int main(void)
{
	Suite *suite = suite_create("data_packed");
	TCase *two_luns, *few_handles;

	add_core(add_case(suite, "core", start));
	two_luns = add_case(suite, "two LUNs", start_two_luns);
	tcase_add_test(two_luns, test_packed_file_grows_beyond_its_lun);
	tcase_add_test(two_luns, test_packed_new_data_pass_over_a_lun_that_fails);
	few_handles = add_case(suite, "few handles", start_few_handles);
	tcase_add_test(few_handles, test_packed_few_handles_reach_all_of_the_flash);
	tcase_add_test(few_handles, test_packed_medium_files_fill_the_volume);
	tcase_add_test(two_luns, test_packed_idle_files_share_what_they_leave_free);
	tcase_add_test(add_case(suite, "stripes", start_striped),
		       test_packed_idle_files_share_what_they_leave_free);
	tcase_add_test(add_case(suite, "large chunks", start_large_chunks),
		       test_packed_scattered_blocks_keep_their_chunk);
	return run_suite(suite);
}
