/* SPDX-License-Identifier: Apache-2.0 */
/* Applies the changes of a volume to its replica. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/replica_internal.h"

/* A change, and what it names. */
struct replay {
	struct data_replica *replica;
	const struct data_change *change;
	struct data_replica_file *file;
};

/* ---- files ---- */

static int replay_file(const struct replay *r)
{
	if (r->change->size > DATA_MAX_FILE_BYTES)
		return -EPROTO;
	r->file->size = r->change->size;
	r->file->eof_needs_zeroing = r->change->flag;
	return 0;
}

static int replay_vlun(const struct replay *r)
{
	const struct data_change *c = r->change;

	if (c->lun >= r->replica->geometry.nr_luns || c->home >= r->replica->geometry.nr_luns)
		return -EPROTO;
	r->file->home = c->home;
	r->file->vluns[c->lun] = (struct replica_vlun){
		.is_open = c->flag,
		.handle = c->handle,
		.nr = c->nr,
	};
	return 0;
}

/* ---- chunks ---- */

static struct data_chunk *chunk_new(const struct replay *r)
{
	struct data_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->index = r->change->first;
	chunk->slot = r->change->slot;
	chunk->lun = r->change->lun;
	chunk->striped = r->change->flag;
	if (written_map_init(&chunk->written, r->replica->geometry.chunk_blocks) == 0)
		return chunk;
	free(chunk);
	return NULL;
}

static int replay_chunk(const struct replay *r)
{
	struct data_chunk *chunk;
	int err;

	if (r->change->lun >= r->replica->geometry.nr_luns)
		return -EPROTO;
	chunk = chunk_new(r);
	if (!chunk)
		return -ENOMEM;
	err = replica_add_chunk(r->file, chunk);
	if (err)
		data_chunk_free(chunk);
	return err;
}

static int replay_chunks_gone(const struct replay *r)
{
	replica_remove_chunks(r->file, r->change->first, r->change->last);
	return 0;
}

/* Return: NULL: there is no such chunk, or it has no such blocks. */
static struct data_chunk *find_part(const struct replay *r)
{
	const struct data_change *c = r->change;
	uint32_t at = data_chunks_find(r->file->chunks, r->file->nr_chunks, c->first);

	if (at == r->file->nr_chunks || r->file->chunks[at]->index != c->first ||
	    c->from >= c->to || c->to > r->replica->geometry.chunk_blocks)
		return NULL;
	return r->file->chunks[at];
}

static int replay_set(const struct replay *r)
{
	struct data_chunk *chunk = find_part(r);
	int err = chunk ? data_chunk_prepare_set(chunk, r->change->from, r->change->to) : -EPROTO;

	if (!err)
		data_chunk_set(chunk, r->change->from, r->change->to);
	return err;
}

static int replay_clear(const struct replay *r)
{
	struct data_chunk *chunk = find_part(r);
	int err = chunk ? data_chunk_prepare_clear(chunk, r->change->from, r->change->to) : -EPROTO;

	if (!err)
		data_chunk_clear(chunk, r->change->from, r->change->to);
	return err;
}

static int replay_reserve(const struct replay *r)
{
	struct data_chunk *chunk = find_part(r);

	return chunk ? data_chunk_reserve(chunk, r->change->from, r->change->to) : -EPROTO;
}

/* ---- segments ---- */

/* Sorted, within the range, and in segments that exist. */
static bool are_extents(const struct replay *r)
{
	const struct data_change *c = r->change;
	uint64_t end = c->first;

	for (uint32_t i = 0; i < c->nr_extents; i++) {
		const struct data_change_extent *extent = &c->extents[i];

		if (extent->block < end || extent->nr_blocks == 0 ||
		    extent->block > UINT64_MAX - extent->nr_blocks ||
		    !replica_segment(r->replica, extent->segment))
			return false;
		end = extent->block + extent->nr_blocks;
	}
	return end <= c->last && c->first < c->last;
}

static int replay_extents(const struct replay *r)
{
	const struct data_change *c = r->change;

	return are_extents(r) ? replica_replace_extents(r->file, c->first, c->last, c->extents,
							c->nr_extents)
			      : -EPROTO;
}

static int replay_segment(const struct replay *r)
{
	const struct data_change *c = r->change;
	const struct replica_segment new = {
		.number = c->number, .lun = c->lun, .handle = c->handle, .nr_chunks = c->nr
	};
	struct replica_segment *segment = replica_segment(r->replica, c->number);

	if (c->lun >= r->replica->geometry.nr_luns)
		return -EPROTO;
	if (!segment)
		return replica_segment_add(r->replica, &new);
	*segment = new;
	return 0;
}

