/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica: a standby that follows the records of a process goes on as that process would have.
 *
 * Wherever the process dies, between any two of its records, what the replica saves can be loaded:
 * by another process, which then saves the same, and by another replica.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/replica_internal.h"
#include "fake/fake_server.h"
#include "journal/journal.h"
#include "replica/replica_internal.h"
#include "replica/stream.h"
#include "support/data_model.h"

enum {
	NR_CHUNKS = 60, /* of all LUNs */
	CHUNK_LBAS = 16,
	NR_STEPS = 150,
	MAX_WRITE = 200 * 1024
};

static const struct tree_caller nobody;

struct setup {
	unsigned nr_luns, pack_blocks, stripe_blocks;
};

static const struct setup setups[] = { { 1, 0, 0 }, { 1, 4, 0 },  { 2, 16, 0 },
				       { 3, 0, 2 }, { 2, 12, 8 }, { 3, 4, 16 } };

static struct superpipe *new_fake(const struct setup *setup)
{
	const struct fake_config config = { .nr_luns = setup->nr_luns,
					    .chunk_lbas = CHUNK_LBAS,
					    .nr_chunks = NR_CHUNKS / setup->nr_luns };

	return fake_new(&config);
}

static struct replica *new_replica(void)
{
	struct replica *replica;

	ck_assert_int_eq(replica_new(&replica), 0);
	return replica;
}

/* ---- streams ---- */

static int load(struct replica *replica, const struct memory_stream *stream)
{
	int fd = memfd_create("stream", MFD_CLOEXEC), err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, stream->data, stream->bytes), (ssize_t)stream->bytes);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	err = replica_load(replica, fd);
	close(fd);
	return err;
}

static void assert_equal(const struct memory_stream *a, const struct memory_stream *b)
{
	ck_assert_uint_eq(a->bytes, b->bytes);
	ck_assert_mem_eq(a->data, b->data, a->bytes);
}

static void check_replica_saves(struct replica *replica, const struct memory_stream *expected)
{
	struct memory_stream stream = { .bytes = 0 };

	fake_save_replica(replica, &stream);
	assert_equal(&stream, expected);
	memory_stream_fini(&stream);
}

static void check_server_saves(struct fake_server *server, const struct memory_stream *expected)
{
	struct memory_stream stream = { .bytes = 0 };

	fake_server_save(server, &stream);
	assert_equal(&stream, expected);
	memory_stream_fini(&stream);
}

/* ---- a process that dies after any record ---- */

/* Opens the vLUNs that the stream names on a new fake. */
static void open_vluns(struct superpipe *sp, struct memory_stream *stream)
{
	struct record_reader *in;
	uint16_t type;

	stream->at = 0;
	ck_assert_int_eq(record_reader_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION,
					   memory_stream_read, stream, &in),
			 0);
	while (record_next(in, &type) == 0 && type != RECORD_END) {
		uint32_t lun, handle;

		if (type != DATA_RECORD_SEGMENT && type != DATA_RECORD_VLUN)
			continue;
		lun = record_get_u32(in);
		handle = record_get_u32(in);
		ck_assert(fake_add_vlun(sp, lun, handle, record_get_u64(in)));
	}
	record_reader_free(in);
}

static void check_server_loads(const struct setup *setup, struct memory_stream *stream)
{
	struct fake_journal journal = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct superpipe *sp = new_fake(setup);
	struct fake_server server;

	open_vluns(sp, stream);
	ck_assert_int_eq(fake_server_load(&server, sp, &journal, setup->pack_blocks, stream), 0);
	check_server_saves(&server, stream);
	fake_server_stop(&server);
	ck_assert_uint_eq(fake_free(sp), 0);
}

static void check_replica_loads(const struct memory_stream *stream)
{
	struct replica *replica = new_replica();

	ck_assert_int_eq(load(replica, stream), 0);
	check_replica_saves(replica, stream);
	replica_free(replica);
}

