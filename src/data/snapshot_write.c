/* SPDX-License-Identifier: Apache-2.0 */
#include "data/snapshot.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "data/file.h"
#include "data/snapshot_internal.h"
#include "superpipe/clone.h"

#define BATCH_BYTES 65536u

static void put_vlun(struct record_writer *out, const struct superpipe_vlun *vlun)
{
	struct superpipe_vlun_source source;

	superpipe_vlun_export(vlun, &source);
	record_put_u32(out, source.lun);
	record_put_u32(out, source.res_hndl);
	record_put_u64(out, source.nr_chunks);
}

static void put_volume(const struct data_volume *vol, struct record_writer *out)
{
	record_begin(out, DATA_RECORD_VOLUME, 0);
	record_put_u32(out, vol->alloc.luns.chunk_blocks);
	record_put_u32(out, vol->alloc.luns.nr_luns);
	record_put_u32(out, vol->stripes.stripe_blocks);
	record_end(out);
}

/* ---- segments ---- */

struct segment_walk {
	struct record_writer *out;
	uint32_t nr;
};

/* Numbers the segments, so that extents can name them. */
static void put_segment(void *arg, struct segment *segment)
{
	struct segment_walk *walk = arg;

	segment->index = walk->nr++;
	record_begin(walk->out, DATA_RECORD_SEGMENT, 0);
	put_vlun(walk->out, segment->vlun);
	record_end(walk->out);
}

/* ---- files ---- */

static void put_vluns(const struct data_file *file, struct record_writer *out)
{
	for (unsigned lun = 0; lun < file_volume(file)->alloc.luns.nr_luns; lun++) {
		const struct slots *slots = file_slots_on(&file->space.slots, lun);

		if (!slots || !slots->vlun)
			continue;
		record_begin(out, DATA_RECORD_VLUN, 0);
		put_vlun(out, slots->vlun);
		record_put_u32(out, slots->nr);
		record_end(out);
	}
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

static void put_chunks(const struct data_file *file, struct record_writer *out)
{
	struct mapping_chunk chunk;

	for (uint32_t at = 0; mapping_chunk_at(&file->map, at, &chunk); at++) {
		record_begin(out, DATA_RECORD_CHUNK, 0);
		record_put_u64(out, chunk.index);
		record_put_u32(out, chunk.lun);
		record_put_u32(out, chunk.slot);
		record_put_u8(out, chunk.striped);
		put_runs(out, chunk.written);
		put_runs(out, chunk.allocated);
		record_end(out);
	}
}

static void put_extent(struct record_writer *out, const struct extent *extent)
{
	record_put_u64(out, extent->block);
	record_put_u32(out, extent->segment->index);
	record_put_u32(out, extent->start);
	record_put_u32(out, extent->nr_blocks);
	record_put_u8(out, extent->state == EXTENT_WRITTEN);
}

/* A write that failed may have left extents that hold nothing. */
static void put_extents(const struct data_file *file, struct record_writer *out)
{
	const struct extent_map *map = &file->space.extents;

	for (uint32_t at = 0; at < map->nr;) {
		record_begin(out, DATA_RECORD_EXTENTS, 0);
		for (; at < map->nr && record_bytes(out) < BATCH_BYTES; at++)
			if (extent_map_get(map, at)->state != EXTENT_TAKEN)
				put_extent(out, extent_map_get(map, at));
		record_end(out);
	}
}

static int put_file(struct data_file *file, uint64_t id, struct record_writer *out)
{
	if (file->space.is_plun)
		return -EOPNOTSUPP;
	file_lock(file);
	record_begin(out, DATA_RECORD_FILE, 0);
	record_put_u64(out, id);
	record_put_u64(out, file_size_locked(file));
	record_put_u32(out, file->eof_needs_zeroing ? DATA_RECORD_EOF_NEEDS_ZEROING : 0);
	record_put_u32(out, file->space.slots.home);
	record_end(out);
	put_vluns(file, out);
	put_chunks(file, out);
	put_extents(file, out);
	file_unlock(file);
	return record_writer_error(out);
}

int data_snapshot_write(struct data_volume *vol, data_snapshot_next_fn *next, void *arg,
			struct record_writer *out)
{
	struct segment_walk walk = { .out = out };
	struct data_file *file;
	uint64_t id;
	int err = 0;

	put_volume(vol, out);
	segments_for_each(&vol->alloc.segments.pool, put_segment, &walk);
	while (!err && next(arg, &id, &file))
		err = put_file(file, id, out);
	if (err)
		return err;
	record_begin(out, DATA_RECORD_END, 0);
	record_end(out);
	return record_writer_error(out);
}
