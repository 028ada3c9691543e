/* SPDX-License-Identifier: Apache-2.0 */
#include "support/data_model.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_SIZE (640u * 1024u)
#define NR_FILES 3
#define DEPTH    24

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

static uint64_t below(uint64_t *state, uint64_t limit)
{
	return next_random(state) % limit;
}

struct model {
	struct data_file *file;
	uint64_t size; /* from the base on */
	uint8_t bytes[MAX_SIZE];
};

struct flight {
	struct data_op op;
	struct world *world;
	uint8_t *memory, *buf;
	uint8_t *expected;
	uint64_t nr_expected; /* result that must come */
	bool busy;            /* protected by world->lock */
};

struct world {
	struct data_volume *vol;
	uint64_t base; /* where in the files the byte arrays begin */
	struct model files[NR_FILES];
	struct flight flights[DEPTH];
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned nr_busy, nr_wrong;
	uint64_t random, seed;
};

static void flight_done(struct data_op *op, ssize_t result)
{
	struct flight *flight = (struct flight *)(void *)op;
	struct world *world = flight->world;
	bool wrong = result != (ssize_t)flight->nr_expected;

	if (!wrong && op->kind == DATA_OP_READ)
		wrong = memcmp(flight->buf, flight->expected, flight->nr_expected) != 0;
	pthread_mutex_lock(&world->lock);
	if (wrong) {
		fprintf(stderr, "seed %llu: kind %d offset %llu bytes %llu: result %zd\n",
			(unsigned long long)world->seed, (int)op->kind,
			(unsigned long long)op->offset, (unsigned long long)op->bytes, result);
		world->nr_wrong++;
	}
	flight->busy = false;
	world->nr_busy--;
	pthread_cond_signal(&world->wake);
	pthread_mutex_unlock(&world->lock);
}

static void drain(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	while (world->nr_busy)
		pthread_cond_wait(&world->wake, &world->lock);
	pthread_mutex_unlock(&world->lock);
}

static struct flight *free_flight(struct world *world)
{
	struct flight *flight = NULL;

	pthread_mutex_lock(&world->lock);
	while (!flight) {
		for (unsigned i = 0; i < DEPTH && !flight; i++) {
			if (!world->flights[i].busy)
				flight = &world->flights[i];
		}
		if (!flight)
			pthread_cond_wait(&world->wake, &world->lock);
	}
	flight->busy = true;
	world->nr_busy++;
	pthread_mutex_unlock(&world->lock);
	return flight;
}

/** A range with a taste for block and chunk edges. */
static void random_range(uint64_t *random, uint64_t limit, uint64_t *ret_offset,
			 uint64_t *ret_bytes)
{
	uint64_t offset = below(random, limit), bytes;

	switch (below(random, 4)) {
	case 0:
		offset &= ~UINT64_C(4095);
		break;
	case 1:
		offset &= ~UINT64_C(65535);
		break;
	}
	switch (below(random, 4)) {
	case 0:
		bytes = 1 + below(random, 200);
		break;
	case 1:
		bytes = 4096 * (1 + below(random, 8));
		break;
	default:
		bytes = 1 + below(random, 150000);
		break;
	}
	if (bytes > limit - offset)
		bytes = limit - offset;
	*ret_offset = offset;
	*ret_bytes = bytes;
}

/* No zeros, and each block differs from the next. Loops over bytes are slow under sanitizers. */
static void fill_random(uint64_t *random, uint8_t *buf, uint64_t bytes)
{
	uint8_t value = (uint8_t)next_random(random), pattern[4096];

	for (uint64_t at = 0; at < bytes; at += sizeof(pattern), value += 2) {
		uint64_t left = bytes - at;

		for (unsigned i = 0; i < 256; i++)
			pattern[i] = (uint8_t)(value + i * 7) | 1;
		for (size_t nr = 256; nr < sizeof(pattern); nr *= 2)
			memcpy(pattern + nr, pattern, nr);
		memcpy(buf + at, pattern, left < sizeof(pattern) ? left : sizeof(pattern));
	}
}

