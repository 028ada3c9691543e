/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot of a tree. What is read must be a tree that is intact, or be refused; and what is
 * written of that tree must be the same tree when it is read again. records.h describes an input.
 */
#include <errno.h>
#include <string.h>

#include "fuzz/records.h"
#include "tree/snapshot.h"

#define MAX_INODES 1000

static void payload_free(void *arg, void *payload)
{
	(void)arg, (void)payload;
	FUZZ_REQUIRE(!"a payload, though none was set");
}

static int read_tree(struct records *records, struct tree **ret_tree)
{
	const struct tree_config config = { .max_inodes = MAX_INODES,
					    .payload_free = payload_free };
	struct record_reader *reader;
	int err = records_reader(records, &reader);

	if (err)
		return err;
	err = tree_snapshot_read(&config, reader, ret_tree);
	record_reader_free(reader);
	return err;
}

static void write_tree(const struct tree *tree, struct records *records)
{
	struct record_writer *writer = records_writer(records);

	FUZZ_REQUIRE(!tree_snapshot_write(tree, TREE_SNAPSHOT_ALL, writer));
	FUZZ_REQUIRE(!record_writer_finish(writer));
	record_writer_free(writer);
}

static void check(struct tree *tree)
{
	struct records first = { 0 }, second = { 0 };
	struct tree *again;

	FUZZ_REQUIRE(!tree_check(tree));
	write_tree(tree, &first);
	FUZZ_REQUIRE(!read_tree(&first, &again));
	write_tree(again, &second);
	FUZZ_REQUIRE(first.bytes == second.bytes);
	FUZZ_REQUIRE(!memcmp(first.data, second.data, first.bytes));
	tree_free(again);
	records_free(&first);
	records_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct records records;
	struct tree *tree;
	int err;

	records_make((struct fuzz_input){ data, bytes }, TREE_RECORD_TREE,
		     TREE_RECORD_END - TREE_RECORD_TREE + 1, &records);
	err = read_tree(&records, &tree);
	FUZZ_REQUIRE(err == 0 || err == -EPROTO || err == -EBADMSG || err == -EPROTONOSUPPORT ||
		     err == -ENOSPC || err == -EMLINK);
	if (!err) {
		check(tree);
		tree_free(tree);
	}
	records_free(&records);
	return 0;
}
