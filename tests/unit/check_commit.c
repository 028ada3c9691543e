/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse/commit, fuse/again: a process dies at any of its records, or before or after its answer, and
 * another one goes on from what the standby has. It serves the same request again, and all others.
 * Answers, names, attributes, references and contents are the same as if nobody had died.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal.h"
#include "support/tree_copy.h"
#include "unit/commit_world.h"

enum { NR_LISTED = 5000 };

/* What happens if nobody dies. */
static struct {
	struct answer answers[NR_STEPS];
	struct memory_stream trees[NR_STEPS];
	uint64_t contents[NR_STEPS]; /* see sum_contents() */
} reference;

static void check_tree(const struct memory_stream *expected)
{
	struct memory_stream stream = { .bytes = 0 };

	ck_assert_int_eq(tree_check(world_now()->fs->tree), 0);
	tree_copy_write(world_now()->fs->tree, TREE_SNAPSHOT_ALL, &stream);
	if (stream.bytes != expected->bytes || memcmp(stream.data, expected->data, stream.bytes))
		ck_abort_msg("step %u: the trees differ", world.at);
	memory_stream_fini(&stream);
}

/* A number that changes when an inode loses its data. */
static uint64_t sum_contents(void)
{
	uint64_t sum = 0;

	for (uint64_t ino = ROOT; ino <= LAST_INO; ino++) {
		const struct tree_inode *inode = tree_get(world_now()->fs->tree, ino);
		const struct data_file *file = inode ? tree_payload(inode) : NULL;

		sum = sum * 31 + (inode ? 1 : 0) + (file ? data_file_size(file) : 0);
	}
	return sum;
}

static bool gives_back(uint32_t opcode)
{
	return opcode == FUSE_UNLINK || opcode == FUSE_RENAME2 || !world_is_answered(opcode);
}

/* Data are not gone while their inode is still there. */
static void check_contents(void)
{
	uint64_t sum = sum_contents();

	if (gives_back(steps[world.at].opcode) && sum != reference.contents[world.at] &&
	    sum != reference.contents[world.at - 1])
		ck_abort_msg("step %u: data went too early", world.at);
}

static void check_answer(void)
{
	const struct answer *expected = &reference.answers[world.at];

	if (world.answer.bytes != expected->bytes ||
	    (world.answer.bytes &&
	     memcmp(world.answer.data, expected->data, world.answer.bytes) != 0))
		ck_abort_msg("step %u: the answers differ", world.at);
}

static void keep_reference(void)
{
	struct answer *answer = &reference.answers[world.at];

	answer->bytes = world.answer.bytes;
	answer->data =
		memcpy(malloc(world.answer.bytes + 1), world.answer.data, world.answer.bytes);
	tree_copy_write(world_now()->fs->tree, TREE_SNAPSHOT_ALL, &reference.trees[world.at]);
	reference.contents[world.at] = sum_contents();
}

static void make_reference(void)
{
	world_begin(JOURNAL_MIN_BYTES);
	for (world.at = 0; world.at < NR_STEPS; world.at++) {
		world_do(&steps[world.at]);
		keep_reference();
	}
	world_bury();
	world_end();
}

/* Does the same when it is executed again, except for the times. */
static bool is_repeated(uint32_t opcode)
{
	return opcode == FUSE_WRITE || opcode == FUSE_FALLOCATE || opcode == FUSE_COPY_FILE_RANGE;
}

/* The process dies, and another one serves the request. Return: whether it died before it answered.
 */
static bool die_in_step(int nr_records, bool answer_arrives)
{
	bool died;

	world_make_request(&steps[world.at]);
	world.nr_to_die = nr_records;
	died = world_serve();
	world_kill();
	world_take_over(died || !answer_arrives);
	check_contents();
	world.is_late = !died && !is_repeated(steps[world.at].opcode);
	if (died || !answer_arrives) {
		world.slot->is_recovered = true;
		ck_assert(!world_serve());
		world.slot->is_recovered = false;
		check_answer();
	}
	world.is_late = false;
	world_follow();
	check_tree(&reference.trees[world.at]);
	return died;
}

