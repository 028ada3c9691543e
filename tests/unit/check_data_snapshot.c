/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/snapshot, data/replica: a volume goes on as its snapshot, over the same vLUNs, and a replica
 * that has followed its changes writes the same snapshot.
 *
 * Random operations on a few files and on byte arrays. Now and then another volume takes over; it
 * must show the same bytes, holes, reservations and counts.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data/contents.h"
#include "data/freeze.h"
#include "data/replica.h"
#include "data/snapshot.h"
#include "fake/fake_superpipe.h"
#include "journal/journal.h"
#include "support/memory_stream.h"

#define BLOCK     4096u
#define CHUNK     (16u * BLOCK)
#define NR_LUNS   2u
#define NR_CHUNKS 48u /* of each LUN */
#define NR_FILES  5u
#define MAX_BYTES (7u * CHUNK)

struct model_file {
	uint64_t size;
	uint8_t bytes[MAX_BYTES];
};

struct world {
	struct superpipe *sp;
	struct data_volume *vol;
	struct data_file *files[NR_FILES];
	struct model_file models[NR_FILES];
	uint64_t random;
	unsigned pack_blocks;
	unsigned at; /* of next_file() */
	struct follower *follower;
};

/* As another process would do it, a thread reads the journal, or else writers would wait. */
struct follower {
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows */
	struct journal *journal;
	struct data_replica *replica;
	bool stopping;
};

static uint8_t buf[MAX_BYTES];

static uint64_t pick(struct world *w, uint64_t limit)
{
	w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (w->random >> 33) % limit;
}

static struct data_volume *new_volume(const struct world *w)
{
	struct data_volume *vol;

	ck_assert_int_eq(data_volume_new(w->sp, &vol), 0);
	data_volume_set_pack_bytes(vol, (uint64_t)w->pack_blocks * BLOCK);
	data_volume_set_idle_ms(vol, 1);
	return vol;
}

static void write_change(void *arg, const struct data_change *change)
{
	struct journal_entry entry;

	journal_begin(arg, data_change_bytes(change), &entry);
	ck_assert_ptr_nonnull(entry.data);
	memcpy(entry.data, change, data_change_bytes(change));
	journal_commit(arg, &entry);
}

static void replay(struct follower *follower)
{
	const void *change;
	size_t bytes;

	while (journal_read(follower->journal, false, &change, &bytes) == 1)
		if (data_replay(follower->replica, change, bytes))
			abort(); /* on whatever thread */
}

static void *follow(void *arg)
{
	struct follower *follower = arg;
	bool stopping;

	do {
		pthread_mutex_lock(&follower->lock);
		replay(follower);
		stopping = follower->stopping;
		pthread_mutex_unlock(&follower->lock);
		usleep(1000);
	} while (!stopping);
	return NULL;
}

static void start_follower(struct world *w)
{
	struct follower *follower = calloc(1, sizeof(*follower));
	struct data_geometry geometry;

	ck_assert_ptr_nonnull(follower);
	pthread_mutex_init(&follower->lock, NULL);
	data_volume_geometry(w->vol, &geometry);
	ck_assert_int_eq(data_replica_new(&geometry, &follower->replica), 0);
	ck_assert_int_eq(journal_new((size_t)1 << 20, &follower->journal), 0);
	ck_assert_int_eq(pthread_create(&follower->thread, NULL, follow, follower), 0);
	data_volume_set_changed(w->vol, write_change, follower->journal);
	w->follower = follower;
}

static void stop_follower(struct follower *follower)
{
	pthread_mutex_lock(&follower->lock);
	follower->stopping = true;
	pthread_mutex_unlock(&follower->lock);
	pthread_join(follower->thread, NULL);
	pthread_mutex_destroy(&follower->lock);
	journal_free(follower->journal);
	data_replica_free(follower->replica);
	free(follower);
}

