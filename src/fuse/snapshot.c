/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a file system in a stream of records: the tree, then the data of its files. */
#include <errno.h>

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "data/snapshot.h"
#include "fuse/internal.h"
#include "tree/snapshot.h"

#define KIND    "takeover"
#define VERSION 1

/* ---- save ---- */

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
	int err = tree_snapshot_write(fs->tree, TREE_SNAPSHOT_ALL, out);

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

static int read_all(struct fs *fs, struct record_reader *in)
{
	const struct tree_config config = fs_tree_config(fs);
	struct tree *tree;
	uint16_t type;
	int err = tree_snapshot_read(&config, in, &tree);

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
