/* SPDX-License-Identifier: Apache-2.0 */
/* Applies the items of a record to the replica. */
#include <errno.h>

#include "replica/replica_internal.h"
#include "tree/change.h"

static int apply_start(struct replica *replica, const void *item, size_t bytes)
{
	const struct replica_start *start = item;
	struct tree_config config = replica_tree_config(replica);
	int err;

	if (replica->tree || bytes != sizeof(*start))
		return -EPROTO;
	if (start->version != REPLICA_RECORD_VERSION)
		return -EPROTONOSUPPORT;
	config.root_uid = start->root_uid;
	config.root_gid = start->root_gid;
	config.root_mode = start->root_mode;
	config.hash_seed = start->seed;
	config.now = (struct timespec){ start->root_seconds, start->root_nanoseconds };
	err = data_replica_new(&start->geometry, &replica->data);
	return err ? err : tree_new(&config, &replica->tree);
}

static int apply_change(struct replica *replica, const struct tree_change *change)
{
	int err;

	/* The replica has no limits; see replica_tree_config(). */
	if (change->kind == TREE_CHANGE_SET_MAX_INODES)
		return 0;
	err = tree_replay(replica->tree, change);
	if (!err && change->kind == TREE_CHANGE_REF)
		err = replica_add_ref(&replica->taken, change->ino, change->count);
	return err;
}

static int apply_tree(struct replica *replica, const void *item, size_t bytes)
{
	const char *at = item;
	struct tree_change change;
	size_t length;
	int err = 0;

	while (bytes > 0 && !err) {
		err = tree_change_decode(at, bytes, &change, &length);
		if (!err)
			err = apply_change(replica, &change);
		if (!err) {
			at += length;
			bytes -= length;
		}
	}
	return err;
}

/* Data may go before the record says what became of their inode. */
static void note_gone(struct replica *replica, const struct data_change *change)
{
	struct data_replica_file *file = data_replica_file(replica->data, change->number);

	if (file)
		replica_take_file(replica, file);
}

static int apply_data(struct replica *replica, const void *item, size_t bytes)
{
	const struct data_change *change = item;

	if (bytes >= sizeof(*change) && change->kind == DATA_CHANGE_FILE_GONE)
		note_gone(replica, change);
	return data_replay(replica->data, item, bytes);
}

/* The data may be gone already. */
static int apply_file(struct replica *replica, const void *item, size_t bytes)
{
	const struct replica_file *file = item;
	struct data_replica_file *data;

	if (bytes != sizeof(*file))
		return -EPROTO;
	data = data_replica_file(replica->data, file->number);
	return data ? replica_give_file(replica, file->ino, data) : 0;
}

static int apply_limits(struct replica *replica, const void *item, size_t bytes)
{
	if (bytes != sizeof(replica->limits))
		return -EPROTO;
	replica->limits = *(const struct replica_limits *)item;
	return 0;
}

static int apply_outcome(struct replica *replica, const void *item, size_t bytes)
{
	return bytes == sizeof(struct replica_outcome) ? replica_set_outcome(replica, item)
						       : -EPROTO;
}

static int apply_item(struct replica *replica, uint32_t kind, const void *item, size_t bytes)
{
	if (!replica->tree && kind != REPLICA_ITEM_START)
		return -EPROTO;
	switch (kind) {
	case REPLICA_ITEM_START:
		return apply_start(replica, item, bytes);
	case REPLICA_ITEM_TREE:
		return apply_tree(replica, item, bytes);
	case REPLICA_ITEM_DATA:
		return apply_data(replica, item, bytes);
	case REPLICA_ITEM_FILE:
		return apply_file(replica, item, bytes);
	case REPLICA_ITEM_LIMITS:
		return apply_limits(replica, item, bytes);
	case REPLICA_ITEM_OUTCOME:
		return apply_outcome(replica, item, bytes);
	case REPLICA_ITEM_STREAM:
		return replica_add_part(replica, item, bytes);
	default:
		return -EPROTO;
	}
}

static int apply_items(struct replica *replica, const char *record, size_t bytes)
{
	int err = 0;

	for (size_t at = 0; at < bytes && !err;) {
		const struct replica_item *item = (const void *)(record + at);
		size_t left = bytes - at, length;

		if (left < sizeof(*item) || left - sizeof(*item) < item->bytes)
			return -EPROTO;
		err = apply_item(replica, item->kind, item + 1, item->bytes);
		length = sizeof(*item) + ((size_t)item->bytes + 7) / 8 * 8;
		/* The last item of a record need not be filled up. */
		at += length < left ? length : left;
	}
	return err;
}

int replica_apply(struct replica *replica, const void *record, size_t bytes)
{
	if (replica->err)
		return replica->err;
	replica->taken.nr = 0;
	replica->err = apply_items(replica, record, bytes);
	return replica->err;
}
