/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica: what single records do, outcomes of requests, writers that die within a record, and
 * records that are damaged.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/replica.h"
#include "fake/fake_server.h"
#include "journal/journal.h"
#include "replica/replica_internal.h"
#include "replica/stream.h"
#include "support/tree_copy.h"
#include "tree/inode.h"

/* A process, and the standby that has followed it. */
struct world {
	struct superpipe *sp;
	struct fake_journal journal;
	struct fake_server server;
	struct replica *replica;
	size_t nr_applied; /* records */
};

static const struct tree_caller nobody;

static int follow(struct world *w)
{
	int err = fake_journal_apply(&w->journal, w->replica, w->nr_applied, w->journal.nr);

	w->nr_applied = w->journal.nr;
	return err;
}

static void start(struct world *w)
{
	const struct fake_config config = { .nr_luns = 1 };

	*w = (struct world){ .sp = fake_new(&config),
			     .journal = { .lock = PTHREAD_MUTEX_INITIALIZER } };
	ck_assert_int_eq(replica_new(&w->replica), 0);
	fake_server_start(&w->server, w->sp, &w->journal, 1, 0, 0);
	ck_assert_int_eq(follow(w), 0);
}

static void stop(struct world *w)
{
	fake_server_stop(&w->server);
	fake_journal_fini(&w->journal);
	replica_free(w->replica);
	ck_assert_uint_eq(fake_free(w->sp), 0);
}

static struct tree_inode *create(struct world *w, const char *name)
{
	struct tree_inode *inode = fake_server_create(&w->server, name);

	ck_assert_ptr_nonnull(inode);
	return inode;
}

static uint64_t refs_of(const struct world *w, uint64_t ino)
{
	return tree_get(w->replica->tree, ino)->refs;
}

/* ---- outcomes ---- */

