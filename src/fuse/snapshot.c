/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a file system in a stream of records: limits, the tree, the data of its files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "data/snapshot.h"
#include "fuse/internal.h"
#include "fuse/transport/account.h"
#include "tree/snapshot.h"

#define KIND    "takeover"
#define VERSION 2

/* See tree/snapshot.h and data/snapshot.h for the others. */
#define RECORD_LIMITS 0x300
#define RECORD_COUNTS 0x301 /* of requests: a struct account_kind for each kind */

/* ---- save ---- */

static void write_limits(struct fs *fs, struct record_writer *out)
{
	struct fs_limits limits;

	fs_get_limits(fs, &limits);
	record_begin(out, RECORD_LIMITS, 0);
	record_put_u64(out, limits.data.size_bytes);
	record_put_u64(out, limits.data.reserve_bytes);
	record_put_u32(out, limits.data.reserve_ppm);
	record_put_u64(out, limits.max_inodes);
	record_put_u64(out, limits.max_user_inodes);
	record_end(out);
}

static int write_counts(struct fs *fs, struct record_writer *out)
{
	struct account_kind *kinds = calloc(ACCOUNT_NR_KINDS, sizeof(*kinds));

	if (!kinds)
		return -ENOMEM;
	account_sum(fs_account(fs), kinds);
	record_begin(out, RECORD_COUNTS, 0);
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
	uint64_t ino, nr_left; /* the last one, and inodes behind it */
};

static bool next_file(void *arg, uint64_t *ret_ino, struct data_file **ret_file)
{
	struct walk *walk = arg;

	while (walk->nr_left) {
		const struct tree_inode *inode = tree_get(walk->tree, ++walk->ino);

		if (!inode)
			continue;
		walk->nr_left--;
		*ret_ino = walk->ino;
		*ret_file = tree_payload(inode);
		if (*ret_file)
			return true;
	}
	return false;
}

static int write_all(struct fs *fs, struct record_writer *out)
{
	struct walk walk = { .tree = fs->tree, .nr_left = tree_nr_inodes(fs->tree) };
	int err;

	write_limits(fs, out);
	err = write_counts(fs, out);
	if (err)
		return err;
	err = tree_snapshot_write(fs->tree, TREE_SNAPSHOT_ALL, out);
	if (!err)
		err = data_snapshot_write(fs->config.volume, next_file, &walk, out);
	return err ? err : record_writer_finish(out);
}

int fs_save(struct fs *fs, int fd)
{
	struct record_writer *out;
	int err = record_writer_new(KIND, VERSION, record_write_fd, &fd, &out);

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

/* A remount may have changed them since the start. */
static int read_limits(struct fs *fs, struct record_reader *in)
{
	struct fs_limits limits = { .which = 0 };
	uint16_t type;
	int err = record_next(in, &type);

	if (!err && type != RECORD_LIMITS)
		err = -EPROTO;
	if (err)
		return err;
	limits.data.size_bytes = record_get_u64(in);
	limits.data.reserve_bytes = record_get_u64(in);
	limits.data.reserve_ppm = record_get_u32(in);
	limits.max_inodes = record_get_u64(in);
	limits.max_user_inodes = record_get_u64(in);
	err = record_get_error(in);
	if (err)
		return err;
	fs->limits = limits;
	data_volume_adopt_limits(fs->config.volume, &limits.data);
	return 0;
}

static int read_counts(struct fs *fs, struct record_reader *in)
{
	const size_t bytes = ACCOUNT_NR_KINDS * sizeof(struct account_kind);
	struct account_kind *kinds;
	const void *counts;
	uint16_t type;
	int err = record_next(in, &type);

	if (err)
		return err;
	counts = type == RECORD_COUNTS ? record_get_bytes(in, bytes) : NULL;
	if (!counts)
		return -EPROTO;
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
	struct tree *tree;
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
	tree_free(fs->tree);
	fs->tree = tree;
	err = data_snapshot_read(fs->config.volume, in, add_file, fs);
	if (!err)
		err = record_next(in, &type);
	if (!err && type != RECORD_END)
		err = -EPROTO;
	return err;
}

int fs_load(struct fs *fs, int fd)
{
	struct record_reader *in;
	int err = record_reader_new(KIND, VERSION, record_read_fd, &fd, &in);

	if (err)
		return err;
	err = read_all(fs, in);
	record_reader_free(in);
	return err;
}