static void start(struct world *w, unsigned pack_blocks, uint64_t seed)
{
	const struct fake_config config = {
		.nr_threads = 1, .nr_luns = NR_LUNS, .nr_chunks = NR_CHUNKS, .seed = seed
	};

	*w = (struct world){ .sp = fake_new(&config), .random = seed, .pack_blocks = pack_blocks };
	w->vol = new_volume(w);
	/* A volume that is made from a snapshot gets it from there. */
	data_volume_set_stripe_bytes(w->vol, seed % 3 * 2 * BLOCK);
	start_follower(w);
	for (unsigned i = 0; i < NR_FILES; i++)
		w->files[i] = data_file_new(w->vol);
}

static void free_files(struct world *w)
{
	for (unsigned i = 0; i < NR_FILES; i++) {
		data_file_free(w->files[i]);
		w->files[i] = NULL;
	}
}

static void free_volume(struct world *w)
{
	data_volume_free(w->vol);
	for (unsigned lun = 0; lun < NR_LUNS; lun++)
		ck_assert_uint_eq(fake_free_chunks(w->sp, lun), NR_CHUNKS);
	ck_assert_uint_eq(fake_free(w->sp), 0);
	stop_follower(w->follower);
}

static void stop(struct world *w)
{
	struct data_volume_stats stats;

	free_files(w);
	data_volume_get_stats(w->vol, &stats);
	/* A move of blocks that was under way holds them a little longer. */
	for (int tries = 0; stats.nr_free_chunks < stats.nr_chunks && tries < 5000; tries++) {
		usleep(1000);
		data_volume_get_stats(w->vol, &stats);
	}
	ck_assert_uint_eq(stats.nr_free_chunks, stats.nr_chunks);
	ck_assert_uint_eq(stats.nr_free_handles, stats.nr_handles);
	free_volume(w);
}

static ssize_t run(const struct world *w, unsigned i, enum data_op_kind kind, uint64_t offset,
		   uint64_t bytes)
{
	struct data_op op = {
		.file = w->files[i], .kind = kind, .offset = offset, .bytes = bytes, .buf = buf
	};

	return data_run(&op);
}

/* ---- random operations ---- */

static void grow_model(struct model_file *model, uint64_t size)
{
	if (size > model->size)
		model->size = size;
}

static void step(struct world *w)
{
	unsigned i = (unsigned)pick(w, NR_FILES);
	struct model_file *model = &w->models[i];
	uint64_t offset = pick(w, MAX_BYTES - 1);
	uint64_t bytes = 1 + pick(w, pick(w, 4) ? 3 * BLOCK : MAX_BYTES - offset);

	if (bytes > MAX_BYTES - offset)
		bytes = MAX_BYTES - offset;
	switch (pick(w, 8)) {
	case 0:
		ck_assert_int_eq(run(w, i, DATA_OP_PUNCH, offset, bytes), 0);
		memset(model->bytes + offset, 0, bytes);
		break;
	case 1:
		ck_assert_int_eq(run(w, i, DATA_OP_TRUNCATE, offset, 0), 0);
		memset(model->bytes + offset, 0, MAX_BYTES - offset);
		model->size = offset;
		break;
	case 2:
		ck_assert_int_eq(run(w, i, DATA_OP_ALLOCATE, offset, bytes), 0);
		grow_model(model, offset + bytes);
		break;
	case 3:
		ck_assert_int_eq(run(w, i, DATA_OP_ZERO, offset, bytes), 0);
		memset(model->bytes + offset, 0, bytes);
		grow_model(model, offset + bytes);
		break;
	case 4:
		usleep(pick(w, 16) ? 0 : 3000); /* blocks move when there is nothing else to do */
		break;
	default:
		for (uint64_t at = 0; at < bytes; at++)
			buf[at] = (uint8_t)pick(w, 256);
		memcpy(model->bytes + offset, buf, bytes);
		ck_assert_int_eq(run(w, i, DATA_OP_WRITE, offset, bytes), (ssize_t)bytes);
		grow_model(model, offset + bytes);
		break;
	}
}

static void check_contents(const struct world *w)
{
	for (unsigned i = 0; i < NR_FILES; i++) {
		const struct model_file *model = &w->models[i];

		ck_assert_uint_eq(data_file_size(w->files[i]), model->size);
		if (model->size == 0)
			continue;
		ck_assert_int_eq(run(w, i, DATA_OP_READ, 0, MAX_BYTES), (ssize_t)model->size);
		ck_assert_mem_eq(buf, model->bytes, model->size);
	}
}