static void check_death(const struct setup *setup, struct fake_journal *journal, size_t nr)
{
	struct memory_stream stream = { .bytes = 0 };
	struct replica *replica = new_replica();

	ck_assert_int_eq(fake_journal_apply(journal, replica, 0, nr), 0);
	fake_save_replica(replica, &stream);
	check_server_loads(setup, &stream);
	check_replica_loads(&stream);
	replica_free(replica);
	memory_stream_fini(&stream);
}

START_TEST(test_replica_whenever_the_process_dies)
{
	const struct setup *setup = &setups[_i];
	struct fake_journal journal = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct superpipe *sp = new_fake(setup);
	struct fake_server server;

	fake_server_start(&server, sp, &journal, data_model_seed(), setup->pack_blocks,
			  setup->stripe_blocks);
	for (unsigned i = 0; i < NR_STEPS; i++)
		fake_server_step(&server);
	fake_server_stop(&server);
	ck_assert_uint_gt(journal.nr, NR_STEPS / 2);
	for (size_t nr = 1; nr <= journal.nr; nr++)
		check_death(setup, &journal, nr);
	fake_journal_fini(&journal);
	ck_assert_uint_eq(fake_free(sp), 0);
}
END_TEST

/* ---- one process after the other ---- */

struct world {
	const struct setup *setup;
	struct superpipe *sp;
	struct fake_journal journal;
	struct fake_server *server;
	struct replica *replica;
	size_t nr_applied; /* records */
};

static struct fake_server *new_server(void)
{
	struct fake_server *server = calloc(1, sizeof(*server));

	ck_assert_ptr_nonnull(server);
	return server;
}

static void start(struct world *w, const struct setup *setup, uint64_t seed)
{
	*w = (struct world){ .setup = setup,
			     .sp = new_fake(setup),
			     .journal = { .lock = PTHREAD_MUTEX_INITIALIZER },
			     .server = new_server(),
			     .replica = new_replica() };
	fake_server_start(w->server, w->sp, &w->journal, seed, setup->pack_blocks,
			  setup->stripe_blocks);
}

static void stop(struct world *w)
{
	fake_server_stop(w->server);
	free(w->server);
	fake_journal_fini(&w->journal);
	replica_free(w->replica);
	ck_assert_uint_eq(fake_free(w->sp), 0);
}

static struct tree_inode *root_of(const struct world *w)
{
	return tree_get(w->server->tree, TREE_ROOT_INO);
}

static void follow(struct world *w)
{
	ck_assert_int_eq(fake_journal_apply(&w->journal, w->replica, w->nr_applied, w->journal.nr),
			 0);
	w->nr_applied = w->journal.nr;
}

/* The process is dead, and its volume quiesced. Another goes on over the same vLUNs. */
static void take_over(struct world *w, uint64_t seed)
{
	struct memory_stream stream = { .bytes = 0 };
	struct fake_server *old = w->server;

	follow(w);
	fake_save_replica(w->replica, &stream);
	w->server = new_server();
	ck_assert_int_eq(
		fake_server_load(w->server, w->sp, &w->journal, w->setup->pack_blocks, &stream), 0);
	check_server_saves(w->server, &stream);
	fake_server_stop(old);
	free(old);
	fake_server_resume(w->server, seed);
	memory_stream_fini(&stream);
}

/* At rest, the replica is equal to the process. */
static void compare(struct world *w)
{
	struct memory_stream stream = { .bytes = 0 };

	follow(w);
	fake_server_save(w->server, &stream);
	check_replica_saves(w->replica, &stream);
	memory_stream_fini(&stream);
}

/* Another standby gets the state of this one. */
static void replace_replica(struct world *w)
{
	struct memory_stream stream = { .bytes = 0 };
	struct replica *old = w->replica;

	fake_save_replica(old, &stream);
	w->replica = new_replica();
	ck_assert_int_eq(load(w->replica, &stream), 0);
	replica_free(old);
	memory_stream_fini(&stream);
}

