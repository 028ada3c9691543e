/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/commit.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "data/replica.h"
#include "fuse/internal.h"
#include "journal/journal.h"
#include "replica/stream.h"
#include "tree/change.h"
#include "tree/snapshot.h"

#define ITEM_BYTES(bytes) (sizeof(struct replica_item) + (((bytes) + 7) & ~(size_t)7))
#define OUTCOME_BYTES     ITEM_BYTES(sizeof(struct replica_outcome))
/* A change without strings is shorter. */
#define REFERENCE_BYTES 128

/* Of a stream, in one record. */
#define PART_BYTES ((size_t)64 << 10)

/* What a thread has changed and not written yet. */
struct group {
	struct data_file *freed[FS_MAX_FORGETS_LOCKED];
	size_t nr_freed;
	size_t bytes; /* of items */
	_Alignas(8) char items[JOURNAL_RECORD_MAX];
};

/* The group that this thread used last, and whose it is; the owner may be gone. */
static __thread struct {
	uint64_t id; /* of fs->groups */
	struct group *group;
} mine;

void commit_init(struct fs *fs)
{
	thread_blocks_init(&fs->groups, sizeof(struct group));
}

void commit_fini(struct fs *fs)
{
	thread_blocks_fini(&fs->groups);
}

/* ---- the record of a thread ---- */

/* Return: NULL: there is no memory, and the journal is closed. */
static struct group *my_group(struct fs *fs)
{
	if (mine.id == fs->groups.id)
		return mine.group;
	mine.id = fs->groups.id;
	mine.group = thread_blocks_add(&fs->groups);
	if (!mine.group && journal_close(fs->journal))
		log_err("not enough memory to tell the standby what changes: if this process dies, "
			"the volume is lost");
	return mine.group;
}

static struct replica_item *end_of(struct group *group)
{
	return (struct replica_item *)(group->items + group->bytes);
}

/* For the bytes of an item that is not an outcome. */
static size_t room_in(const struct group *group)
{
	return sizeof(group->items) - OUTCOME_BYTES - ITEM_BYTES(0) - group->bytes;
}

static void end_item(struct group *group, enum replica_item_kind kind, size_t bytes)
{
	*end_of(group) = (struct replica_item){ .kind = kind, .bytes = (uint32_t)bytes };
	group->bytes += ITEM_BYTES(bytes);
}

static void add_item(struct group *group, enum replica_item_kind kind, const void *data,
		     size_t bytes)
{
	memcpy(end_of(group) + 1, data, bytes);
	end_item(group, kind, bytes);
}

static void write_record(struct fs *fs, struct group *group)
{
	struct journal_entry entry;

	journal_begin(fs->journal, group->bytes, &entry);
	if (entry.data)
		memcpy(entry.data, group->items, group->bytes);
	journal_commit(fs->journal, &entry);
	group->bytes = 0;
}

void commit_now(struct fs *fs)
{
	struct group *group = mine.id == fs->groups.id ? mine.group : NULL;

	if (!group)
		return;
	if (group->bytes)
		write_record(fs, group);
	while (group->nr_freed)
		data_file_free(group->freed[--group->nr_freed]);
}

/* ---- what belongs to it ---- */

void commit_tree_change(void *arg, const struct tree_change *change)
{
	struct fs *fs = arg;
	struct group *group = fs->journal ? my_group(fs) : NULL;

	if (!group)
		return;
	assert(room_in(group) >= TREE_CHANGE_MAX_BYTES ||
	       room_in(group) >= tree_change_bytes(change));
	end_item(group, REPLICA_ITEM_TREE, tree_change_encode(change, end_of(group) + 1));
}

void commit_file(struct fs *fs, uint64_t ino, const struct data_file *file)
{
	struct group *group = fs->journal ? my_group(fs) : NULL;
	const struct replica_file item = { .ino = ino, .number = data_file_number(file) };

	if (group)
		add_item(group, REPLICA_ITEM_FILE, &item, sizeof(item));
}

