/* SPDX-License-Identifier: Apache-2.0 */
/* Drops from a replica what no file uses. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "data/replica_internal.h"

struct prune {
	struct data_replica *replica;
	uint64_t *gone; /* numbers of files */
	uint32_t nr_gone, max_gone;
	int err;
};

/* ---- groups ---- */

static bool is_whole(const struct data_replica_file *file, uint32_t at,
		     const struct stripe_group *group)
{
	for (unsigned i = 0; i < group->width; i++)
		if (at + i >= file->nr_chunks || file->chunks[at + i]->index != group->first + i ||
		    !file->chunks[at + i]->striped)
			return false;
	return true;
}

/* Chunks of a group are reported one after the other, and hold nothing before all of them are. */
static int drop_part(struct data_replica_file *file, uint32_t at, const struct stripe_group *group)
{
	for (; at < file->nr_chunks && file->chunks[at]->index <= stripe_last_chunk(group); at++)
		if (chunk_nr_allocated(file->chunks[at]))
			return -EPROTO;
	replica_remove_chunks(file, group->first, stripe_last_chunk(group));
	return 0;
}

static int prune_groups(const struct stripes *stripes, struct data_replica_file *file)
{
	uint32_t at = 0;
	int err = 0;

	while (at < file->nr_chunks && !err) {
		struct stripe_group group = stripe_group_of(stripes, file->chunks[at]->index);

		if (!file->chunks[at]->striped)
			at++;
		else if (is_whole(file, at, &group))
			at += group.width;
		else
			err = drop_part(file, at, &group);
	}
	return err;
}

/* ---- segments ---- */

static void mark_segments(const struct data_replica *replica, const struct data_replica_file *file)
{
	for (uint32_t i = 0; i < file->nr_extents; i++) {
		struct replica_segment *segment =
			replica_segment(replica, file->extents[i].segment);

		if (segment)
			segment->is_used = true;
	}
}

static void drop_segments(struct data_replica *replica)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < replica->nr_segments; i++)
		if (replica->segments[i].is_used)
			replica->segments[nr++] = replica->segments[i];
	replica->nr_segments = nr;
	for (uint32_t i = 0; i < nr; i++)
		replica->segments[i].is_used = false;
}

/* ---- files ---- */

/* twalk(3) does not allow that the tree changes. */
static int note_gone(struct prune *prune, uint64_t number)
{
	if (replica_room(&prune->gone, &prune->max_gone, prune->nr_gone + 1, sizeof(number)))
		return -ENOMEM;
	prune->gone[prune->nr_gone++] = number;
	return 0;
}

static void visit(const void *node, VISIT which, void *arg)
{
	struct data_replica_file *file = *(struct data_replica_file *const *)node;
	struct prune *prune = arg;
	const struct stripes stripes = replica_stripes(prune->replica);

	if (prune->err || (which != postorder && which != leaf))
		return;
	if (file->owner == 0) {
		prune->err = note_gone(prune, file->number);
		return;
	}
	prune->err = prune_groups(&stripes, file);
	mark_segments(prune->replica, file);
}

int data_replica_prune(struct data_replica *replica)
{
	struct prune prune = { .replica = replica };

	twalk_r(replica->files, visit, &prune);
	for (uint32_t i = 0; i < prune.nr_gone && !prune.err; i++)
		replica_file_gone(replica, prune.gone[i]);
	free(prune.gone);
	if (!prune.err)
		drop_segments(replica);
	return prune.err;
}
