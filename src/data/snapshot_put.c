/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the records of a snapshot, also for a replica. */
#include <endian.h>
#include <string.h>

#include "data/snapshot_internal.h"

/* The approximate size of a record of extents. */
#define BATCH_BYTES 65536u

void data_record_put_volume(struct record_writer *out, const struct data_geometry *geometry)
{
	record_begin(out, DATA_RECORD_VOLUME, 0);
	record_put_u32(out, geometry->chunk_blocks);
	record_put_u32(out, geometry->nr_luns);
	record_put_u32(out, geometry->stripe_blocks);
	record_end(out);
}

static void put_source(struct record_writer *out, const struct superpipe_vlun_source *vlun)
{
	record_put_u32(out, vlun->lun);
	record_put_u32(out, vlun->res_hndl);
	record_put_u64(out, vlun->nr_chunks);
}

void data_record_put_segment(struct record_writer *out, const struct superpipe_vlun_source *vlun,
			     uint64_t number)
{
	record_begin(out, DATA_RECORD_SEGMENT, 0);
	put_source(out, vlun);
	record_put_u64(out, number);
	record_end(out);
}

void data_record_put_file(struct record_writer *out, const struct data_record_file *file)
{
	record_begin(out, DATA_RECORD_FILE, 0);
	record_put_u64(out, file->id);
	record_put_u64(out, file->size);
	record_put_u32(out, file->eof_needs_zeroing ? DATA_RECORD_EOF_NEEDS_ZEROING : 0);
	record_put_u32(out, file->home);
	record_put_u64(out, file->number);
	record_end(out);
}

void data_record_put_vlun(struct record_writer *out, const struct superpipe_vlun_source *vlun,
			  uint32_t nr)
{
	record_begin(out, DATA_RECORD_VLUN, 0);
	put_source(out, vlun);
	record_put_u32(out, nr);
	record_end(out);
}

/* The runs of written blocks of a map, after their number. */
static void put_runs(struct record_writer *out, const struct written_map *map)
{
	void *count = record_put_room(out, sizeof(uint32_t));
	uint32_t nr = 0, from = 0, to;

	for (; map->leaves; from = to) {
		from = written_map_next(map, from, map->nr_blocks, true);
		if (from == map->nr_blocks)
			break;
		to = written_map_next(map, from, map->nr_blocks, false);
		record_put_u32(out, from);
		record_put_u32(out, to);
		nr++;
	}
	nr = htole32(nr);
	memcpy(count, &nr, sizeof(nr));
}

void data_record_put_chunk(struct record_writer *out, const struct data_chunk *chunk)
{
	record_begin(out, DATA_RECORD_CHUNK, 0);
	record_put_u64(out, chunk->index);
	record_put_u32(out, chunk->lun);
	record_put_u32(out, chunk->slot);
	record_put_u8(out, chunk->striped);
	put_runs(out, &chunk->written);
	/* Equal chunks have equal records: a map that reserves nothing is as good as none. */
	if (chunk_nr_allocated(chunk) > chunk->written.nr_written)
		put_runs(out, &chunk->allocated);
	else
		record_put_u32(out, 0);
	record_end(out);
}

/* ---- extents ---- */

static void put_last(struct data_record_extents *extents)
{
	struct record_writer *out = extents->out;
	const struct data_change_extent *last = &extents->last;

	if (last->nr_blocks == 0)
		return;
	if (!extents->is_begun)
		record_begin(out, DATA_RECORD_EXTENTS, 0);
	extents->is_begun = true;
	record_put_u64(out, last->block);
	record_put_u32(out, extents->last_segment);
	record_put_u32(out, last->start);
	record_put_u32(out, last->nr_blocks);
	record_put_u8(out, last->written != 0);
}

static void end_record(struct data_record_extents *extents)
{
	if (extents->is_begun)
		record_end(extents->out);
	extents->is_begun = false;
}

static bool can_join(const struct data_record_extents *extents,
		     const struct data_change_extent *next, uint32_t segment)
{
	const struct data_change_extent *last = &extents->last;

	return last->nr_blocks > 0 && last->block + last->nr_blocks == next->block &&
	       extents->last_segment == segment && last->start + last->nr_blocks == next->start &&
	       (last->written != 0) == (next->written != 0);
}

void data_record_add_extent(struct data_record_extents *extents,
			    const struct data_change_extent *extent, uint32_t segment)
{
	if (can_join(extents, extent, segment)) {
		extents->last.nr_blocks += extent->nr_blocks;
		return;
	}
	put_last(extents);
	if (extents->is_begun && record_bytes(extents->out) >= BATCH_BYTES)
		end_record(extents);
	extents->last = *extent;
	extents->last_segment = segment;
}

void data_record_end_extents(struct data_record_extents *extents)
{
	put_last(extents);
	end_record(extents);
}