/* ---- the next volume takes over ---- */

static bool next_file(void *arg, uint64_t *ret_id, struct data_file **ret_file)
{
	struct world *w = arg;

	if (w->at == NR_FILES)
		return false;
	*ret_id = w->at;
	*ret_file = w->files[w->at++];
	return true;
}

static int add_file(void *arg, uint64_t id, struct data_file *file)
{
	struct world *w = arg;

	if (id >= NR_FILES || w->files[id])
		return -EPROTO;
	w->files[id] = file;
	return 0;
}

static void write_snapshot(struct world *w, struct memory_stream *stream)
{
	struct record_writer *out;

	w->at = 0;
	ck_assert_int_eq(record_writer_new("data", 1, memory_stream_write, stream, &out), 0);
	ck_assert_int_eq(data_snapshot_write(w->vol, next_file, w, out), 0);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
}

static bool next_replica_file(void *arg, uint64_t *ret_id, struct data_replica_file **ret_file)
{
	struct data_file *file;
	struct world *w = arg;

	if (!next_file(w, ret_id, &file))
		return false;
	*ret_file = data_replica_file(w->follower->replica, data_file_number(file));
	ck_assert_ptr_nonnull(*ret_file);
	return true;
}

/* As write_snapshot(), but from the replica. */
static void write_replica(struct world *w, struct memory_stream *stream)
{
	struct record_writer *out;

	pthread_mutex_lock(&w->follower->lock);
	replay(w->follower);
	w->at = 0;
	ck_assert_int_eq(record_writer_new("data", 1, memory_stream_write, stream, &out), 0);
	ck_assert_int_eq(data_replica_write(w->follower->replica, next_replica_file, w, out), 0);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
	pthread_mutex_unlock(&w->follower->lock);
}

static void compare_replica(struct world *w, const struct memory_stream *snapshot)
{
	struct memory_stream stream = { .bytes = 0 };

	write_replica(w, &stream);
	ck_assert_uint_eq(stream.bytes, snapshot->bytes);
	ck_assert_mem_eq(stream.data, snapshot->data, stream.bytes);
	memory_stream_fini(&stream);
}

static int read_snapshot(struct world *w, struct memory_stream *stream)
{
	struct record_reader *in;
	uint16_t type = 1;
	int err;

	stream->at = 0;
	err = record_reader_new("data", 1, memory_stream_read, stream, &in);
	if (err)
		return err;
	err = data_snapshot_read(w->vol, in, add_file, w);
	if (!err)
		err = record_next(in, &type);
	record_reader_free(in);
	return !err && type != RECORD_END ? -EPROTO : err;
}

static void compare_stats(struct data_volume *a, struct data_volume *b)
{
	struct data_volume_stats stats_a, stats_b;

	data_volume_get_stats(a, &stats_a);
	data_volume_get_stats(b, &stats_b);
	ck_assert_uint_eq(stats_a.nr_free_chunks, stats_b.nr_free_chunks);
	ck_assert_uint_eq(stats_a.nr_free_blocks, stats_b.nr_free_blocks);
	ck_assert_uint_eq(stats_a.nr_free_handles, stats_b.nr_free_handles);
}

static void compare_files(struct data_file *a, struct data_file *b)
{
	int64_t at = 0, next;

	ck_assert_uint_eq(data_file_size(a), data_file_size(b));
	ck_assert_uint_eq(data_file_allocated_bytes(a), data_file_allocated_bytes(b));
	for (int whence = SEEK_DATA; at >= 0; at = next) {
		next = data_seek(a, at, whence);
		ck_assert_int_eq(data_seek(b, at, whence), next);
		if (next == at && whence == SEEK_HOLE)
			break;
		whence = whence == SEEK_DATA ? SEEK_HOLE : SEEK_DATA;
	}
}

