/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/commit.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "data/data.h"
#include "data/replica.h"
#include "fuse/transport/slot.h"
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
	struct data_file *freed[COMMIT_MAX_FREED];
	size_t nr_freed;
	size_t bytes; /* of items */
	_Alignas(8) char items[JOURNAL_RECORD_MAX];
};

/* The group that this thread used last, and whose it is; the owner may be gone. */
static __thread struct {
	uint64_t id; /* of commit->groups */
	struct group *group;
} mine;

void commit_init(struct commit *commit)
{
	thread_blocks_init(&commit->groups, sizeof(struct group));
}

void commit_fini(struct commit *commit)
{
	thread_blocks_fini(&commit->groups);
}

/* ---- the record of a thread ---- */

/* Return: NULL: nobody follows, or there is no memory, and the journal is closed. */
static struct group *my_group(struct commit *commit)
{
	if (!commit->journal)
		return NULL;
	if (mine.id == commit->groups.id)
		return mine.group;
	mine.id = commit->groups.id;
	mine.group = thread_blocks_add(&commit->groups);
	if (!mine.group && journal_close(commit->journal))
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

static void write_record(struct commit *commit, struct group *group)
{
	struct journal_entry entry;

	journal_begin(commit->journal, group->bytes, &entry);
	if (entry.data)
		memcpy(entry.data, group->items, group->bytes);
	journal_commit(commit->journal, &entry);
	group->bytes = 0;
}

void commit_now(struct commit *commit)
{
	struct group *group = mine.id == commit->groups.id ? mine.group : NULL;

	if (!group)
		return;
	if (group->bytes)
		write_record(commit, group);
	while (group->nr_freed)
		data_file_free(group->freed[--group->nr_freed]);
}

/* ---- what belongs to it ---- */

void commit_tree_change(void *arg, const struct tree_change *change)
{
	struct commit *commit = arg;
	struct group *group = my_group(commit);

	if (!group)
		return;
	assert(room_in(group) >= TREE_CHANGE_MAX_BYTES ||
	       room_in(group) >= tree_change_bytes(change));
	end_item(group, REPLICA_ITEM_TREE, tree_change_encode(change, end_of(group) + 1));
}

void commit_file(struct commit *commit, uint64_t ino, const struct data_file *file)
{
	struct group *group = my_group(commit);
	const struct replica_file item = { .ino = ino, .number = data_file_number(file) };

	if (group)
		add_item(group, REPLICA_ITEM_FILE, &item, sizeof(item));
}

void commit_outcome(struct commit *commit, enum replica_outcome_kind kind, int err, uint64_t ino,
		    uint64_t value)
{
	struct group *group = my_group(commit);
	const struct slot *slot = slot_here();
	struct replica_outcome item = { .kind = kind, .error = err, .ino = ino, .value = value };

	if (!group || !group->bytes || !slot)
		return;
	item.unique = slot->unique;
	item.slot = slot->number;
	add_item(group, REPLICA_ITEM_OUTCOME, &item, sizeof(item));
}

bool commit_has_room(struct commit *commit)
{
	const struct group *group = my_group(commit);

	return !group || room_in(group) >= REFERENCE_BYTES;
}

void commit_free(struct commit *commit, struct data_file *file)
{
	struct group *group = my_group(commit);

	if (!group) {
		data_file_free(file);
		return;
	}
	assert(group->nr_freed < COMMIT_MAX_FREED);
	group->freed[group->nr_freed++] = file;
}

/* ---- records beside requests ---- */

void commit_limits(struct commit *commit, const struct replica_limits *limits)
{
	struct group *group = my_group(commit);

	if (!group)
		return;
	add_item(group, REPLICA_ITEM_LIMITS, limits, sizeof(*limits));
	commit_now(commit);
}

static int write_part(void *arg, const void *data, size_t bytes)
{
	struct commit *commit = arg;
	struct group *group = my_group(commit);

	for (size_t at = 0, nr; group && at < bytes; at += nr) {
		nr = bytes - at < PART_BYTES ? bytes - at : PART_BYTES;
		add_item(group, REPLICA_ITEM_STREAM, (const char *)data + at, nr);
		commit_now(commit);
	}
	return 0;
}

/* An empty part. */
static void end_parts(struct commit *commit)
{
	struct group *group = my_group(commit);

	if (!group)
		return;
	end_item(group, REPLICA_ITEM_STREAM, 0);
	commit_now(commit);
}

int commit_tree(struct commit *commit, const struct tree *tree)
{
	struct record_writer *out;
	int err;

	if (!commit->journal)
		return 0;
	err = record_writer_new(REPLICA_TREE_KIND, REPLICA_TREE_VERSION, write_part, commit, &out);
	if (err)
		return err;
	err = tree_snapshot_write(tree, TREE_SNAPSHOT_ALL, out);
	if (!err)
		err = record_writer_finish(out);
	record_writer_free(out);
	if (!err)
		end_parts(commit);
	return err;
}

void commit_data_change(void *journal, const struct data_change *change)
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

void commit_start(struct commit *commit, struct journal *journal, const struct replica_start *start,
		  const struct replica_limits *limits)
{
	struct group *group;

	commit->journal = journal;
	group = start ? my_group(commit) : NULL;
	if (!group)
		return;
	add_item(group, REPLICA_ITEM_START, start, sizeof(*start));
	commit_limits(commit, limits);
}