void commit_outcome(struct fs *fs, enum replica_outcome_kind kind, int err, uint64_t ino,
		    uint64_t value)
{
	struct group *group = fs->journal ? my_group(fs) : NULL;
	const struct slot *slot = slot_here();
	struct replica_outcome item = { .kind = kind, .error = err, .ino = ino, .value = value };

	if (!group || !group->bytes || !slot)
		return;
	item.unique = slot->unique;
	item.slot = slot->number;
	add_item(group, REPLICA_ITEM_OUTCOME, &item, sizeof(item));
}

bool commit_has_room(struct fs *fs)
{
	const struct group *group = fs->journal ? my_group(fs) : NULL;

	return !group || room_in(group) >= REFERENCE_BYTES;
}

void commit_free(struct fs *fs, struct data_file *file)
{
	struct group *group = fs->journal ? my_group(fs) : NULL;

	if (!group) {
		data_file_free(file);
		return;
	}
	assert(group->nr_freed < FS_MAX_FORGETS_LOCKED);
	group->freed[group->nr_freed++] = file;
}

/* ---- records beside requests ---- */

static struct replica_limits limits_of(const struct fs *fs)
{
	return (struct replica_limits){
		.size_bytes = fs->limits.data.size_bytes,
		.reserve_bytes = fs->limits.data.reserve_bytes,
		.reserve_ppm = fs->limits.data.reserve_ppm,
		.max_inodes = fs->limits.max_inodes,
		.max_user_inodes = fs->limits.max_user_inodes,
	};
}

void commit_limits(struct fs *fs)
{
	struct group *group = fs->journal ? my_group(fs) : NULL;
	const struct replica_limits limits = limits_of(fs);

	if (!group)
		return;
	add_item(group, REPLICA_ITEM_LIMITS, &limits, sizeof(limits));
	commit_now(fs);
}

static int write_part(void *arg, const void *data, size_t bytes)
{
	struct fs *fs = arg;
	struct group *group = my_group(fs);

	for (size_t at = 0, nr; group && at < bytes; at += nr) {
		nr = bytes - at < PART_BYTES ? bytes - at : PART_BYTES;
		add_item(group, REPLICA_ITEM_STREAM, (const char *)data + at, nr);
		commit_now(fs);
	}
	return 0;
}

/* An empty part. */
static void end_parts(struct fs *fs)
{
	struct group *group = my_group(fs);

	if (!group)
		return;
	end_item(group, REPLICA_ITEM_STREAM, 0);
	commit_now(fs);
}

int commit_tree(struct fs *fs)
{
	struct record_writer *out;
	int err;

	if (!fs->journal)
		return 0;
	err = record_writer_new(REPLICA_TREE_KIND, REPLICA_TREE_VERSION, write_part, fs, &out);
	if (err)
		return err;
	err = tree_snapshot_write(fs->tree, TREE_SNAPSHOT_ALL, out);
	if (!err)
		err = record_writer_finish(out);
	record_writer_free(out);
	if (!err)
		end_parts(fs);
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

/* Not through a group: threads of the data layer keep no memory for it, and write at once. */
static void write_data_change(void *journal, const struct data_change *change)
{
	const size_t bytes = data_change_bytes(change);
	struct journal_entry entry;
	struct replica_item *item;

	journal_begin(journal, ITEM_BYTES(bytes), &entry);
	item = entry.data;
	if (!item)
		return;
	*item = (struct replica_item){ .kind = REPLICA_ITEM_DATA, .bytes = (uint32_t)bytes };
	memcpy(item + 1, change, bytes);
	journal_commit(journal, &entry);
}

static void write_start(struct fs *fs)
{
	const struct replica_start start = start_of(fs);
	struct group *group = my_group(fs);

	if (!group)
		return;
	add_item(group, REPLICA_ITEM_START, &start, sizeof(start));
	commit_limits(fs);
}

void fs_start_journal(struct fs *fs, bool is_empty)
{
	fs->journal = fs->config.journal;
	data_volume_set_changed(fs->config.volume, write_data_change, fs->journal);
	if (is_empty)
		write_start(fs);
}