static void take_over(struct world *w)
{
	struct memory_stream first = { .bytes = 0 }, second = { .bytes = 0 };
	static struct world old; /* large, for a stack under valgrind */
	unsigned nr_vluns;

	old = *w;
	data_volume_quiesce(old.vol);
	nr_vluns = fake_nr_vluns(w->sp);
	write_snapshot(&old, &first);
	compare_replica(&old, &first);
	data_volume_set_changed(old.vol, NULL, NULL);
	w->vol = new_volume(w);
	data_volume_quiesce(w->vol);
	memset(w->files, 0, sizeof(w->files));
	ck_assert_int_eq(read_snapshot(w, &first), 0);
	ck_assert_uint_eq(fake_nr_vluns(w->sp), nr_vluns);
	compare_stats(old.vol, w->vol);
	for (unsigned i = 0; i < NR_FILES; i++)
		compare_files(old.files[i], w->files[i]);
	write_snapshot(w, &second);
	ck_assert_uint_eq(first.bytes, second.bytes);
	ck_assert_mem_eq(first.data, second.data, first.bytes);
	data_volume_set_changed(w->vol, write_change, w->follower->journal);
	free_files(&old);
	data_volume_resume(old.vol);
	data_volume_free(old.vol);
	ck_assert_uint_eq(fake_nr_vluns(w->sp), nr_vluns);
	data_volume_resume(w->vol);
	memory_stream_fini(&first);
	memory_stream_fini(&second);
}