static int replay_segment_gone(const struct replay *r)
{
	struct data_replica *replica = r->replica;
	struct replica_segment *segment = replica_segment(replica, r->change->number);
	uint32_t at;

	if (!segment)
		return -EPROTO;
	at = (uint32_t)(segment - replica->segments);
	replica->nr_segments--;
	memmove(segment, segment + 1, (replica->nr_segments - at) * sizeof(*segment));
	return 0;
}

/* ---- vLUNs that become segments ---- */

/* @segments: by LUN, with their numbers; 0: the file has no vLUN there. */
static int replay_vluns_shared(const struct replay *r, struct segment segments[])
{
	uint64_t number = r->change->first;

	for (unsigned lun = 0; lun < r->replica->geometry.nr_luns; lun++) {
		struct replica_vlun *vlun = &r->file->vluns[lun];
		struct data_change change = { .number = number,
					      .lun = (uint8_t)lun,
					      .handle = vlun->handle,
					      .nr = vlun->nr };
		int err;

		if (!vlun->is_open)
			continue;
		err = replay_segment(&(struct replay){ r->replica, &change, NULL });
		if (err)
			return err;
		segments[lun].number = number++;
		*vlun = (struct replica_vlun){ .is_open = false };
	}
	return 0;
}

static int add_runs(const struct replay *r, const struct mapping_runs *runs)
{
	int err = 0;

	for (size_t i = 0; i < runs->nr && !err; i++) {
		const struct extent *run = &runs->at[i];
		const struct data_change_extent extent = { .block = run->block,
							   .segment = run->segment->number,
							   .start = run->start,
							   .nr_blocks = run->nr_blocks,
							   .written =
								   run->state == EXTENT_WRITTEN };

		if (extent.segment == 0)
			return -EPROTO;
		err = replica_replace_extents(r->file, run->block, extent_end(run), &extent, 1);
	}
	return err;
}

static int replay_shared(const struct replay *r)
{
	const struct stripes stripes = replica_stripes(r->replica);
	const struct mapping map = { .chunks = r->file->chunks,
				     .nr_chunks = r->file->nr_chunks,
				     .stripes = &stripes };
	struct segment segments[SUPERPIPE_MAX_LUNS] = { 0 }, *by_lun[SUPERPIPE_MAX_LUNS];
	struct mapping_runs runs = { .nr = 0 };
	int err = replay_vluns_shared(r, segments);

	for (unsigned lun = 0; lun < SUPERPIPE_MAX_LUNS; lun++)
		by_lun[lun] = &segments[lun];
	if (!err && !mapping_get_runs(&map, by_lun, &runs))
		err = -ENOMEM;
	if (!err)
		err = add_runs(r, &runs);
	free(runs.at);
	replica_remove_chunks(r->file, 0, UINT64_MAX);
	return err;
}

/* ---- all ---- */

static int replay_file_new(const struct replay *r)
{
	return replica_file_new(r->replica, r->change->number);
}

static int replay_file_gone(const struct replay *r)
{
	replica_file_gone(r->replica, r->change->number);
	return 0;
}

static const struct {
	int (*replay)(const struct replay *r);
	bool of_file; /* that exists */
} kinds[DATA_NR_CHANGES] = {
	[DATA_CHANGE_FILE_NEW] = { replay_file_new, false },
	[DATA_CHANGE_FILE] = { replay_file, true },
	[DATA_CHANGE_FILE_GONE] = { replay_file_gone, false },
	[DATA_CHANGE_VLUN] = { replay_vlun, true },
	[DATA_CHANGE_CHUNK] = { replay_chunk, true },
	[DATA_CHANGE_CHUNKS_GONE] = { replay_chunks_gone, true },
	[DATA_CHANGE_SET] = { replay_set, true },
	[DATA_CHANGE_CLEAR] = { replay_clear, true },
	[DATA_CHANGE_RESERVE] = { replay_reserve, true },
	[DATA_CHANGE_EXTENTS] = { replay_extents, true },
	[DATA_CHANGE_SEGMENT] = { replay_segment, false },
	[DATA_CHANGE_SEGMENT_GONE] = { replay_segment_gone, false },
	[DATA_CHANGE_SHARED] = { replay_shared, true },
};

static int check(const struct data_change *change, size_t bytes)
{
	if (bytes < sizeof(*change))
		return -EPROTO;
	if (change->version != DATA_CHANGE_VERSION)
		return -EPROTONOSUPPORT;
	if (change->kind >= DATA_NR_CHANGES || !kinds[change->kind].replay ||
	    change->nr_extents > DATA_CHANGE_MAX_EXTENTS || bytes != data_change_bytes(change))
		return -EPROTO;
	return 0;
}

int data_replay(struct data_replica *replica, const void *change, size_t bytes)
{
	struct replay r = { .replica = replica, .change = change };
	int err = check(change, bytes);

	if (err)
		return err;
	r.file = data_replica_file(replica, r.change->number);
	if (kinds[r.change->kind].of_file && !r.file)
		return 0;
	return kinds[r.change->kind].replay(&r);
}