/** Starts an operation that leaves the size alone. */
static void start_inside(struct world *world, struct model *model)
{
	static const enum data_op_kind kinds[] = { DATA_OP_READ,  DATA_OP_READ,  DATA_OP_READ,
						   DATA_OP_WRITE, DATA_OP_WRITE, DATA_OP_WRITE,
						   DATA_OP_PUNCH, DATA_OP_ZERO,  DATA_OP_ALLOCATE,
						   DATA_OP_HOLE };
	uint64_t *random = &world->random;
	struct flight *flight = free_flight(world);
	struct data_op *op = &flight->op;

	memset(op, 0, sizeof(*op));
	op->file = model->file;
	op->kind = kinds[below(random, sizeof(kinds) / sizeof(kinds[0]))];
	op->done = flight_done;
	random_range(random, model->size, &op->offset, &op->bytes);
	flight->buf = flight->memory + (below(random, 3) ? 0 : below(random, 64));
	op->buf = flight->buf;
	flight->nr_expected = 0;
	if (op->kind == DATA_OP_READ) {
		memset(flight->buf, 0xEE, op->bytes);
		memcpy(flight->expected, model->bytes + op->offset, op->bytes);
		flight->nr_expected = op->bytes;
	} else if (op->kind == DATA_OP_WRITE) {
		fill_random(random, flight->buf, op->bytes);
		memcpy(model->bytes + op->offset, flight->buf, op->bytes);
		flight->nr_expected = op->bytes;
	} else if (op->kind != DATA_OP_ALLOCATE) {
		memset(model->bytes + op->offset, 0, op->bytes);
	}
	op->offset += world->base;
	data_submit(op);
}

static void truncate_to(struct world *world, struct model *model)
{
	struct data_op op = { .file = model->file, .kind = DATA_OP_TRUNCATE };

	op.offset = below(&world->random, 3) ? below(&world->random, MAX_SIZE) : 0;
	if (below(&world->random, 4) == 0)
		op.offset &= ~UINT64_C(4095);
	if (op.offset < model->size)
		memset(model->bytes + op.offset, 0, model->size - op.offset);
	model->size = op.offset;
	op.offset += world->base;
	ck_assert_int_eq(data_run(&op), 0);
}

static void write_somewhere(struct world *world, struct model *model)
{
	static uint8_t buf[MAX_SIZE];
	struct data_op op = { .file = model->file, .kind = DATA_OP_WRITE, .buf = buf };

	random_range(&world->random, MAX_SIZE, &op.offset, &op.bytes);
	if (below(&world->random, 2)) {
		op.append = true;
		if (op.bytes > MAX_SIZE - model->size)
			op.bytes = MAX_SIZE - model->size;
	}
	fill_random(&world->random, buf, op.bytes);
	op.offset += world->base;
	ck_assert_int_eq(data_run(&op), (ssize_t)op.bytes);
	if (op.bytes == 0)
		return;
	op.offset -= world->base;
	if (op.append)
		ck_assert_uint_eq(op.offset, model->size);
	memcpy(model->bytes + op.offset, buf, op.bytes);
	if (op.offset + op.bytes > model->size)
		model->size = op.offset + op.bytes;
}

static void grow_empty(struct world *world, struct model *model)
{
	static const enum data_op_kind kinds[] = { DATA_OP_ZERO, DATA_OP_ALLOCATE, DATA_OP_HOLE };
	struct data_op op = { .file = model->file, .kind = kinds[below(&world->random, 3)] };

	random_range(&world->random, MAX_SIZE, &op.offset, &op.bytes);
	op.keep_size = below(&world->random, 2);
	op.offset += world->base;
	ck_assert_int_eq(data_run(&op), 0);
	op.offset -= world->base;
	if (op.kind != DATA_OP_ALLOCATE)
		memset(model->bytes + op.offset, 0, op.bytes);
	if (!op.keep_size && op.offset + op.bytes > model->size)
		model->size = op.offset + op.bytes;
}

static void copy_some(struct world *world, struct model *model)
{
	struct model *src = &world->files[below(&world->random, NR_FILES)];
	uint64_t from, to, bytes, unused;
	bool overlap;
	ssize_t result;

	random_range(&world->random, MAX_SIZE, &from, &bytes);
	random_range(&world->random, MAX_SIZE - bytes + 1, &to, &unused);
	result = data_copy(src->file, world->base + from, model->file, world->base + to, bytes,
			   false);
	bytes = from >= src->size ? 0 : bytes > src->size - from ? src->size - from : bytes;
	overlap = src == model && from < to + bytes && to < from + bytes;
	if (overlap) {
		ck_assert_int_eq(result, -EINVAL);
		return;
	}
	ck_assert_int_eq(result, (ssize_t)bytes);
	memcpy(model->bytes + to, src->bytes + from, bytes);
	if (bytes && to + bytes > model->size)
		model->size = to + bytes;
}

static bool all_zero(const uint8_t *bytes, size_t nr)
{
	return nr == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, nr - 1) == 0);
}

/** What SEEK_HOLE calls a hole must be zeros, and data must follow SEEK_DATA's answer. */
static void check_seek(const struct model *model, uint64_t base)
{
	int64_t at = (int64_t)base, size = (int64_t)(base + model->size);

	while (at < size) {
		int64_t data = data_seek(model->file, at, SEEK_DATA);
		int64_t end = data < 0 ? size : data;

		ck_assert(all_zero(model->bytes + (at - (int64_t)base), (size_t)(end - at)));
		if (data < 0)
			break;
		at = data_seek(model->file, data, SEEK_HOLE);
		ck_assert_int_gt(at, data);
	}
}

