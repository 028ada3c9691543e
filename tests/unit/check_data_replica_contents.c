/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/replica: whenever the process dies, all that was written is where the replica says.
 *
 * Random operations change files and byte arrays, one after the other, while the volume moves
 * blocks by itself. After each change, and all the time in between, every byte that the present
 * operation may not change is read from the flash, through the map of the replica.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/mapping_internal.h"
#include "data/replica_internal.h"
#include "fake/fake_superpipe.h"
#include "support/data_model.h"

#define BLOCK        4096u
#define CHUNK_BLOCKS 16u
#define NR_CHUNKS    60u /* of all LUNs */
#define NR_FILES     4u
#define NR_BLOCKS    (6u * CHUNK_BLOCKS) /* of a file */
#define MAX_BYTES    (NR_BLOCKS * BLOCK)
#define NR_STEPS     400u

struct model {
	struct data_file *file;
	uint64_t size, next_size;         /* before and after the present operation */
	uint64_t change_from, change_end; /* the bytes that it may change */
	uint8_t bytes[MAX_BYTES];
};

static struct world {
	struct superpipe *sp;
	struct data_volume *vol;
	uint64_t random;
	pthread_mutex_t lock; /* protects what follows, but for file, which never changes */
	struct data_replica *replica;
	struct model models[NR_FILES];
	uint64_t nr_checks;
	bool stopping;
} w;

static uint64_t pick(uint64_t limit)
{
	w.random = w.random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (w.random >> 33) % limit;
}

/* ---- what the replica says ---- */

static uint8_t image[MAX_BYTES];

static void read_block(uint64_t block, unsigned lun, uint32_t handle, uint64_t lba)
{
	if (block >= NR_BLOCKS)
		ck_abort_msg("block %llu is written", (unsigned long long)block);
	if (!fake_read(w.sp, lun, handle, lba, image + block * BLOCK))
		ck_abort_msg("block %llu lies where nothing is", (unsigned long long)block);
}

static void read_chunks(const struct data_replica_file *file)
{
	const struct stripes stripes = replica_stripes(w.replica);
	const struct mapping map = { .chunks = file->chunks,
				     .nr_chunks = file->nr_chunks,
				     .stripes = &stripes };

	for (uint32_t at = 0; at < file->nr_chunks; at++) {
		const struct data_chunk *chunk = file->chunks[at];

		for (uint32_t nr = 0; nr < CHUNK_BLOCKS; nr++)
			if (written_map_test(&chunk->written, nr))
				read_block(mapping_block_of(&map, chunk, nr), chunk->lun,
					   file->vluns[chunk->lun].handle,
					   (uint64_t)chunk->slot * CHUNK_BLOCKS + nr);
	}
}

/* Extents count, also if there are slots. */
static void read_extents(const struct data_replica_file *file)
{
	for (uint32_t at = 0; at < file->nr_extents; at++) {
		const struct data_change_extent *extent = &file->extents[at];
		const struct replica_segment *segment = replica_segment(w.replica, extent->segment);

		for (uint32_t i = 0; i < extent->nr_blocks; i++) {
			uint64_t block = extent->block + i;

			if (extent->written)
				read_block(block, segment->lun, segment->handle, extent->start + i);
			else if (block < NR_BLOCKS)
				memset(image + block * BLOCK, 0, BLOCK);
		}
	}
}

