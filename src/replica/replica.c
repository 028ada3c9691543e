/* SPDX-License-Identifier: Apache-2.0 */
/* The replica of a volume, and the outcomes of its requests. */
#include "replica/replica.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "replica/replica_internal.h"

/* ---- the data of inodes ---- */

/* Called when an inode is freed. Its data remain until a record, or replica_save(), drops them.
 * Without data the replica could not be loaded. */
static void forget_owner(void *arg, void *payload)
{
	const struct replica *replica = arg;

	if (replica->data)
		data_replica_set_owner(payload, 0);
}

/* The process that serves keeps the limits; here memory may be charged a little differently. */
struct tree_config replica_tree_config(struct replica *replica)
{
	return (struct tree_config){ .payload_free = forget_owner, .payload_arg = replica };
}

int replica_give_file(struct replica *replica, uint64_t ino, struct data_replica_file *file)
{
	struct tree_inode *inode = tree_get(replica->tree, ino);

	if (!inode || !S_ISREG(tree_mode(inode)) || tree_payload(inode) || data_replica_owner(file))
		return -EPROTO;
	tree_set_payload(replica->tree, inode, file);
	data_replica_set_owner(file, ino);
	return 0;
}

void replica_take_file(struct replica *replica, struct data_replica_file *file)
{
	struct tree_inode *inode = tree_get(replica->tree, data_replica_owner(file));

	if (inode)
		tree_set_payload(replica->tree, inode, NULL);
	data_replica_set_owner(file, 0);
}

/* ---- outcomes ---- */

int replica_add_ref(struct replica_refs *refs, uint64_t ino, uint64_t count)
{
	if (refs->nr == refs->max) {
		size_t max = refs->max ? refs->max * 2 : 16;
		struct replica_ref *at = reallocarray(refs->at, max, sizeof(*at));

		if (!at)
			return -ENOMEM;
		refs->at = at;
		refs->max = max;
	}
	refs->at[refs->nr++] = (struct replica_ref){ ino, count };
	return 0;
}

static int make_slots(struct replica *replica, uint32_t nr)
{
	uint32_t room = replica->nr_slots ? replica->nr_slots : 16;
	struct replica_slot *slots;

	while (room < nr)
		room *= 2;
	slots = reallocarray(replica->slots, room, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + replica->nr_slots, 0, (room - replica->nr_slots) * sizeof(*slots));
	replica->slots = slots;
	replica->nr_slots = room;
	return 0;
}

int replica_set_outcome(struct replica *replica, const struct replica_outcome *outcome)
{
	struct replica_slot *slot;
	int err = 0;

	if (outcome->slot >= REPLICA_MAX_SLOTS || outcome->kind < REPLICA_OUTCOME_ERROR ||
	    outcome->kind > REPLICA_OUTCOME_FORGOTTEN)
		return -EPROTO;
	if (outcome->slot >= replica->nr_slots)
		err = make_slots(replica, outcome->slot + 1);
	if (err)
		return err;
	slot = &replica->slots[outcome->slot];
	slot->outcome = *outcome;
	slot->listed.nr = 0;
	if (outcome->kind != REPLICA_OUTCOME_LISTED)
		return 0;
	for (size_t i = 0; i < replica->taken.nr && !err; i++)
		err = replica_add_ref(&slot->listed, replica->taken.at[i].ino,
				      replica->taken.at[i].count);
	return err;
}

const struct replica_outcome *replica_outcome(const struct replica *replica, uint32_t slot)
{
	if (slot >= replica->nr_slots || replica->slots[slot].outcome.unique == 0)
		return NULL;
	return &replica->slots[slot].outcome;
}

static int undo(struct replica *replica, const struct replica_refs *refs)
{
	for (size_t i = 0; i < refs->nr; i++) {
		struct tree_inode *inode = tree_get(replica->tree, refs->at[i].ino);

		if (!inode)
			return -EPROTO;
		tree_unref(replica->tree, inode, refs->at[i].count);
	}
	return 0;
}

int replica_undo_listed(struct replica *replica, uint32_t number)
{
	const struct replica_outcome *outcome = replica_outcome(replica, number);
	struct replica_slot *slot;

	if (replica->err || !outcome || outcome->kind != REPLICA_OUTCOME_LISTED)
		return replica->err;
	slot = &replica->slots[number];
	slot->outcome = (struct replica_outcome){ .unique = 0 };
	replica->err = undo(replica, &slot->listed);
	return replica->err;
}

/* ---- all ---- */

int replica_new(struct replica **ret_replica)
{
	*ret_replica = calloc(1, sizeof(**ret_replica));
	return *ret_replica ? 0 : -ENOMEM;
}

void replica_free(struct replica *replica)
{
	if (!replica)
		return;
	tree_free(replica->tree);
	data_replica_free(replica->data);
	for (uint32_t i = 0; i < replica->nr_slots; i++)
		free(replica->slots[i].listed.at);
	free(replica->slots);
	free(replica->taken.at);
	free(replica->parts.data);
	free(replica);
}

void replica_get_stats(const struct replica *replica, struct replica_stats *ret_stats)
{
	*ret_stats = (struct replica_stats){ .nr_inodes = 0 };
	if (!replica->tree)
		return;
	ret_stats->nr_inodes = tree_nr_inodes(replica->tree);
	ret_stats->nr_files = data_replica_nr_files(replica->data);
}