START_TEST(test_replica_generations)
{
	struct world w;

	start(&w, &setups[_i], data_model_seed());
	for (unsigned generation = 0; generation < 40; generation++) {
		for (unsigned i = 0; i < 40; i++)
			fake_server_step(w.server);
		fake_server_quiesce(w.server);
		compare(&w);
		if (generation % 4 == 3)
			replace_replica(&w);
		fake_server_die(w.server);
		take_over(&w, generation + 1);
	}
	stop(&w);
}
END_TEST

/* ---- trouble ---- */

/* A LUN fails for good, and ioctls fail now and then. A write that fails may leave extents in more
 * pieces than the replica has, so the streams may differ. */
START_TEST(test_replica_follows_failures)
{
	struct world w;

	start(&w, &setups[_i], data_model_seed());
	for (unsigned i = 0; i < NR_STEPS; i++) {
		if (i % 20 == 0)
			fake_fail_call(w.sp, i / 20 % FAKE_NR_CALLS, 2, i % 40 ? -EIO : -ENOMEM);
		if (i == NR_STEPS / 2 && w.setup->nr_luns > 1)
			fake_fail_lun(w.sp, 1);
		fake_server_step(w.server);
	}
	fake_server_die(w.server);
	for (size_t nr = w.journal.nr / 2; nr <= w.journal.nr; nr++)
		check_death(w.setup, &w.journal, nr);
	stop(&w);
}
END_TEST

/* ---- what a process leaves behind ---- */

static void write_to(struct data_file *file, uint64_t bytes)
{
	static char buf[MAX_WRITE];
	struct data_op op = { .kind = DATA_OP_WRITE, .file = file, .buf = buf, .bytes = bytes };

	ck_assert_uint_le(bytes, sizeof(buf));
	ck_assert_int_eq(data_run(&op), (ssize_t)bytes);
}

static void leave_file(struct world *w, uint64_t bytes)
{
	struct data_file *file = data_file_new(w->server->vol);

	write_to(file, bytes);
	fake_server_leave(w->server, file);
}

/* Its inode is gone, and the standby knows that, but the data are not. */
static void leave_freed_file(struct world *w)
{
	struct fake_server *server = w->server;
	struct tree_inode *inode = fake_server_create(server, "freed");

	write_to(tree_payload(inode), 1);
	fake_server_commit(server);
	ck_assert_int_eq(tree_unlink(server->tree, root_of(w), "freed", &nobody, NULL), 0);
	tree_unref(server->tree, inode, 1);
	fake_server_leave(server, server->freed);
	server->freed = NULL;
	fake_server_commit(server);
}

START_TEST(test_replica_leftovers_do_not_pile_up)
{
	struct replica_stats stats;
	struct world w;

	start(&w, &setups[_i], 1);
	write_to(tree_payload(fake_server_create(w.server, "kept")), 1);
	fake_server_commit(w.server);
	for (unsigned generation = 0; generation < 20; generation++) {
		leave_file(&w, MAX_WRITE);
		leave_file(&w, 1);
		leave_freed_file(&w);
		ck_assert_ptr_nonnull(fake_server_create(w.server, "not committed"));
		fake_server_quiesce(w.server);
		fake_server_die(w.server);
		take_over(&w, generation + 1);
		replica_get_stats(w.replica, &stats);
		ck_assert_uint_eq(stats.nr_inodes, 2);
		ck_assert_uint_eq(stats.nr_files, 1);
		ck_assert_uint_le(w.replica->data->nr_segments, 1);
	}
	stop(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replica");
	TCase *random = tcase_create("random");

	tcase_set_timeout(random, 300);
	tcase_add_loop_test(random, test_replica_whenever_the_process_dies, 0,
			    (int)(sizeof(setups) / sizeof(setups[0])));
	tcase_add_loop_test(random, test_replica_generations, 0,
			    (int)(sizeof(setups) / sizeof(setups[0])));
	tcase_add_loop_test(random, test_replica_follows_failures, 0,
			    (int)(sizeof(setups) / sizeof(setups[0])));
	tcase_add_loop_test(random, test_replica_leftovers_do_not_pile_up, 0,
			    (int)(sizeof(setups) / sizeof(setups[0])));
	suite_add_tcase(suite, random);
	return run_suite(suite);
}