static void compare(const struct model *model, uint64_t from, uint64_t end)
{
	if (from < end && memcmp(image + from, model->bytes + from, end - from) != 0)
		ck_abort_msg("file %u: bytes from %llu to %llu are lost",
			     (unsigned)(model - w.models), (unsigned long long)from,
			     (unsigned long long)end);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void check_file(const struct model *model)
{
	const struct data_replica_file *file =
		data_replica_file(w.replica, data_file_number(model->file));

	if (file->size != model->size && file->size != model->next_size)
		ck_abort_msg("the size is wrong");
	memset(image, 0, sizeof(image));
	read_chunks(file);
	read_extents(file);
	compare(model, 0, lower(file->size, model->change_from));
	compare(model, model->change_end, file->size);
}

static void check_files(void)
{
	for (unsigned i = 0; i < NR_FILES; i++)
		if (w.models[i].file)
			check_file(&w.models[i]);
	w.nr_checks++;
}

static void follow(void *arg, const struct data_change *change)
{
	(void)arg;
	pthread_mutex_lock(&w.lock);
	if (data_replay(w.replica, change, data_change_bytes(change)))
		ck_abort_msg("a change of kind %u is not possible", change->kind);
	check_files();
	pthread_mutex_unlock(&w.lock);
}

/* Between two changes, too. */
static void *check_always(void *arg)
{
	bool stopping;

	do {
		usleep(50);
		pthread_mutex_lock(&w.lock);
		check_files();
		stopping = w.stopping;
		pthread_mutex_unlock(&w.lock);
	} while (!stopping);
	return arg;
}

/* ---- operations ---- */

static void begin(struct model *model, uint64_t from, uint64_t end, uint64_t size)
{
	pthread_mutex_lock(&w.lock);
	model->change_from = from;
	model->change_end = end;
	model->next_size = size;
	pthread_mutex_unlock(&w.lock);
}

/* @bytes: NULL: zeros */
static void end(struct model *model, const uint8_t *bytes, bool done)
{
	pthread_mutex_lock(&w.lock);
	if (done && bytes)
		memcpy(model->bytes + model->change_from, bytes,
		       model->change_end - model->change_from);
	else if (done && model->change_from < model->change_end)
		memset(model->bytes + model->change_from, 0,
		       model->change_end - model->change_from);
	if (done)
		model->size = model->next_size;
	model->next_size = model->size;
	model->change_from = model->change_end = 0;
	pthread_mutex_unlock(&w.lock);
}

static void truncate_to(struct model *model, uint64_t size)
{
	struct data_op op = { .file = model->file, .kind = DATA_OP_TRUNCATE, .offset = size };

	begin(model, lower(size, model->size), MAX_BYTES, size);
	ck_assert_int_eq(data_run(&op), 0);
	end(model, NULL, true);
}

static void step(void)
{
	static const enum data_op_kind kinds[] = { DATA_OP_WRITE,   DATA_OP_WRITE, DATA_OP_WRITE,
						   DATA_OP_WRITE,   DATA_OP_PUNCH, DATA_OP_ZERO,
						   DATA_OP_ALLOCATE };
	static uint8_t buf[MAX_BYTES];
	struct model *model = &w.models[pick(NR_FILES)];
	struct data_op op = { .file = model->file,
			      .kind = kinds[pick(7)],
			      .offset = pick(MAX_BYTES - 1),
			      .buf = buf };
	bool changes = op.kind != DATA_OP_ALLOCATE;
	uint64_t size;
	ssize_t result;

	op.bytes = 1 + pick(pick(3) ? 4 * BLOCK : MAX_BYTES);
	op.bytes = lower(op.bytes, MAX_BYTES - op.offset);
	memset(buf, (int)pick(256), op.bytes);
	size = op.offset + op.bytes > model->size ? op.offset + op.bytes : model->size;
	if (op.kind == DATA_OP_PUNCH)
		size = model->size;
	begin(model, op.offset, changes ? op.offset + op.bytes : op.offset, size);
	result = data_run(&op);
	ck_assert_int_eq(result, op.kind == DATA_OP_WRITE ? (ssize_t)op.bytes : 0);
	end(model, op.kind == DATA_OP_WRITE ? buf : NULL, true);
}

static void run(void)
{
	for (unsigned i = 0; i < NR_STEPS; i++) {
		switch (pick(12)) {
		case 0:
			truncate_to(&w.models[pick(NR_FILES)], pick(MAX_BYTES));
			break;
		case 1:
			usleep(3000); /* blocks move when there is nothing else to do */
			break;
		default:
			step();
			break;
		}
	}
}

/* ---- start and end ---- */

struct setup {
	unsigned nr_luns, nr_threads, pack_blocks, stripe_blocks;
};

static const struct setup setups[] = { { 1, 0, 0, 0 }, { 1, 1, 4, 0 },  { 1, 1, 16, 0 },
				       { 2, 1, 0, 8 }, { 2, 1, 12, 4 }, { 3, 1, 64, 16 } };

static void start(const struct setup *setup)
{
	const struct fake_config config = { .nr_luns = setup->nr_luns,
					    .nr_threads = setup->nr_threads,
					    .chunk_lbas = CHUNK_BLOCKS,
					    .nr_chunks = NR_CHUNKS / setup->nr_luns,
					    .seed = data_model_seed() };
	struct data_geometry geometry;

	w = (struct world){ .random = config.seed };
	w.sp = fake_new(&config);
	pthread_mutex_init(&w.lock, NULL);
	ck_assert_int_eq(data_volume_new(w.sp, &w.vol), 0);
	data_volume_set_pack_bytes(w.vol, (uint64_t)setup->pack_blocks * BLOCK);
	data_volume_set_stripe_bytes(w.vol, (uint64_t)setup->stripe_blocks * BLOCK);
	data_volume_set_idle_ms(w.vol, 1);
	data_volume_geometry(w.vol, &geometry);
	ck_assert_int_eq(data_replica_new(&geometry, &w.replica), 0);
	data_volume_set_changed(w.vol, follow, NULL);
	for (unsigned i = 0; i < NR_FILES; i++) {
		struct data_file *file = data_file_new(w.vol);

		ck_assert_ptr_nonnull(file);
		pthread_mutex_lock(&w.lock);
		w.models[i].file = file;
		pthread_mutex_unlock(&w.lock);
	}
}

static void stop(void)
{
	for (unsigned i = 0; i < NR_FILES; i++) {
		struct data_file *file = w.models[i].file;

		pthread_mutex_lock(&w.lock);
		w.models[i].file = NULL;
		pthread_mutex_unlock(&w.lock);
		data_file_free(file);
	}
	data_volume_free(w.vol);
	ck_assert_uint_eq(fake_free(w.sp), 0);
	data_replica_free(w.replica);
}

START_TEST(test_replica_contents_at_any_time)
{
	pthread_t checker;

	start(&setups[_i]);
	ck_assert_int_eq(pthread_create(&checker, NULL, check_always, NULL), 0);
	run();
	pthread_mutex_lock(&w.lock);
	w.stopping = true;
	pthread_mutex_unlock(&w.lock);
	pthread_join(checker, NULL);
	stop();
	ck_assert_uint_gt(w.nr_checks, NR_STEPS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data replica contents");
	TCase *random = tcase_create("random");

	tcase_set_timeout(random, 300);
	tcase_add_loop_test(random, test_replica_contents_at_any_time, 0,
			    (int)(sizeof(setups) / sizeof(setups[0])));
	suite_add_tcase(suite, random);
	return run_suite(suite);
}
