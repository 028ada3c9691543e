/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/replica: after each single change, as if the process had died there, no block and no slot of
 * a replica belongs to two files, and all lie where the replica has vLUNs. check_data_snapshot.c
 * compares the replica with its volume.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "data/replica_internal.h"
#include "fake/fake_superpipe.h"
#include "support/data_model.h"

enum { MAX_EXTENTS = 10000, NR_LUNS = 2 };

struct follower {
	pthread_mutex_t lock; /* the changes of different files come from different threads */
	struct data_replica *replica;
	uint64_t nr_changes;
	uint64_t nr_of_kind[DATA_NR_CHANGES];
};

/* ---- what must hold ---- */

/* For twalk(), which has no argument. */
static const struct data_replica *walked;
static struct data_change_extent all[MAX_EXTENTS];
static size_t nr_all;

static void check_chunks(const struct data_replica_file *file)
{
	for (uint32_t i = 0; i < file->nr_chunks; i++) {
		const struct data_chunk *chunk = file->chunks[i];

		ck_assert(file->vluns[chunk->lun].is_open);
		ck_assert_uint_lt(chunk->slot, file->vluns[chunk->lun].nr);
		for (uint32_t j = 0; j < i; j++)
			ck_assert(chunk->lun != file->chunks[j]->lun ||
				  chunk->slot != file->chunks[j]->slot);
	}
}

static void collect_extents(const struct data_replica_file *file)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < file->nr_extents; i++) {
		const struct data_change_extent *extent = &file->extents[i];
		const struct replica_segment *segment = replica_segment(walked, extent->segment);

		ck_assert_ptr_nonnull(segment);
		ck_assert_uint_ge(extent->block, end);
		ck_assert_uint_le(extent->start + extent->nr_blocks,
				  segment->nr_chunks * walked->geometry.chunk_blocks);
		end = extent->block + extent->nr_blocks;
		ck_assert_uint_lt(nr_all, MAX_EXTENTS);
		all[nr_all++] = *extent;
	}
}

static void visit(const void *node, VISIT which, int depth)
{
	const struct data_replica_file *file = *(const struct data_replica_file *const *)node;

	(void)depth;
	if (which != postorder && which != leaf)
		return;
	check_chunks(file);
	collect_extents(file);
}

