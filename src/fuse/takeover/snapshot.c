/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a file system in a stream of records: limits, the tree, the data of its files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "data/snapshot.h"
#include "fuse/limits.h"
#include "fuse/takeover/takeover.h"
#include "fuse/transport/account.h"
#include "replica/stream.h"
#include "tree/snapshot.h"

/* ---- save ---- */

static void write_limits(struct fs *fs, struct record_writer *out)
{
	struct replica_limits saved;
	struct fs_limits limits;

	fs_get_limits(fs, &limits);
	saved = fs_limits_to_replica(&limits);
	replica_stream_put_limits(out, &saved);
}

static int write_counts(struct fs *fs, struct record_writer *out)
{
	struct account_kind *kinds = calloc(ACCOUNT_NR_KINDS, sizeof(*kinds));

	if (!kinds)
		return -ENOMEM;
	account_sum(fs_account(fs), kinds);
	record_begin(out, REPLICA_STREAM_COUNTS, 0);
	for (unsigned i = 0; i < ACCOUNT_NR_KINDS; i++) {
		/* What is under way is answered by this process, or never begins to be served. */
		kinds[i].nr_started = kinds[i].nr_ended;
		record_put_bytes(out, &kinds[i], sizeof(kinds[i]));
	}
	record_end(out);
	free(kinds);
	return 0;
}

struct walk {
	const struct tree *tree;
	uint64_t ino; /* of the last file */
};

static bool next_file(void *arg, uint64_t *ret_ino, struct data_file **ret_file)
{
	struct walk *walk = arg;

	*ret_file = tree_next_payload(walk->tree, &walk->ino);
	*ret_ino = walk->ino;
	return *ret_file;
}

static int write_all(struct fs *fs, struct record_writer *out)
{
	struct walk walk = { .tree = fs->tree };
	int err;

	write_limits(fs, out);
	err = write_counts(fs, out);
	if (err)
		return err;
	err = tree_snapshot_write(fs->tree, TREE_SNAPSHOT_ALL, out);
	if (!err && !fs->config.physical)
		err = data_snapshot_write(fs->config.volume, next_file, &walk, out);
	return err ? err : record_writer_finish(out);
}

int fs_save(struct fs *fs, record_write_fn *write, void *arg)
{
	struct record_writer *out;
	int err = record_writer_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION, write, arg, &out);

	if (err)
		return err;
	err = write_all(fs, out);
	record_writer_free(out);
	return err;
}

/* ---- load ---- */

static int add_file(void *arg, uint64_t ino, struct data_file *file)
{
	struct fs *fs = arg;
	struct tree_inode *inode = tree_get(fs->tree, ino);

	if (!inode || !S_ISREG(tree_mode(inode)) || tree_payload(inode))
		return -EPROTO;
	tree_set_payload(fs->tree, inode, file);
	return 0;
}

/* This process has made the same files, with the same numbers, and opened the LUNs itself. */
static int move_whole_luns(struct tree *from, struct fs *fs)
{
	struct walk walk = { .tree = from };
	struct data_file *file;
	uint64_t ino;
	int err = 0;

	while (!err && next_file(&walk, &ino, &file)) {
		err = add_file(fs, ino, file);
		if (!err)
			tree_set_payload(from, tree_get(from, ino), NULL);
	}
	return err;
}

/* A remount may have changed them since the start. */
static int read_limits(struct fs *fs, struct record_reader *in)
{
	struct replica_limits saved;
	int err = replica_stream_get_limits(in, &saved);

	if (err)
		return err;
	fs->limits = fs_limits_from_replica(&saved);
	data_volume_adopt_limits(fs->config.volume, &fs->limits.data);
	return 0;
}

static int read_counts(struct fs *fs, struct record_reader *in)
{
	const size_t bytes = ACCOUNT_NR_KINDS * sizeof(struct account_kind);
	struct account_kind *kinds;
	const void *counts;
	int err = replica_stream_get_counts(in, bytes, &counts);

	if (err || !counts)
		return err;
	kinds = malloc(bytes); /* aligned */
	if (!kinds)
		return -ENOMEM;
	memcpy(kinds, counts, bytes);
	account_add(fs_account(fs), kinds);
	free(kinds);
	return 0;
}

static int read_all(struct fs *fs, struct record_reader *in)
{
	struct tree_config config;
	struct tree *tree, *own = fs->tree;
	uint16_t type;
	int err = read_limits(fs, in);

	if (!err)
		err = read_counts(fs, in);
	if (err)
		return err;
	config = fs_tree_config(fs);
	err = tree_snapshot_read(&config, in, &tree);
	if (err)
		return err;
	fs->tree = tree;
	err = fs->config.physical ? move_whole_luns(own, fs)
				  : data_snapshot_read(fs->config.volume, in, add_file, fs);
	tree_free(own);
	if (!err)
		err = record_next(in, &type);
	if (!err && type != RECORD_END)
		err = -EPROTO;
	return err;
}

int fs_load(struct fs *fs, int fd)
{
	struct record_reader *in;
	int err = record_reader_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION, record_read_fd,
				    &fd, &in);

	if (err)
		return err;
	err = read_all(fs, in);
	record_reader_free(in);
	return err;
}