/* The process dies in step @mortal, and its successor after the last step. */
static bool run(unsigned mortal, int nr_records, bool answer_arrives)
{
	bool died = false;

	world_begin(JOURNAL_MIN_BYTES);
	for (world.at = 0; world.at < NR_STEPS; world.at++) {
		if (world.at == mortal) {
			died = die_in_step(nr_records, answer_arrives);
			continue;
		}
		world_do(&steps[world.at]);
		check_answer();
	}
	world.at--;
	check_tree(&reference.trees[world.at]);
	world_kill();
	world_take_over(false);
	check_tree(&reference.trees[world.at]);
	world_bury();
	world_end();
	return died;
}

/* ---- tests ---- */

START_TEST(test_commit_what_a_dead_process_did_is_done_once)
{
	unsigned at = (unsigned)_i;
	int nr = 0;

	while (run(at, nr, false))
		nr++;
	(void)run(at, nr, true);
}
END_TEST

static void make_files(unsigned nr)
{
	char name[16];

	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%u", i);
		world_do(&(const struct step){ FUSE_MKNOD, ROOT, IN(fuse_mknod_in, .mode = S_IFREG),
					       .name = name });
	}
}

/* Return: the offset of the next answer; 0: there was nothing more. */
static uint64_t count_entries(unsigned *nr)
{
	size_t at = sizeof(struct fuse_out_header);
	uint64_t offset = 0;

	while (at < world.answer.bytes) {
		const struct fuse_direntplus *entry = (const void *)(world.answer.data + at);

		offset = entry->dirent.off;
		at += FUSE_DIRENTPLUS_SIZE(entry);
		++*nr;
	}
	return offset;
}

START_TEST(test_commit_a_listing_ends_when_its_record_is_full)
{
	struct memory_stream tree = { .bytes = 0 };
	unsigned nr = 0, nr_answers = 0;
	uint64_t offset = 0;

	world_begin(JOURNAL_MIN_BYTES);
	make_files(NR_LISTED);
	do {
		world_do(&(const struct step){
			FUSE_READDIRPLUS, ROOT,
			IN(fuse_read_in, .offset = offset, .size = SLOT_PAYLOAD_BYTES) });
		offset = count_entries(&nr);
		nr_answers++;
	} while (offset);
	ck_assert_uint_eq(nr, NR_LISTED + 2);
	ck_assert_uint_eq(nr_answers, 3); /* the last is empty */
	tree_copy_write(world_now()->fs->tree, TREE_SNAPSHOT_ALL, &tree);
	world_kill();
	world_take_over(false);
	check_tree(&tree);
	memory_stream_fini(&tree);
	world_bury();
	world_end();
}
END_TEST

/* From the second request on nobody follows. */
static void go_on_alone(void)
{
	struct fs_stats stats;

	for (world.at++; world.at < NR_STEPS; world.at++) {
		world_do(&steps[world.at]);
		check_answer();
	}
	world.at--;
	check_tree(&reference.trees[world.at]);
	fs_get_stats(world_now()->fs, &stats);
	ck_assert(!stats.followed);
}

START_TEST(test_commit_serving_goes_on_when_the_standby_is_dead)
{
	struct fs_stats stats;

	world_begin(JOURNAL_MIN_BYTES);
	world_do(&steps[world.at]);
	fs_get_stats(world_now()->fs, &stats);
	ck_assert(stats.followed);
	ck_assert(journal_close(world_now()->journal));
	go_on_alone();
	world_bury();
	world_end();
}
END_TEST

START_TEST(test_commit_serving_goes_on_without_memory_for_records)
{
	world_begin(JOURNAL_MIN_BYTES);
	world_do(&steps[world.at]);
	world.no_memory = true;
	go_on_alone();
	world.no_memory = false;
	world_bury();
	world_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tcase = tcase_create("deaths");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, make_reference, NULL);
	tcase_add_loop_test(tcase, test_commit_what_a_dead_process_did_is_done_once, 0,
			    (int)NR_STEPS);
	tcase_add_test(tcase, test_commit_a_listing_ends_when_its_record_is_full);
	tcase_add_test(tcase, test_commit_serving_goes_on_when_the_standby_is_dead);
	tcase_add_test(tcase, test_commit_serving_goes_on_without_memory_for_records);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
