/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving a volume to a stream, and loading it.
 *
 * The stream has the records of tree/snapshot.h and of data/contents.h, with SAVE before them.
 */
#include "fuse/save.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/contents.h"
#include "data/freeze.h"
#include "fuse/core.h"
#include "tree/snapshot.h"

#define KIND    "save"
#define VERSION 1

#define RECORD_SAVE 0x380

/* ---- the files of a volume ---- */

struct saved_file {
	uint64_t ino;
	struct data_file *file; /* with a reference */
};

struct saved_files {
	struct saved_file *files;
	size_t nr, max;
};

static int add_file(struct saved_files *files, const struct tree_inode *inode)
{
	size_t max = files->max ? files->max * 2 : 64;
	struct saved_file *grown;

	if (files->nr == files->max) {
		grown = reallocarray(files->files, max, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		files->files = grown;
		files->max = max;
	}
	data_file_get(tree_payload(inode));
	files->files[files->nr++] = (struct saved_file){ tree_ino(inode), tree_payload(inode) };
	return 0;
}

/* Lock: tree, for writing. */
static int add_files_locked(struct fs *fs, struct saved_files *files)
{
	const struct tree_inode *inode;
	int err = 0;

	for (uint64_t ino = TREE_ROOT_INO; !err && ino < tree_end_of_numbers(fs->tree); ino++) {
		inode = tree_get(fs->tree, ino);
		if (inode && tree_payload(inode) && tree_snapshot_has(inode, TREE_SNAPSHOT_NAMED))
			err = add_file(files, inode);
	}
	return err;
}

static void put_files(struct saved_files *files)
{
	for (size_t i = 0; i < files->nr; i++)
		data_file_put(files->files[i].file);
	free(files->files);
	*files = (struct saved_files){ .files = NULL };
}

/* ---- saving ---- */

struct save {
	struct fs *fs;
	const struct fs_save_config *config;
	struct record_writer *out;
	struct saved_files files;
	/* Holds the output while the tree is locked, because the reader may be slow. */
	char *held;
	size_t nr_held, max_held;
	bool holding;
	struct fs_save_progress progress;
};

static int hold(struct save *save, const void *data, size_t bytes)
{
	size_t max = save->max_held ? save->max_held : 1u << 20;
	char *grown;

	while (max < save->nr_held + bytes)
		max *= 2;
	if (max > save->max_held) {
		grown = realloc(save->held, max);
		if (!grown)
			return -ENOMEM;
		save->held = grown;
		save->max_held = max;
	}
	memcpy(save->held + save->nr_held, data, bytes);
	save->nr_held += bytes;
	return 0;
}

static int write_out(void *arg, const void *data, size_t bytes)
{
	struct save *save = arg;

	return save->holding ? hold(save, data, bytes)
			     : save->config->write(save->config->arg, data, bytes);
}

static int write_held(struct save *save)
{
	int err = save->config->write(save->config->arg, save->held, save->nr_held);

	free(save->held);
	save->held = NULL;
	save->holding = false;
	return err;
}

/* Changes that began before the volume froze may still run. */
static int await_files(struct save *save)
{
	int err;

	fs_write_lock(save->fs);
	err = add_files_locked(save->fs, &save->files);
	fs_unlock(save->fs);
	for (size_t i = 0; !err && i < save->files.nr; i++)
		data_file_await(save->files.files[i].file);
	put_files(&save->files);
	return err;
}

static uint64_t nr_data_bytes(const struct saved_files *files)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < files->nr; i++)
		nr += data_file_allocated_bytes(files->files[i].file);
	return nr;
}

/* What data_contents_write() takes may be less: reserved space is empty. */
static void put_save(struct save *save)
{
	record_begin(save->out, RECORD_SAVE, RECORD_OPTIONAL);
	record_put_u64(save->out, tree_nr_inodes(save->fs->tree));
	record_put_u64(save->out, save->progress.bytes_in_all);
	record_end(save->out);
}

static int save_tree(struct save *save)
{
	int err;

	save->holding = true;
	fs_write_lock(save->fs);
	err = add_files_locked(save->fs, &save->files);
	save->progress.bytes_in_all = nr_data_bytes(&save->files);
	put_save(save);
	if (!err)
		err = tree_snapshot_write(save->fs->tree, TREE_SNAPSHOT_NAMED, save->out);
	fs_unlock(save->fs);
	return err ? err : write_held(save);
}

static int save_file(struct save *save, const struct saved_file *saved)
{
	int err;

	if (!save->config->freeze)
		data_file_freeze(saved->file);
	err = data_contents_write(saved->file, saved->ino, save->out);
	if (!save->config->freeze)
		data_file_thaw(saved->file);
	if (err && !record_writer_error(save->out))
		save->progress.failed_ino = saved->ino;
	save->progress.bytes_done += data_file_allocated_bytes(saved->file);
	return err;
}

static int save_files(struct save *save)
{
	int err = 0;

	for (size_t i = 0; !err && i < save->files.nr; i++)
		err = save_file(save, &save->files.files[i]);
	if (!err)
		err = data_contents_end(save->out);
	return err ? err : record_writer_finish(save->out);
}

static int save_all(struct save *save)
{
	int err = save->config->freeze ? await_files(save) : 0;

	if (!err)
		err = save_tree(save);
	return err ? err : save_files(save);
}

int fs_save_volume(struct fs *fs, const struct fs_save_config *config,
		   struct fs_save_progress *ret_result)
{
	struct save save = { .fs = fs, .config = config };
	int err;

	*ret_result = save.progress;
	if (fs->config.physical)
		return -EOPNOTSUPP;
	err = record_writer_new(KIND, VERSION, write_out, &save, &save.out);
	if (err)
		return err;
	if (config->freeze)
		data_volume_freeze(fs->config.volume);
	err = save_all(&save);
	if (config->freeze)
		data_volume_thaw(fs->config.volume);
	put_files(&save.files);
	free(save.held);
	record_writer_free(save.out);
	*ret_result = save.progress;
	return err;
}

/* ---- loading ---- */

static int find_file(void *arg, uint64_t id, struct data_file **ret_file)
{
	struct fs *fs = arg;
	struct tree_inode *inode = tree_get(fs->tree, id);

	if (!inode || !S_ISREG(tree_mode(inode)) || tree_payload(inode))
		return -EPROTO;
	*ret_file = data_file_new(fs->config.volume);
	if (!*ret_file)
		return -ENOMEM;
	tree_set_payload(fs->tree, inode, *ret_file);
	commit_file(&fs->commit, id, *ret_file);
	commit_now(&fs->commit);
	return 0;
}

static int load(struct fs *fs, struct record_reader *in)
{
	const struct tree_config config = fs_tree_config(fs);
	struct tree *tree;
	uint16_t type;
	int err = tree_snapshot_read(&config, in, &tree);

	if (err)
		return err;
	tree_free(fs->tree);
	fs->tree = tree;
	err = commit_tree(&fs->commit, fs->tree);
	if (!err)
		err = data_contents_read(in, find_file, fs);
	if (!err)
		err = record_next(in, &type);
	return !err && type != RECORD_END ? -EPROTO : err;
}

int fs_load_volume(struct fs *fs, record_read_fn *read, void *arg)
{
	struct record_reader *in;
	int err = record_reader_new(KIND, VERSION, read, arg, &in);

	if (err)
		return err;
	err = load(fs, in);
	record_reader_free(in);
	return err;
}