static int compare_places(const void *a, const void *b)
{
	const struct data_change_extent *x = a, *y = b;

	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void check_replica(const struct data_replica *replica)
{
	walked = replica;
	nr_all = 0;
	twalk(replica->files, visit);
	qsort(all, nr_all, sizeof(all[0]), compare_places);
	for (size_t i = 1; i < nr_all; i++)
		if (all[i - 1].segment == all[i].segment &&
		    all[i - 1].start + all[i - 1].nr_blocks > all[i].start)
			ck_abort_msg("two extents overlap");
}

static void follow(void *arg, const struct data_change *change)
{
	struct follower *follower = arg;

	pthread_mutex_lock(&follower->lock);
	if (data_replay(follower->replica, change, data_change_bytes(change)))
		ck_abort_msg("a change of kind %u is not possible", change->kind);
	follower->nr_changes++;
	follower->nr_of_kind[change->kind]++;
	check_replica(follower->replica);
	pthread_mutex_unlock(&follower->lock);
}

/* ---- random operations ---- */

struct setup {
	unsigned nr_luns, nr_threads;
	uint32_t chunk_lbas;
	uint64_t pack_lbas, stripe_lbas;
};

static const struct setup setups[] = {
	{ 1, 0, 16, 0, 0 },  { 1, 2, 16, 4, 0 }, { 1, 2, 16, 16, 0 },
	{ 2, 2, 16, 12, 0 }, { 2, 1, 4, 3, 2 },  { 2, 2, 16, 4, 8 },
};

static void start(const struct setup *setup, uint64_t seed, struct follower *follower,
		  struct superpipe **ret_sp, struct data_volume **ret_vol)
{
	const struct fake_config config = {
		.nr_luns = setup->nr_luns,
		.nr_threads = setup->nr_threads,
		.chunk_lbas = setup->chunk_lbas,
		.scrub = true,
		.nr_chunks = 40 * 16 / setup->chunk_lbas / setup->nr_luns,
		.seed = seed,
	};
	struct data_geometry geometry;

	*ret_sp = fake_new(&config);
	ck_assert_int_eq(data_volume_new(*ret_sp, ret_vol), 0);
	data_volume_set_pack_bytes(*ret_vol, setup->pack_lbas * DATA_BLOCK_BYTES);
	data_volume_set_stripe_bytes(*ret_vol, setup->stripe_lbas * DATA_BLOCK_BYTES);
	data_volume_geometry(*ret_vol, &geometry);
	ck_assert_int_eq(data_replica_new(&geometry, &follower->replica), 0);
	data_volume_set_changed(*ret_vol, follow, follower);
}

static void run(const struct setup *setup, struct follower *follower)
{
	const uint64_t seed = data_model_seed();
	struct superpipe *sp;
	struct data_volume *vol;

	start(setup, seed, follower, &sp, &vol);
	data_model_run(vol, 0, seed, 30);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
}

START_TEST(test_replica_is_valid_after_each_change)
{
	const struct setup *setup = &setups[_i];
	struct follower follower = { .lock = PTHREAD_MUTEX_INITIALIZER };

	run(setup, &follower);
	ck_assert_uint_gt(follower.nr_changes, 200);
	/* A segment is new or was the vLUN of a file. */
	follower.nr_of_kind[DATA_CHANGE_SEGMENT] += follower.nr_of_kind[DATA_CHANGE_SHARED];
	follower.nr_of_kind[DATA_CHANGE_SHARED] = follower.nr_of_kind[DATA_CHANGE_SEGMENT];
	for (unsigned kind = 1; kind < DATA_NR_CHANGES; kind++)
		if (setup->pack_lbas || kind < DATA_CHANGE_EXTENTS)
			ck_assert_msg(follower.nr_of_kind[kind] > 0, "no change of kind %u", kind);
	ck_assert_ptr_null(follower.replica->files);
	ck_assert_uint_eq(follower.replica->nr_segments, 0);
	data_replica_free(follower.replica);
}
END_TEST

/* ---- single changes ---- */

static struct data_replica *make_replica(void)
{
	const struct data_geometry geometry = { .chunk_blocks = 16, .nr_luns = NR_LUNS };
	struct data_replica *replica;

	ck_assert_int_eq(data_replica_new(&geometry, &replica), 0);
	return replica;
}

static int send_change(struct data_replica *replica, const struct data_change *change)
{
	return data_replay(replica, change, sizeof(*change));
}

/* A change of extents of file 1; free() it. */
static struct data_change *extents_change(uint64_t first, uint64_t last, uint32_t nr,
					  const struct data_change_extent *extents)
{
	struct data_change *change = calloc(1, sizeof(*change) + nr * sizeof(*extents));

	ck_assert_ptr_nonnull(change);
	change->version = DATA_CHANGE_VERSION;
	change->kind = DATA_CHANGE_EXTENTS;
	change->number = 1;
	change->first = first;
	change->last = last;
	change->nr_extents = nr;
	for (uint32_t i = 0; i < nr; i++)
		change->extents[i] = extents[i];
	return change;
}

static int send_extents(struct data_replica *replica, uint64_t first, uint64_t last, uint32_t nr,
			const struct data_change_extent *extents)
{
	struct data_change *change = extents_change(first, last, nr, extents);
	int err = data_replay(replica, change, data_change_bytes(change));

	free(change);
	return err;
}

#define SEND(replica, ...)   \
	send_change(replica, \
		    &(const struct data_change){ .version = DATA_CHANGE_VERSION, __VA_ARGS__ })

/* A file, and a segment of two chunks. */
static struct data_replica *make_file(void)
{
	struct data_replica *replica = make_replica();

	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_FILE_NEW, .number = 1), 0);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_SEGMENT, .number = 5, .nr = 2), 0);
	return replica;
}

START_TEST(test_replica_extents_are_cut)
{
	const struct data_change_extent ten = { .block = 10, .segment = 5, .nr_blocks = 10 };
	const struct data_change_extent two = {
		.block = 13, .segment = 5, .start = 20, .nr_blocks = 2, .written = 1
	};
	struct data_replica *replica = make_file();
	const struct data_replica_file *file = data_replica_file(replica, 1);

	ck_assert_int_eq(send_extents(replica, 10, 20, 1, &ten), 0);
	ck_assert_int_eq(send_extents(replica, 13, 15, 1, &two), 0);
	ck_assert_uint_eq(file->nr_extents, 3);
	ck_assert_uint_eq(file->extents[0].nr_blocks, 3);
	ck_assert_mem_eq(&file->extents[1], &two, sizeof(two));
	ck_assert_uint_eq(file->extents[2].block, 15);
	ck_assert_uint_eq(file->extents[2].start, 5);
	ck_assert_uint_eq(file->extents[2].nr_blocks, 5);
	ck_assert_int_eq(send_extents(replica, 12, 16, 0, NULL), 0);
	ck_assert_uint_eq(file->nr_extents, 2);
	ck_assert_uint_eq(file->extents[0].nr_blocks, 2);
	ck_assert_uint_eq(file->extents[1].block, 16);
	ck_assert_int_eq(send_extents(replica, 0, 100, 0, NULL), 0);
	ck_assert_uint_eq(file->nr_extents, 0);
	data_replica_free(replica);
}
END_TEST

