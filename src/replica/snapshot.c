/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the snapshot of a volume from its replica, and makes a replica from one. */
#include <errno.h>

#include "replica/replica_internal.h"
#include "replica/stream.h"
#include "tree/snapshot.h"

/* ---- save ---- */

struct walk {
	const struct tree *tree;
	uint64_t ino; /* of the last file */
};

static bool next_file(void *arg, uint64_t *ret_ino, struct data_replica_file **ret_file)
{
	struct walk *walk = arg;

	*ret_file = tree_next_payload(walk->tree, &walk->ino);
	*ret_ino = walk->ino;
	return *ret_file;
}

static int write_all(struct replica *replica, struct record_writer *out)
{
	struct walk walk = { .tree = replica->tree };
	int err;

	replica_stream_put_limits(out, &replica->limits);
	record_begin(out, REPLICA_STREAM_COUNTS, 0);
	record_end(out);
	err = tree_snapshot_write(replica->tree, TREE_SNAPSHOT_ALL, out);
	if (!err)
		err = data_replica_write(replica->data, next_file, &walk, out);
	return err ? err : record_writer_finish(out);
}

int replica_save(struct replica *replica, int fd)
{
	struct record_writer *out;
	int err = replica->err;

	if (!err && !replica->tree)
		err = -EPROTO;
	if (!err)
		err = data_replica_prune(replica->data);
	if (!err)
		err = record_writer_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION,
					record_write_fd, &fd, &out);
	if (err)
		return err;
	err = write_all(replica, out);
	record_writer_free(out);
	return err;
}

void replica_prune(struct replica *replica)
{
	if (!replica->err)
		replica->err = data_replica_prune(replica->data);
}

/* ---- load ---- */

static int add_file(void *arg, uint64_t ino, struct data_replica_file *file)
{
	return replica_give_file(arg, ino, file);
}

static int read_all(struct replica *replica, struct record_reader *in)
{
	const struct tree_config config = replica_tree_config(replica);
	const void *counts;
	uint16_t type;
	int err = replica_stream_get_limits(in, &replica->limits);

	if (!err)
		err = replica_stream_get_counts(in, 0, &counts);
	if (!err)
		err = tree_snapshot_read(&config, in, &replica->tree);
	if (!err)
		err = data_replica_read(in, add_file, replica, &replica->data);
	if (!err)
		err = record_next(in, &type);
	return !err && type != RECORD_END ? -EPROTO : err;
}

int replica_load(struct replica *replica, int fd)
{
	struct record_reader *in;

	if (replica->err)
		return replica->err;
	replica->err = replica->tree
			       ? -EPROTO
			       : record_reader_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION,
						   record_read_fd, &fd, &in);
	if (replica->err)
		return replica->err;
	replica->err = read_all(replica, in);
	record_reader_free(in);
	return replica->err;
}