static void check_bytes(const struct model *model, const uint8_t *got)
{
	uint64_t i = 0;

	if (!model->size || !memcmp(got, model->bytes, model->size))
		return;
	while (got[i] == model->bytes[i])
		i++;
	ck_abort_msg("byte %llu of %llu is %02x, not %02x", (unsigned long long)i,
		     (unsigned long long)model->size, got[i], model->bytes[i]);
}

static void check_whole(struct world *world, struct model *model)
{
	static uint8_t buf[MAX_SIZE];
	struct data_op op = {
		.file = model->file,
		.kind = DATA_OP_READ,
		.buf = buf,
		.offset = world->base,
		.bytes = MAX_SIZE,
	};

	ck_assert_uint_eq(data_file_size(model->file), world->base + model->size);
	ck_assert_int_eq(data_run(&op), (ssize_t)model->size);
	check_bytes(model, buf);
	/* The base may lie in the middle of a block, and blocks beyond the end may be reserved. */
	ck_assert_uint_le(data_file_allocated_bytes(model->file), MAX_SIZE + 2 * 4096);
	check_seek(model, world->base);
}

static void change_size(struct world *world)
{
	struct model *model = &world->files[below(&world->random, NR_FILES)];

	switch (below(&world->random, 6)) {
	case 0:
		truncate_to(world, model);
		break;
	case 1:
		grow_empty(world, model);
		break;
	case 2:
		copy_some(world, model);
		break;
	case 3:
		data_volume_set_idle_ms(world->vol, (unsigned)below(&world->random, 3));
		break;
	default:
		write_somewhere(world, model);
		break;
	}
}

static void new_file(struct world *world, struct model *model)
{
	struct data_op op = { .kind = DATA_OP_TRUNCATE, .offset = world->base };

	model->file = data_file_new(world->vol);
	memset(model->bytes, 0, MAX_SIZE);
	model->size = 0;
	op.file = model->file;
	ck_assert_int_eq(data_run(&op), 0);
}

static void replace_file(struct world *world)
{
	struct model *model = &world->files[below(&world->random, NR_FILES)];

	data_file_free(model->file);
	new_file(world, model);
}

static void run_round(struct world *world)
{
	unsigned nr = (unsigned)below(&world->random, 100);

	if (below(&world->random, 20) == 0)
		replace_file(world);
	for (unsigned i = below(&world->random, 4); i > 0; i--)
		change_size(world);
	for (unsigned i = 0; i < nr; i++) {
		struct model *model = &world->files[below(&world->random, NR_FILES)];

		if (model->size)
			start_inside(world, model);
	}
	drain(world);
	for (unsigned i = 0; i < NR_FILES; i++)
		check_whole(world, &world->files[i]);
	ck_assert_uint_eq(world->nr_wrong, 0);
}

static struct world *world_new(struct data_volume *vol, uint64_t base, uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	world->vol = vol;
	world->base = base;
	world->seed = seed;
	world->random = seed * 2654435761u + 1;
	pthread_mutex_init(&world->lock, NULL);
	pthread_cond_init(&world->wake, NULL);
	for (unsigned i = 0; i < NR_FILES; i++)
		new_file(world, &world->files[i]);
	for (unsigned i = 0; i < DEPTH; i++) {
		world->flights[i].world = world;
		world->flights[i].memory = aligned_alloc(4096, MAX_SIZE + 4096);
		world->flights[i].expected = malloc(MAX_SIZE);
	}
	return world;
}

static void world_free(struct world *world)
{
	for (unsigned i = 0; i < NR_FILES; i++)
		data_file_free(world->files[i].file);
	for (unsigned i = 0; i < DEPTH; i++) {
		free(world->flights[i].memory);
		free(world->flights[i].expected);
	}
	pthread_mutex_destroy(&world->lock);
	pthread_cond_destroy(&world->wake);
	free(world);
}

uint64_t data_model_seed(void)
{
	const char *text = getenv("CXLFS_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	fprintf(stderr, "CXLFS_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

void data_model_run(struct data_volume *vol, uint64_t base, uint64_t seed, unsigned nr_rounds)
{
	const char *seconds = getenv("CXLFS_SECONDS");
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 0);
	struct world *world = world_new(vol, base, seed);
	struct data_volume_stats stats;

	for (unsigned i = 0; i < nr_rounds || time(NULL) < end; i++)
		run_round(world);
	world_free(world);
	data_volume_get_stats(vol, &stats);
	/* A move of blocks that was under way holds them a little longer. */
	for (int tries = 0; stats.nr_free_chunks < stats.nr_chunks && tries < 5000; tries++) {
		usleep(1000);
		data_volume_get_stats(vol, &stats);
	}
	ck_assert_uint_eq(stats.nr_free_chunks, stats.nr_chunks);
	ck_assert_uint_eq(stats.nr_free_handles, stats.nr_handles);
}
