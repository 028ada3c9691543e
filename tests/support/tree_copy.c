/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tree_copy.h"

#include <check.h>
#include <errno.h>

void tree_copy_write(const struct tree *tree, enum tree_snapshot_what what,
		     struct memory_stream *stream)
{
	struct record_writer *out;

	ck_assert_int_eq(record_writer_new("tree", 1, memory_stream_write, stream, &out), 0);
	ck_assert_int_eq(tree_snapshot_write(tree, what, out), 0);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
}

int tree_copy_read(struct memory_stream *stream, const struct tree_config *config,
		   struct tree **ret_tree)
{
	struct record_reader *in;
	struct tree *tree;
	uint16_t type;
	int err;

	stream->at = 0;
	err = record_reader_new("tree", 1, memory_stream_read, stream, &in);
	if (err)
		return err;
	err = tree_snapshot_read(config, in, &tree);
	if (!err) {
		err = record_next(in, &type);
		if (!err && type != RECORD_END)
			err = -EPROTO;
		if (err)
			tree_free(tree);
		else
			*ret_tree = tree;
	}
	record_reader_free(in);
	return err;
}
