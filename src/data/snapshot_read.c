/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/minmax.h"
#include "data/file.h"
#include "data/mover.h"
#include "data/snapshot.h"
#include "data/snapshot_internal.h"
#include "superpipe/clone.h"

struct build {
	struct data_volume *vol;
	struct record_reader *in;
	data_snapshot_add_fn *add;
	void *arg;
	struct segment **segments; /* by number */
	uint32_t nr_segments, max_segments;
	struct data_file *file; /* of the last FILE; not yet added */
	uint64_t id;
};

static int read_volume(void *arg)
{
	struct build *build = arg;
	const struct lun_table *luns = &build->vol->alloc.luns;
	struct data_geometry geometry;
	int err = data_record_get_volume(build->in, &geometry);

	if (err)
		return err;
	if (geometry.chunk_blocks != luns->chunk_blocks || geometry.nr_luns != luns->nr_luns)
		return -EINVAL;
	data_volume_set_stripe_bytes(build->vol,
				     (uint64_t)geometry.stripe_blocks * DATA_BLOCK_BYTES);
	return 0;
}

/* Return: -EPROTO; as superpipe_vlun_import(). */
static int get_vlun(struct build *build, struct superpipe_vlun_source *ret_source,
		    struct superpipe_vlun **ret_vlun)
{
	int err = data_record_get_vlun(build->in, build->vol->alloc.luns.nr_luns, ret_source);

	return err ? err : superpipe_vlun_import(build->vol->sp, ret_source, ret_vlun);
}

/* ---- segments ---- */

static int room_for_segment(struct build *build)
{
	uint32_t max = build->max_segments ? build->max_segments * 2 : 16;
	struct segment **segments;

	if (build->nr_segments < build->max_segments)
		return 0;
	segments = reallocarray(build->segments, max, sizeof(struct segment *));
	if (!segments)
		return -ENOMEM;
	build->segments = segments;
	build->max_segments = max;
	return 0;
}

/* Streams of older versions have no numbers. */
static uint64_t get_number(struct build *build, uint64_t next)
{
	return record_left(build->in) ? record_get_u64(build->in) : next;
}

static int read_segment(void *arg)
{
	struct build *build = arg;
	struct superpipe_vlun_source source;
	uint64_t number;
	struct superpipe_vlun *vlun;
	int err = room_for_segment(build);

	if (!err)
		err = get_vlun(build, &source, &vlun);
	if (err)
		return err;
	number = get_number(build, build->vol->alloc.segments.pool.next_number);
	err = segment_vluns_adopt(&build->vol->alloc.segments, vlun, source.lun, source.nr_chunks,
				  number, &build->segments[build->nr_segments]);
	if (err)
		(void)superpipe_vlun_close(vlun);
	else
		build->nr_segments++;
	return err;
}

/* ---- files ---- */

/* The file is complete. */
static int end_file(struct build *build)
{
	struct data_file *file = build->file;
	uint64_t block = 0;
	int err;

	if (!file)
		return 0;
	if (!mapping_groups_are_whole(&file->map))
		return -EPROTO;
	file_lock(file);
	file_space_settle(&file->space);
	file_note_allocated_locked(file);
	if (mapping_next_outgrown(&file->map, &block))
		mover_queue_locked(file_volume(file)->mover, file);
	file_unlock(file);
	err = build->add(build->arg, build->id, file);
	if (!err)
		build->file = NULL;
	return err;
}

/* Numbers are never used again: those of new files are higher than all in the snapshot. */
static int set_number(struct build *build, uint64_t number)
{
	_Atomic uint64_t *nr = &build->vol->alloc.nr_file_numbers;

	if (number == 0 || number > UINT64_MAX / 2)
		return -EPROTO;
	build->file->space.number = number;
	atomic_store(nr, max_u64(atomic_load(nr), number));
	return 0;
}

static int read_file(void *arg)
{
	struct build *build = arg;
	struct data_record_file values;
	int err = end_file(build);

	if (!err)
		err = data_record_get_file(build->in, build->vol->alloc.luns.nr_luns, &values);
	if (err)
		return err;
	build->file = data_file_new(build->vol);
	if (!build->file)
		return -ENOMEM;
	build->id = values.id;
	file_set_size_locked(build->file, values.size);
	build->file->space.slots.home = (uint8_t)values.home;
	build->file->eof_needs_zeroing = values.eof_needs_zeroing;
	return set_number(build, get_number(build, build->file->space.number));
}

static int read_vlun(void *arg)
{
	struct build *build = arg;
	struct superpipe_vlun_source source;
	struct superpipe_vlun *vlun;
	uint32_t nr;
	int err = get_vlun(build, &source, &vlun);

	if (err)
		return err;
	nr = record_get_u32(build->in);
	err = record_get_error(build->in);
	if (!err && nr > source.nr_chunks)
		err = -EPROTO;
	if (!err)
		err = file_space_adopt_vlun(&build->file->space, vlun, source.lun, nr);
	if (err)
		(void)superpipe_vlun_close(vlun);
	return err;
}

static int read_chunk(void *arg)
{
	struct build *build = arg;
	struct record_reader *in = build->in;
	struct written_map written = { 0 }, allocated = { 0 };
	struct mapping_chunk chunk = { .index = record_get_u64(in),
				       .written = &written,
				       .allocated = &allocated };
	uint32_t nr_blocks = build->vol->alloc.luns.chunk_blocks;
	int err;

	chunk.lun = record_get_u32(in);
	chunk.slot = record_get_u32(in);
	chunk.striped = record_get_u8(in);
	err = written_map_init(&written, nr_blocks);
	if (!err)
		err = written_map_init(&allocated, nr_blocks);
	if (!err)
		err = data_record_get_runs(in, &written);
	if (!err)
		err = data_record_get_runs(in, &allocated);
	if (!err)
		err = mapping_adopt_chunk(&build->file->map, &chunk);
	written_map_fini(&written);
	written_map_fini(&allocated);
	return err;
}

static int read_extent(void *arg)
{
	struct build *build = arg;
	struct data_change_extent values;
	uint32_t segment = data_record_get_extent(build->in, &values);
	struct extent extent = { .block = values.block,
				 .owner = &build->file->space,
				 .start = values.start,
				 .nr_blocks = values.nr_blocks,
				 .state = values.written ? EXTENT_WRITTEN : EXTENT_RESERVED };

	if (record_get_error(build->in) || segment >= build->nr_segments)
		return -EPROTO;
	extent.segment = build->segments[segment];
	return mapping_adopt_extent(&build->file->map, &extent);
}

/* ---- all ---- */

static const struct data_record_readers readers = {
	.volume = read_volume,
	.segment = read_segment,
	.file = read_file,
	.vlun = read_vlun,
	.chunk = read_chunk,
	.extent = read_extent,
};

int data_snapshot_read(struct data_volume *vol, struct record_reader *in, data_snapshot_add_fn *add,
		       void *arg)
{
	struct build build = { .vol = vol, .in = in, .add = add, .arg = arg };
	int err = data_records_read(in, &readers, &build);

	if (!err)
		err = end_file(&build);
	data_file_free(build.file);
	free(build.segments);
	return err;
}