static uint64_t seed_of(void)
{
	const char *wanted = getenv("CXLFS_SEED");
	uint64_t seed = wanted ? strtoull(wanted, NULL, 0) : (uint64_t)time(NULL);

	printf("CXLFS_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

/* ---- contents ---- */

static int find_file(void *arg, uint64_t id, struct data_file **ret_file)
{
	struct world *w = arg;

	*ret_file = id < NR_FILES ? w->files[id] : NULL;
	return *ret_file ? 0 : -EPROTO;
}

static void write_contents(const struct world *w, struct memory_stream *stream)
{
	struct record_writer *out;

	ck_assert_int_eq(record_writer_new("data", 1, memory_stream_write, stream, &out), 0);
	for (unsigned i = 0; i < NR_FILES; i++)
		ck_assert_int_eq(data_contents_write(w->files[i], i, out), 0);
	ck_assert_int_eq(data_contents_end(out), 0);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
}

static int read_contents(struct world *w, struct memory_stream *stream)
{
	struct record_reader *in;
	int err;

	stream->at = 0;
	err = record_reader_new("data", 1, memory_stream_read, stream, &in);
	if (err)
		return err;
	err = data_contents_read(in, find_file, w);
	record_reader_free(in);
	return err;
}

/* In a volume that packs otherwise, so nothing lies where it was. */
START_TEST(test_contents_round_trip)
{
	struct memory_stream stream = { .bytes = 0 };
	static struct world w, copy;

	start(&w, 4, seed_of());
	for (unsigned i = 0; i < 300; i++)
		step(&w);
	write_contents(&w, &stream);
	start(&copy, _i ? 0 : 16, 1);
	memcpy(copy.models, w.models, sizeof(w.models));
	ck_assert_int_eq(read_contents(&copy, &stream), 0);
	check_contents(&copy);
	for (unsigned i = 0; i < NR_FILES; i++)
		compare_files(w.files[i], copy.files[i]);
	memory_stream_fini(&stream);
	stop(&copy);
	stop(&w);
}
END_TEST

START_TEST(test_contents_errors)
{
	struct memory_stream stream = { .bytes = 0 };
	struct record_writer *out;
	static struct world w;

	start(&w, 0, 1);
	ck_assert_int_eq(run(&w, 0, DATA_OP_WRITE, 0, 3 * BLOCK), 3 * BLOCK);
	ck_assert_int_eq(record_writer_new("data", 1, memory_stream_write, &stream, &out), 0);
	fake_fail_ios(w.sp, false, 1, 1, -EIO);
	ck_assert_int_eq(data_contents_write(w.files[0], 0, out), -EIO);
	fake_fail_ios(w.sp, false, 0, 0, 0);
	record_writer_free(out);
	memory_stream_fini(&stream);
	write_contents(&w, &stream);
	fake_fail_ios(w.sp, true, 0, 99, -EIO);
	ck_assert_int_eq(read_contents(&w, &stream), -EIO);
	fake_fail_ios(w.sp, true, 0, 0, 0);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

static void note_done(struct data_op *op, ssize_t result)
{
	op->bytes = (uint64_t)result;
	op->done = NULL;
}

START_TEST(test_freeze_changes_wait_and_reads_go_on)
{
	struct data_op op = { .kind = DATA_OP_WRITE, .bytes = BLOCK, .done = note_done };
	static uint8_t block[BLOCK];
	static struct world w;

	start(&w, 0, 1);
	ck_assert_int_eq(run(&w, 0, DATA_OP_WRITE, 0, BLOCK), BLOCK);
	op.file = w.files[0];
	op.buf = block;
	if (_i == 0) {
		data_file_freeze(w.files[0]);
		/* Other files are not affected. */
		ck_assert_int_eq(run(&w, 1, DATA_OP_WRITE, 0, BLOCK), BLOCK);
	} else {
		data_volume_freeze(w.vol);
		data_file_await(w.files[0]);
	}
	data_submit(&op);
	ck_assert_int_eq(run(&w, 0, DATA_OP_READ, 0, BLOCK), BLOCK);
	ck_assert_ptr_nonnull(op.done);
	if (_i == 0)
		data_file_thaw(w.files[0]);
	else
		data_volume_thaw(w.vol);
	data_file_await(w.files[0]);
	while (__atomic_load_n(&op.done, __ATOMIC_ACQUIRE))
		usleep(1000);
	ck_assert_uint_eq(op.bytes, BLOCK);
	stop(&w);
}
END_TEST

START_TEST(test_freeze_contents_of_a_freed_file_stay)
{
	struct data_file *file;
	static struct world w;

	start(&w, 4, 1);
	memset(buf, 7, BLOCK);
	ck_assert_int_eq(run(&w, 0, DATA_OP_WRITE, 0, BLOCK), BLOCK);
	file = w.files[0];
	data_file_get(file);
	data_file_free(file);
	buf[0] = 0;
	ck_assert_int_eq(run(&w, 0, DATA_OP_READ, 0, BLOCK), BLOCK);
	ck_assert_uint_eq(buf[0], 7);
	data_file_put(file);
	w.files[0] = NULL;
	stop(&w);
}
END_TEST

START_TEST(test_snapshot_volume_goes_on)
{
	static const unsigned pack_blocks[] = { 0, 4, 16 };
	static struct world w;

	start(&w, pack_blocks[_i], seed_of());
	for (unsigned round = 0; round < 60; round++) {
		for (unsigned i = 0; i < 20; i++)
			step(&w);
		take_over(&w);
		check_contents(&w);
	}
	stop(&w);
}
END_TEST

/* A volume that was quiesced for a takeover that failed goes on itself. */
START_TEST(test_snapshot_volume_resumes)
{
	struct memory_stream stream = { .bytes = 0 };
	static struct world w;

	start(&w, 4, 1);
	for (unsigned i = 0; i < 50; i++) {
		step(&w);
		data_volume_quiesce(w.vol);
		write_snapshot(&w, &stream);
		data_volume_resume(w.vol);
		memory_stream_fini(&stream);
	}
	check_contents(&w);
	stop(&w);
}
END_TEST

/* The slots that the file could not give back count again. */
START_TEST(test_replica_follows_a_failed_shrink)
{
	struct memory_stream stream = { .bytes = 0 };
	uint64_t nr_resizes;
	static struct world w;

	start(&w, 0, 3);
	ck_assert_int_eq(run(&w, 0, DATA_OP_WRITE, 0, 3 * CHUNK), 3 * CHUNK);
	nr_resizes = fake_nr_calls(w.sp, FAKE_RESIZE);
	fake_fail_call(w.sp, FAKE_RESIZE, 1000, -EIO);
	ck_assert_int_eq(run(&w, 0, DATA_OP_TRUNCATE, BLOCK, 0), 0);
	data_volume_quiesce(w.vol);
	ck_assert_uint_gt(fake_nr_calls(w.sp, FAKE_RESIZE), nr_resizes);
	write_snapshot(&w, &stream);
	compare_replica(&w, &stream);
	fake_fail_call(w.sp, FAKE_RESIZE, 0, 0);
	data_volume_resume(w.vol);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

/* The write has split the extent that it wanted to change. */
START_TEST(test_replica_follows_a_failed_write_to_reserved_blocks)
{
	struct memory_stream stream = { .bytes = 0 };
	static struct world w;

	start(&w, 4, 4);
	ck_assert_int_eq(run(&w, 0, DATA_OP_ALLOCATE, 0, 3 * BLOCK), 0);
	fake_fail_ios(w.sp, true, 0, UINT64_MAX, -EIO);
	ck_assert_int_eq(run(&w, 0, DATA_OP_WRITE, BLOCK, BLOCK), -EIO);
	fake_fail_ios(w.sp, true, 0, 0, 0);
	data_volume_quiesce(w.vol);
	write_snapshot(&w, &stream);
	compare_replica(&w, &stream);
	data_volume_resume(w.vol);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

/* The handles of freed files are gone before the snapshot, and so are those held ahead. */
START_TEST(test_snapshot_holds_nothing_ahead_of_need)
{
	static struct world w;

	start(&w, 0, 1);
	for (unsigned i = 0; i < NR_FILES; i++)
		ck_assert_int_eq(run(&w, i, DATA_OP_WRITE, 0, BLOCK), BLOCK);
	free_files(&w);
	data_volume_quiesce(w.vol);
	ck_assert_uint_eq(fake_nr_vluns(w.sp), 0);
	data_volume_resume(w.vol);
	stop(&w);
}
END_TEST

/* A volume with some files, quiesced. */
static void start_small(struct world *w)
{
	start(w, 4, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(run(w, i, DATA_OP_WRITE, i * CHUNK, (i + 3) * BLOCK),
				 (i + 3) * BLOCK);
	data_volume_quiesce(w->vol);
}

/* Return: the error of a volume that takes over with @stream. Nothing of it remains. */
static int fail_to_take_over(const struct world *old, struct memory_stream *stream)
{
	static struct world next;
	int err;

	memset(&next, 0, sizeof(next));
	next.sp = old->sp;
	next.pack_blocks = old->pack_blocks;
	next.vol = new_volume(&next);
	data_volume_quiesce(next.vol);
	err = read_snapshot(&next, stream);
	free_files(&next);
	data_volume_free(next.vol);
	return err;
}

START_TEST(test_snapshot_damaged_streams_are_refused)
{
	struct memory_stream stream = { .bytes = 0 }, damaged;
	static struct world w;

	start_small(&w);
	write_snapshot(&w, &stream);
	damaged = stream;
	/* Several times in each record; check_record cuts a stream at each byte. */
	for (damaged.bytes = 0; damaged.bytes < stream.bytes; damaged.bytes += 7) {
		/* With a fake of its own: what is imported is taken away from the volume. */
		ck_assert_int_eq(fail_to_take_over(&w, &damaged), -EBADMSG);
		free_files(&w);
		free_volume(&w);
		start_small(&w);
	}
	data_volume_resume(w.vol);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data snapshot");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");

	tcase_set_timeout(core, 120);
	tcase_set_timeout(errors, 120);
	tcase_add_loop_test(core, test_snapshot_volume_goes_on, 0, 3);
	tcase_add_test(core, test_snapshot_volume_resumes);
	tcase_add_test(core, test_replica_follows_a_failed_shrink);
	tcase_add_test(core, test_replica_follows_a_failed_write_to_reserved_blocks);
	tcase_add_test(core, test_snapshot_holds_nothing_ahead_of_need);
	tcase_add_test(errors, test_snapshot_damaged_streams_are_refused);
	tcase_add_loop_test(core, test_contents_round_trip, 0, 2);
	tcase_add_loop_test(core, test_freeze_changes_wait_and_reads_go_on, 0, 2);
	tcase_add_test(core, test_freeze_contents_of_a_freed_file_stay);
	tcase_add_test(errors, test_contents_errors);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, errors);
	return run_suite(suite);
}