START_TEST(test_replica_refuses_what_is_not_possible)
{
	const struct data_change_extent extents[] = {
		{ .block = 10, .segment = 5, .nr_blocks = 2 },
		{ .block = 11, .segment = 5, .start = 2, .nr_blocks = 2 },
		{ .block = 10, .segment = 6, .nr_blocks = 2 },
		{ .block = UINT64_MAX, .segment = 5, .nr_blocks = 2 },
		{ .block = 10, .segment = 5 },
	};
	struct data_replica *replica = make_file();

	ck_assert_int_eq(send_extents(replica, 10, 20, 2, extents), -EPROTO);
	for (int i = 2; i < 5; i++)
		ck_assert_int_eq(send_extents(replica, 10, 20, 1, &extents[i]), -EPROTO);
	ck_assert_int_eq(send_extents(replica, 10, 11, 1, extents), -EPROTO);
	ck_assert_int_eq(send_extents(replica, 11, 20, 1, extents), -EPROTO);
	ck_assert_int_eq(send_extents(replica, 20, 20, 0, extents), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_FILE_NEW, .number = 1), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_VLUN, .number = 1, .lun = NR_LUNS),
			 -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_SET, .number = 1, .to = 1), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_CHUNK, .number = 1), 0);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_CHUNK, .number = 1), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_SET, .number = 1, .to = 17), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_CLEAR, .number = 1, .to = 0), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_SEGMENT, .number = 4), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_SEGMENT_GONE, .number = 6), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = 0), -EPROTO);
	ck_assert_int_eq(SEND(replica, .kind = DATA_NR_CHANGES), -EPROTO);
	data_replica_free(replica);
}
END_TEST

START_TEST(test_replica_refuses_a_part_of_a_change)
{
	const struct data_change_extent extent = { .block = 10, .segment = 5, .nr_blocks = 2 };
	struct data_change *change = extents_change(10, 20, 1, &extent);
	const size_t bytes = data_change_bytes(change);
	struct data_replica *replica = make_file();

	for (size_t part = 0; part < bytes; part++)
		ck_assert_int_eq(data_replay(replica, change, part), -EPROTO);
	ck_assert_int_eq(data_replay(replica, change, bytes + 1), -EPROTO);
	change->nr_extents = UINT32_MAX;
	ck_assert_int_eq(data_replay(replica, change, bytes), -EPROTO);
	change->nr_extents = 1;
	change->version++;
	ck_assert_int_eq(data_replay(replica, change, bytes), -EPROTONOSUPPORT);
	change->version--;
	ck_assert_int_eq(data_replay(replica, change, bytes), 0);
	free(change);
	data_replica_free(replica);
}
END_TEST

START_TEST(test_replica_ignores_files_that_are_gone)
{
	struct data_replica *replica = make_file();

	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_CHUNK, .number = 1), 0);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_FILE_GONE, .number = 1), 0);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_SET, .number = 1, .to = 1), 0);
	ck_assert_int_eq(SEND(replica, .kind = DATA_CHANGE_FILE, .number = 1, .size = 7), 0);
	ck_assert_ptr_null(data_replica_file(replica, 1));
	data_replica_free(replica);
}
END_TEST

/* ---- what is not reported ---- */

static void write_block(struct data_file *file)
{
	static _Alignas(DATA_BLOCK_BYTES) char bytes[DATA_BLOCK_BYTES];
	struct data_op op = { .file = file,
			      .kind = DATA_OP_WRITE,
			      .offset = DATA_BLOCK_BYTES,
			      .bytes = sizeof(bytes),
			      .buf = bytes };

	ck_assert_int_eq(data_run(&op), (ssize_t)sizeof(bytes));
}

START_TEST(test_replica_writing_again_reports_nothing)
{
	struct follower follower = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct superpipe *sp;
	struct data_volume *vol;
	struct data_file *file;
	uint64_t nr;

	start(&setups[_i], 1, &follower, &sp, &vol);
	file = data_file_new(vol);
	write_block(file);
	nr = follower.nr_changes;
	ck_assert_uint_gt(nr, 0);
	write_block(file);
	ck_assert_uint_eq(follower.nr_changes, nr);
	data_file_free(file);
	data_volume_free(vol);
	ck_assert_uint_eq(fake_free(sp), 0);
	data_replica_free(follower.replica);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data replica");
	TCase *core = tcase_create("core"), *random = tcase_create("random");

	tcase_add_test(core, test_replica_extents_are_cut);
	tcase_add_test(core, test_replica_refuses_what_is_not_possible);
	tcase_add_test(core, test_replica_refuses_a_part_of_a_change);
	tcase_add_test(core, test_replica_ignores_files_that_are_gone);
	tcase_add_loop_test(core, test_replica_writing_again_reports_nothing, 0, 2);
	tcase_set_timeout(random, 300);
	tcase_add_loop_test(random, test_replica_is_valid_after_each_change, 0,
			    (int)(sizeof(setups) / sizeof(setups[0])));
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, random);
	return run_suite(suite);
}
