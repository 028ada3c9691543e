/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and frees a file system, and says what is in it. */
#include "fuse/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "data/replica.h"
#include "fuse/inode.h"
#include "fuse/io.h"
#include "fuse/limits.h"
#include "journal/journal.h"

static void payload_free(void *arg, void *payload)
{
	commit_free(arg, payload);
}

static void payload_orphaned(void *arg, void *payload, bool orphan)
{
	(void)arg;
	data_file_set_orphan(payload, orphan);
}

struct tree_config fs_tree_config(struct fs *fs)
{
	struct tree_config config = {
		.root_uid = fs->config.root_uid,
		.root_gid = fs->config.root_gid,
		.root_mode = fs->config.root_mode,
		.max_inodes = fs_max_inodes(fs, &fs->limits),
		.max_user_inodes = fs->limits.max_user_inodes,
		.now = fs_now(),
		.payload_free = payload_free,
		.payload_orphaned = payload_orphaned,
		.payload_arg = &fs->commit,
		.changed = fs->config.journal ? commit_tree_change : NULL,
		.changed_arg = &fs->commit,
	};

	return config;
}

static int tree_start(struct fs *fs)
{
	struct tree_config config = fs_tree_config(fs);

	if (getrandom(&config.hash_seed, sizeof(config.hash_seed), 0) !=
	    (ssize_t)sizeof(config.hash_seed))
		return -EIO;
	fs->seed = config.hash_seed;
	return tree_new(&config, &fs->tree);
}

static void locks_init(struct fs *fs)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* A stream of look-ups must not block a writer forever. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&fs->tree_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	for (int i = 0; i < FS_NR_ATTR_LOCKS; i++)
		pthread_mutex_init(&fs->attr_locks[i].mutex, NULL);
	pthread_mutex_init(&fs->notify_lock, NULL);
	pthread_mutex_init(&fs->limits_lock, NULL);
	pthread_mutex_init(&fs->quiesce_lock, NULL);
	pthread_cond_init(&fs->quiesced, NULL);
}

static void locks_fini(struct fs *fs)
{
	pthread_cond_destroy(&fs->quiesced);
	pthread_mutex_destroy(&fs->quiesce_lock);
	pthread_mutex_destroy(&fs->limits_lock);
	pthread_mutex_destroy(&fs->notify_lock);
	for (int i = 0; i < FS_NR_ATTR_LOCKS; i++)
		pthread_mutex_destroy(&fs->attr_locks[i].mutex);
	pthread_rwlock_destroy(&fs->tree_lock);
}

int fs_new(const struct fs_config *config, struct fs **ret_fs)
{
	struct fs *fs = aligned_alloc(_Alignof(struct fs), sizeof(*fs));
	int err;

	if (!fs)
		return -ENOMEM;
	*fs = (struct fs){ .config = *config, .atime = config->atime, .limits = config->limits };
	locks_init(fs);
	commit_init(&fs->commit);
	fs->config.transport.volume = config->volume;
	err = transport_new(&fs->config.transport, &fs->transport);
	if (!err)
		err = fs_io_pool_new(&fs->pool);
	if (!err)
		err = fs_blocking_new(&fs->blocking);
	if (!err)
		err = tree_start(fs);
	if (!err && !config->physical)
		err = data_volume_set_limits(config->volume, &config->limits.data);
	if (err) {
		fs_free(fs);
		return err;
	}
	*ret_fs = fs;
	return 0;
}

static int add_whole_lun(struct fs *fs, unsigned lun)
{
	const struct tree_caller caller = { .uid = fs->config.root_uid,
					    .gid = fs->config.root_gid,
					    .now = fs_now() };
	struct data_file *file;
	struct tree_inode *inode;
	char name[16];
	int err;

	err = data_file_new_whole_lun(fs->config.volume, lun, &file);
	if (err)
		return err;
	snprintf(name, sizeof(name), "lun%u", lun);
	err = tree_mknod(fs->tree, tree_get(fs->tree, TREE_ROOT_INO), name, S_IFREG | 0600, 0,
			 &caller, &inode);
	if (err)
		data_file_free(file);
	else
		tree_set_payload(fs->tree, inode, file);
	return err;
}

void fs_set_atime(struct fs *fs, enum tree_atime atime)
{
	if (atime == TREE_ATIME_STRICT && fs->config.atime != TREE_ATIME_STRICT)
		atime = TREE_ATIME_RELATIVE;
	fs->atime = atime;
}

enum tree_atime fs_atime(const struct fs *fs)
{
	return fs->atime;
}

int fs_add_whole_luns(struct fs *fs, unsigned nr_luns)
{
	int err = 0;

	for (unsigned lun = 0; lun < nr_luns && !err; lun++)
		err = add_whole_lun(fs, lun);
	return err;
}

static struct replica_start start_of(const struct fs *fs)
{
	struct replica_start start = {
		.version = REPLICA_RECORD_VERSION,
		.root_uid = fs->config.root_uid,
		.root_gid = fs->config.root_gid,
		.root_mode = fs->config.root_mode,
		.seed = fs->seed,
	};
	struct tree_attr root;

	tree_getattr(tree_get(fs->tree, TREE_ROOT_INO), &root);
	start.root_seconds = root.btime.tv_sec;
	start.root_nanoseconds = root.btime.tv_nsec;
	data_volume_geometry(fs->config.volume, &start.geometry);
	return start;
}

void fs_start_journal(struct fs *fs, bool is_empty)
{
	struct journal *journal = fs->config.journal;
	const struct replica_limits limits = fs_limits_to_replica(&fs->limits);
	const struct replica_start start = start_of(fs);

	data_volume_set_changed(fs->config.volume, commit_data_change, journal);
	commit_start(&fs->commit, journal, is_empty ? &start : NULL, &limits);
}

void fs_free(struct fs *fs)
{
	if (!fs)
		return;
	/* The end of the process is not a change of the volume, and another may serve it. */
	if (fs->commit.journal)
		journal_stop_writing(fs->commit.journal);
	fs->commit.journal = NULL;
	fs_blocking_free(fs->blocking);
	transport_free(fs->transport);
	tree_free(fs->tree);
	fs_io_pool_free(fs->pool);
	commit_fini(&fs->commit);
	locks_fini(fs);
	free(fs);
}

/* The tree lock keeps the file alive. */
int fs_map_file(struct fs *fs, uint64_t ino, uint64_t offset, struct data_file_map *map)
{
	struct tree_inode *inode = fs_inode_lock(fs, ino);
	struct data_file *file;
	int err = 0;

	if (!inode)
		return -ESTALE;
	if (!S_ISREG(tree_mode(inode)))
		err = S_ISDIR(tree_mode(inode)) ? -EISDIR : -EINVAL;
	file = err ? NULL : tree_payload(inode);
	map->nr_extents = map->nr_vluns = 0;
	map->size = map->allocated_bytes = map->next_offset = 0;
	if (file)
		data_file_get_map(file, offset, map);
	fs_inode_unlock(fs, inode);
	return err;
}

void fs_get_stats(struct fs *fs, struct fs_stats *ret_stats)
{
	fs_read_lock(fs);
	ret_stats->nr_inodes = tree_nr_inodes(fs->tree);
	ret_stats->max_inodes = tree_max_inodes(fs->tree);
	fs_unlock(fs);
	ret_stats->io_uring = transport_uses_uring(fs->transport);
	ret_stats->writeback = fs->config.writeback;
	ret_stats->read_only = fs->read_only;
	ret_stats->followed = fs->commit.journal && !journal_is_closed(fs->commit.journal);
}