START_TEST(test_outcome_is_the_last_of_its_slot)
{
	const struct replica_outcome *outcome;
	uint64_t first, second;
	struct world w;

	start(&w);
	ck_assert_ptr_null(replica_outcome(w.replica, 0));
	ck_assert_ptr_null(replica_outcome(w.replica, 100));
	create(&w, "a");
	(void)fake_server_outcome(&w.server, 100, REPLICA_OUTCOME_ERROR, 1);
	fake_server_commit(&w.server);
	create(&w, "b");
	first = fake_server_outcome(&w.server, 100, REPLICA_OUTCOME_CREATED, 7);
	fake_server_commit(&w.server);
	create(&w, "c");
	second = fake_server_outcome(&w.server, 3, REPLICA_OUTCOME_FORGOTTEN, 9);
	fake_server_commit(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	outcome = replica_outcome(w.replica, 100);
	ck_assert_uint_eq(outcome->unique, first);
	ck_assert_uint_eq(outcome->kind, REPLICA_OUTCOME_CREATED);
	ck_assert_uint_eq(outcome->value, 7);
	outcome = replica_outcome(w.replica, 3);
	ck_assert_uint_eq(outcome->unique, second);
	ck_assert_ptr_null(replica_outcome(w.replica, 4));
	ck_assert_ptr_null(replica_outcome(w.replica, UINT32_MAX));
	stop(&w);
}
END_TEST

static void list(struct world *w, uint32_t slot, struct tree_inode *const inodes[], unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		tree_ref(w->server.tree, inodes[i], 1);
	(void)fake_server_outcome(&w->server, slot, REPLICA_OUTCOME_LISTED, 0);
	fake_server_commit(&w->server);
	ck_assert_int_eq(follow(w), 0);
}

START_TEST(test_outcome_references_of_a_listing_are_undone)
{
	struct tree_inode *inodes[3];
	uint64_t inos[3];
	struct world w;

	start(&w);
	for (unsigned i = 0; i < 3; i++) {
		inodes[i] = create(&w, i == 0 ? "a" : i == 1 ? "b" : "c");
		inos[i] = tree_ino(inodes[i]);
	}
	fake_server_commit(&w.server);
	list(&w, 1, inodes, 2);
	list(&w, 2, inodes, 2);
	list(&w, 2, inodes, 3);
	ck_assert_uint_eq(refs_of(&w, inos[0]), 4);
	ck_assert_int_eq(replica_undo_listed(w.replica, 2), 0);
	ck_assert_ptr_null(replica_outcome(w.replica, 2));
	ck_assert_uint_eq(refs_of(&w, inos[0]), 3);
	ck_assert_uint_eq(refs_of(&w, inos[2]), 1);
	/* Once only, and only of a listing. */
	ck_assert_int_eq(replica_undo_listed(w.replica, 2), 0);
	ck_assert_int_eq(replica_undo_listed(w.replica, 77), 0);
	ck_assert_uint_eq(refs_of(&w, inos[0]), 3);
	create(&w, "d");
	(void)fake_server_outcome(&w.server, 1, REPLICA_OUTCOME_ENTRY, 0);
	fake_server_commit(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	ck_assert_int_eq(replica_undo_listed(w.replica, 1), 0);
	ck_assert_ptr_nonnull(replica_outcome(w.replica, 1));
	ck_assert_uint_eq(refs_of(&w, inos[0]), 3);
	stop(&w);
}
END_TEST

/* The last reference goes, and with it the inode and its data. */
START_TEST(test_outcome_undo_frees_what_was_unlinked)
{
	struct memory_stream stream = { .bytes = 0 };
	struct replica_stats stats;
	struct tree_inode *inode;
	struct world w;

	start(&w);
	inode = create(&w, "a");
	tree_unref(w.server.tree, inode, 1);
	fake_server_commit(&w.server);
	list(&w, 0, &inode, 1);
	ck_assert_int_eq(tree_unlink(w.server.tree, tree_get(w.server.tree, TREE_ROOT_INO), "a",
				     &nobody, NULL),
			 0);
	fake_server_commit(&w.server);
	fake_server_die(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	replica_get_stats(w.replica, &stats);
	ck_assert_uint_eq(stats.nr_inodes, 2);
	ck_assert_int_eq(replica_undo_listed(w.replica, 0), 0);
	fake_save_replica(w.replica, &stream);
	replica_get_stats(w.replica, &stats);
	ck_assert_uint_eq(stats.nr_inodes, 1);
	ck_assert_uint_eq(stats.nr_files, 0);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

/* ---- a writer that dies ---- */

/* A child that has written the first bytes of a record when it dies; all of them: it commits it. */
static void write_in_child(struct journal *journal, const struct fake_record *record, size_t bytes)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct journal_entry entry;

		journal_begin(journal, record->bytes, &entry);
		memcpy(entry.data, record->data, bytes);
		if (bytes == record->bytes)
			journal_commit(journal, &entry);
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* Return: how many records the dead writer has left. */
static unsigned drain(struct journal *journal, struct replica *replica)
{
	const void *record;
	unsigned nr = 0;
	size_t bytes;
	int ret;

	while ((ret = journal_read(journal, true, &record, &bytes)) == 1) {
		ck_assert_int_eq(replica_apply(replica, record, bytes), 0);
		nr++;
	}
	ck_assert_int_eq(ret, 0);
	return nr;
}

/* Either nothing of the record has happened, or all, and its outcome is known. */
START_TEST(test_record_writer_dies_at_each_byte)
{
	struct memory_stream before = { .bytes = 0 }, now;
	const struct fake_record *record;
	struct journal *journal;
	uint64_t unique, ino;
	struct world w;

	start(&w);
	ino = tree_ino(create(&w, "new"));
	unique = fake_server_outcome(&w.server, 2, REPLICA_OUTCOME_CREATED, 1);
	fake_server_commit(&w.server);
	record = &w.journal.records[w.journal.nr - 1];
	ck_assert_uint_gt(record->bytes, 100);
	fake_save_replica(w.replica, &before);
	ck_assert_int_eq(journal_new(JOURNAL_MIN_BYTES, &journal), 0);
	for (size_t bytes = 0; bytes < record->bytes; bytes++) {
		write_in_child(journal, record, bytes);
		ck_assert_uint_eq(drain(journal, w.replica), 0);
		now = (struct memory_stream){ .bytes = 0 };
		fake_save_replica(w.replica, &now);
		ck_assert_uint_eq(now.bytes, before.bytes);
		ck_assert_mem_eq(now.data, before.data, now.bytes);
		ck_assert_ptr_null(replica_outcome(w.replica, 2));
		memory_stream_fini(&now);
	}
	write_in_child(journal, record, record->bytes);
	ck_assert_uint_eq(drain(journal, w.replica), 1);
	ck_assert_uint_eq(refs_of(&w, ino), 1);
	ck_assert_uint_eq(replica_outcome(w.replica, 2)->unique, unique);
	journal_free(journal);
	memory_stream_fini(&before);
	stop(&w);
}
END_TEST

/* ---- damage ---- */

/* A copy of exactly @bytes, for sanitizers. */
static int apply_copy(struct replica *replica, const void *record, size_t bytes)
{
	void *copy = malloc(bytes ? bytes : 1);
	int err;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, record, bytes);
	err = replica_apply(replica, copy, bytes);
	free(copy);
	return err;
}

static struct replica *replica_before(struct world *w, size_t nr)
{
	struct replica *replica;

	ck_assert_int_eq(replica_new(&replica), 0);
	ck_assert_int_eq(fake_journal_apply(&w->journal, replica, 0, nr), 0);
	return replica;
}

/* The last record has an item of each kind but the first. */
static void make_record(struct world *w)
{
	const struct replica_item limits = { REPLICA_ITEM_LIMITS, sizeof(struct replica_limits) };
	struct fake_record *group = &w->server.group;
	size_t bytes = sizeof(limits) + limits.bytes;

	create(w, "new");
	group->data = realloc(group->data, group->bytes + bytes);
	ck_assert_ptr_nonnull(group->data);
	memset((char *)group->data + group->bytes, 0, bytes);
	memcpy((char *)group->data + group->bytes, &limits, sizeof(limits));
	group->bytes += bytes;
	(void)fake_server_outcome(&w->server, 2, REPLICA_OUTCOME_LISTED, 1);
	fake_server_commit(&w->server);
}

/* A part is refused unless it ends with an item. Then all that follows is refused. */
START_TEST(test_record_parts_are_refused)
{
	const struct fake_record *record;
	unsigned nr_valid = 0;
	struct world w;

	start(&w);
	make_record(&w);
	record = &w.journal.records[w.journal.nr - 1];
	for (size_t bytes = 1; bytes < record->bytes; bytes++) {
		struct replica *replica = replica_before(&w, w.journal.nr - 1);
		int err = apply_copy(replica, record->data, bytes);

		nr_valid += err == 0;
		if (err) {
			ck_assert_int_eq(err, -EPROTO);
			ck_assert_int_eq(apply_copy(replica, record->data, record->bytes), err);
			ck_assert_int_eq(replica_save(replica, -1), err);
			ck_assert_int_eq(replica_undo_listed(replica, 2), err);
		}
		replica_free(replica);
	}
	/* Between any two items, or in what fills them up. */
	ck_assert_uint_ge(nr_valid, 4);
	ck_assert_uint_le(nr_valid, 4 * 8);
	ck_assert_int_eq(follow(&w), 0);
	stop(&w);
}
END_TEST

/* No damage may make the replica fail otherwise than with an error. */
START_TEST(test_record_damage_is_survived)
{
	unsigned nr_refused = 0;
	struct world w;

	start(&w);
	make_record(&w);
	for (size_t nr = 0; nr < w.journal.nr; nr++) {
		const struct fake_record *record = &w.journal.records[nr];

		for (size_t bit = 0; bit < record->bytes * 8; bit++) {
			struct replica *replica = replica_before(&w, nr);
			uint8_t *bytes = record->data;

			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			nr_refused += apply_copy(replica, bytes, record->bytes) != 0;
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			replica_free(replica);
		}
	}
	ck_assert_uint_gt(nr_refused, 100);
	stop(&w);
}
END_TEST

static int apply_item(struct replica *replica, enum replica_item_kind kind, const void *data,
		      size_t bytes)
{
	uint64_t record[64] = { 0 };
	const struct replica_item item = { .kind = kind, .bytes = (uint32_t)bytes };

	ck_assert_uint_le(sizeof(item) + bytes, sizeof(record));
	memcpy(record, &item, sizeof(item));
	memcpy((char *)record + sizeof(item), data, bytes);
	return replica_apply(replica, record, sizeof(item) + bytes);
}

START_TEST(test_record_impossible_items_are_refused)
{
	const struct replica_outcome slot = { .unique = 1, .slot = REPLICA_MAX_SLOTS, .kind = 1 };
	const struct replica_outcome kind = { .unique = 1, .kind = REPLICA_OUTCOME_FORGOTTEN + 1 };
	struct replica_file file = { .ino = TREE_ROOT_INO };
	struct replica_start begin = { .version = REPLICA_RECORD_VERSION,
				       .geometry = { .chunk_blocks = 16, .nr_luns = 1 } };
	struct world w;
	int err;

	start(&w);
	file.number = data_file_number(tree_payload(create(&w, "a")));
	fake_server_commit(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	switch (_i) {
	case 0:
		err = apply_item(w.replica, REPLICA_ITEM_OUTCOME, &slot, sizeof(slot));
		break;
	case 1:
		err = apply_item(w.replica, REPLICA_ITEM_OUTCOME, &kind, sizeof(kind));
		break;
	case 2: /* a directory */
		err = apply_item(w.replica, REPLICA_ITEM_FILE, &file, sizeof(file));
		break;
	case 3: /* it has data */
		file.ino = 2;
		err = apply_item(w.replica, REPLICA_ITEM_FILE, &file, sizeof(file));
		break;
	case 4:
		err = apply_item(w.replica, REPLICA_ITEM_START, &begin, sizeof(begin));
		break;
	default:
		err = apply_item(w.replica, 99, &begin, sizeof(begin));
		break;
	}
	ck_assert_int_eq(err, -EPROTO);
	stop(&w);
}
END_TEST

/* The inode has no data then, and can get others. */
START_TEST(test_record_data_go_before_their_inode)
{
	struct data_change change = { .version = DATA_CHANGE_VERSION,
				      .kind = DATA_CHANGE_FILE_GONE };
	struct memory_stream stream = { .bytes = 0 };
	struct replica_file file;
	struct world w;

	start(&w);
	file.ino = tree_ino(create(&w, "a"));
	change.number = data_file_number(tree_payload(tree_get(w.server.tree, file.ino)));
	fake_server_commit(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	ck_assert_int_eq(apply_item(w.replica, REPLICA_ITEM_DATA, &change, sizeof(change)), 0);
	fake_save_replica(w.replica, &stream);
	change.kind = DATA_CHANGE_FILE_NEW;
	change.number += 10;
	file.number = change.number;
	ck_assert_int_eq(apply_item(w.replica, REPLICA_ITEM_DATA, &change, sizeof(change)), 0);
	ck_assert_int_eq(apply_item(w.replica, REPLICA_ITEM_FILE, &file, sizeof(file)), 0);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

START_TEST(test_record_the_first_begins_the_volume)
{
	struct replica_start begin = { .version = REPLICA_RECORD_VERSION + 1,
				       .geometry = { .chunk_blocks = 16, .nr_luns = 1 } };
	const struct replica_limits limits = { .max_inodes = 1 };
	struct replica_stats stats;
	struct replica *replica;

	ck_assert_int_eq(replica_new(&replica), 0);
	replica_get_stats(replica, &stats);
	ck_assert_uint_eq(stats.nr_inodes, 0);
	ck_assert_int_eq(replica_save(replica, -1), -EPROTO);
	switch (_i) {
	case 0:
		ck_assert_int_eq(apply_item(replica, REPLICA_ITEM_START, &begin, sizeof(begin)),
				 -EPROTONOSUPPORT);
		break;
	case 1:
		ck_assert_int_eq(apply_item(replica, REPLICA_ITEM_LIMITS, &limits, sizeof(limits)),
				 -EPROTO);
		break;
	default:
		begin.version--;
		begin.geometry.nr_luns = 1000;
		ck_assert_int_eq(apply_item(replica, REPLICA_ITEM_START, &begin, sizeof(begin)),
				 -EPROTO);
		break;
	}
	replica_free(replica);
}
END_TEST

/* ---- a whole tree ---- */

static int send_part(struct replica *replica, const char *data, size_t bytes)
{
	const struct replica_item item = { .kind = REPLICA_ITEM_STREAM, .bytes = (uint32_t)bytes };
	char *record = malloc(sizeof(item) + bytes);
	int err;

	ck_assert_ptr_nonnull(record);
	memcpy(record, &item, sizeof(item));
	if (bytes)
		memcpy(record + sizeof(item), data, bytes);
	err = replica_apply(replica, record, sizeof(item) + bytes);
	free(record);
	return err;
}

/* The tree of another volume, in parts of so many bytes. */
static int send_tree(struct replica *replica, const struct tree *tree, size_t part_bytes)
{
	struct memory_stream stream = { .bytes = 0 };
	int err = 0;

	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	for (size_t at = 0; at < stream.bytes && !err; at += part_bytes) {
		size_t left = stream.bytes - at;

		err = send_part(replica, (const char *)stream.data + at,
				left < part_bytes ? left : part_bytes);
	}
	memory_stream_fini(&stream);
	return err;
}

static void save_tree(const struct tree *tree, struct memory_stream *stream)
{
	*stream = (struct memory_stream){ .bytes = 0 };
	tree_copy_write(tree, TREE_SNAPSHOT_ALL, stream);
}

START_TEST(test_record_tree_is_replaced)
{
	static const size_t part_bytes[] = { 1, 7, 1000000 };
	struct memory_stream loaded, now;
	struct replica_stats stats;
	struct world w, other;

	start(&w);
	create(&w, "old");
	fake_server_commit(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	start(&other);
	create(&other, "loaded");
	create(&other, "too");
	fake_server_commit(&other.server);
	ck_assert_int_eq(send_tree(w.replica, other.server.tree, part_bytes[_i]), 0);
	replica_get_stats(w.replica, &stats);
	ck_assert_uint_eq(stats.nr_inodes, 2);
	ck_assert_int_eq(send_part(w.replica, "", 0), 0);
	replica_get_stats(w.replica, &stats);
	ck_assert_uint_eq(stats.nr_inodes, 3);
	save_tree(other.server.tree, &loaded);
	save_tree(w.replica->tree, &now);
	ck_assert_uint_eq(loaded.bytes, now.bytes);
	ck_assert_mem_eq(loaded.data, now.data, now.bytes);
	memory_stream_fini(&loaded);
	memory_stream_fini(&now);
	/* The data of the old inode have no owner. */
	fake_save_replica(w.replica, &now);
	replica_get_stats(w.replica, &stats);
	ck_assert_uint_eq(stats.nr_files, 0);
	memory_stream_fini(&now);
	stop(&other);
	stop(&w);
}
END_TEST

START_TEST(test_record_part_of_a_tree_is_refused)
{
	struct memory_stream stream;
	struct world w;

	start(&w);
	save_tree(w.server.tree, &stream);
	for (size_t bytes = 0; bytes < stream.bytes; bytes++) {
		struct replica *replica = replica_before(&w, w.journal.nr);

		if (bytes)
			ck_assert_int_eq(send_part(replica, (const char *)stream.data, bytes), 0);
		ck_assert_int_eq(send_part(replica, "", 0), -EBADMSG);
		replica_free(replica);
	}
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

/* ---- limits ---- */

/* What the process was allowed to do is possible in the replica. */
START_TEST(test_record_limits_are_kept_and_not_enforced)
{
	struct memory_stream stream = { .bytes = 0 };
	struct replica_limits limits;
	struct record_reader *in;
	struct world w;

	start(&w);
	ck_assert_int_eq(tree_set_max_inodes(w.server.tree, 1), 0);
	fake_server_commit(&w.server);
	ck_assert_int_eq(tree_set_max_inodes(w.server.tree, 0), 0);
	w.server.group.bytes = 0; /* the replica does not see it */
	create(&w, "a");
	fake_server_commit(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	fake_save_replica(w.replica, &stream);
	ck_assert_int_eq(record_reader_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION,
					   memory_stream_read, &stream, &in),
			 0);
	ck_assert_int_eq(replica_stream_get_limits(in, &limits), 0);
	ck_assert_mem_eq(&limits, &w.server.limits, sizeof(limits));
	record_reader_free(in);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

/* ---- streams ---- */

static int load_part(const struct memory_stream *stream, size_t bytes)
{
	int fd = memfd_create("stream", MFD_CLOEXEC), err;
	struct replica *replica;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, stream->data, bytes), (ssize_t)bytes);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(replica_new(&replica), 0);
	err = replica_load(replica, fd);
	if (err)
		ck_assert_int_eq(replica_save(replica, fd), err);
	replica_free(replica);
	close(fd);
	return err;
}

START_TEST(test_stream_damage_is_refused)
{
	struct memory_stream stream = { .bytes = 0 };
	struct world w;

	start(&w);
	for (unsigned i = 0; i < 60; i++)
		fake_server_step(&w.server);
	fake_server_die(&w.server);
	ck_assert_int_eq(follow(&w), 0);
	fake_save_replica(w.replica, &stream);
	for (size_t at = 0; at < stream.bytes; at++) {
		ck_assert_int_eq(load_part(&stream, at), -EBADMSG);
		stream.data[at] ^= 1;
		ck_assert_int_lt(load_part(&stream, stream.bytes), 0);
		stream.data[at] ^= 1;
	}
	ck_assert_int_eq(load_part(&stream, stream.bytes), 0);
	memory_stream_fini(&stream);
	stop(&w);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("replica records");
	TCase *outcomes = tcase_create("outcomes"), *records = tcase_create("records");

	tcase_add_test(outcomes, test_outcome_is_the_last_of_its_slot);
	tcase_add_test(outcomes, test_outcome_references_of_a_listing_are_undone);
	tcase_add_test(outcomes, test_outcome_undo_frees_what_was_unlinked);
	tcase_set_timeout(records, 120);
	tcase_add_test(records, test_record_writer_dies_at_each_byte);
	tcase_add_test(records, test_record_parts_are_refused);
	tcase_add_test(records, test_record_damage_is_survived);
	tcase_add_loop_test(records, test_record_impossible_items_are_refused, 0, 6);
	tcase_add_test(records, test_record_data_go_before_their_inode);
	tcase_add_loop_test(records, test_record_the_first_begins_the_volume, 0, 3);
	tcase_add_loop_test(records, test_record_tree_is_replaced, 0, 3);
	tcase_add_test(records, test_record_part_of_a_tree_is_refused);
	tcase_add_test(records, test_record_limits_are_kept_and_not_enforced);
	tcase_add_test(records, test_stream_damage_is_refused);
	suite_add_tcase(suite, outcomes);
	suite_add_tcase(suite, records);
	return suite;
}

int main(void)
{
	return run_suite(make_suite());
}
