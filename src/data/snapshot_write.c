/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot of a volume. */
#include "data/snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "data/file.h"
#include "data/snapshot_internal.h"

void data_volume_geometry(const struct data_volume *vol, struct data_geometry *ret_geometry)
{
	*ret_geometry = (struct data_geometry){ .chunk_blocks = vol->alloc.luns.chunk_blocks,
						.nr_luns = vol->alloc.luns.nr_luns,
						.stripe_blocks = vol->stripes.stripe_blocks };
}

static struct superpipe_vlun_source source_of(const struct superpipe_vlun *vlun)
{
	struct superpipe_vlun_source source;

	superpipe_vlun_export(vlun, &source);
	return source;
}

/* ---- segments ---- */

struct segment_list_of {
	struct segment **segments;
	size_t nr, max;
};

static void count_segment(void *arg, struct segment *segment)
{
	struct segment_list_of *list = arg;

	(void)segment;
	list->max++;
}

static void add_segment(void *arg, struct segment *segment)
{
	struct segment_list_of *list = arg;

	list->segments[list->nr++] = segment;
}

static int compare_segments(const void *a, const void *b)
{
	const struct segment *const *segment_a = a, *const *segment_b = b;

	return ((*segment_a)->number > (*segment_b)->number) -
	       ((*segment_a)->number < (*segment_b)->number);
}

/* By number, so that equal volumes have equal snapshots. Their order is what extents name. */
static int put_segments(struct segments *pool, struct record_writer *out)
{
	struct segment_list_of list = { .nr = 0 };

	segments_for_each(pool, count_segment, &list);
	list.segments = calloc(list.max ? list.max : 1, sizeof(struct segment *));
	if (!list.segments)
		return -ENOMEM;
	segments_for_each(pool, add_segment, &list);
	qsort(list.segments, list.nr, sizeof(struct segment *), compare_segments);
	for (size_t i = 0; i < list.nr; i++) {
		const struct superpipe_vlun_source vlun = source_of(list.segments[i]->vlun);

		list.segments[i]->index = (uint32_t)i;
		data_record_put_segment(out, &vlun, list.segments[i]->number);
	}
	free(list.segments);
	return 0;
}

/* ---- files ---- */

static void put_vluns(const struct data_file *file, struct record_writer *out)
{
	for (unsigned lun = 0; lun < file_volume(file)->alloc.luns.nr_luns; lun++) {
		const struct slots *slots = file_slots_on(&file->space.slots, lun);
		struct superpipe_vlun_source vlun;

		if (!slots || !slots->vlun)
			continue;
		vlun = source_of(slots->vlun);
		data_record_put_vlun(out, &vlun, slots->nr);
	}
}

static void put_extent(struct data_record_extents *extents, const struct extent *extent)
{
	const struct data_change_extent values = {
		.block = extent->block,
		.start = extent->start,
		.nr_blocks = extent->nr_blocks,
		.written = extent->state == EXTENT_WRITTEN,
	};

	data_record_add_extent(extents, &values, extent->segment->index);
}

/* A write that failed may have left extents that hold nothing. */
static void put_extents(const struct data_file *file, struct record_writer *out)
{
	const struct extent_map *map = &file->space.extents;
	struct data_record_extents extents = { .out = out };

	for (uint32_t at = 0; at < map->nr; at++)
		if (extent_map_get(map, at)->state != EXTENT_TAKEN)
			put_extent(&extents, extent_map_get(map, at));
	data_record_end_extents(&extents);
}

static void put_file_locked(const struct data_file *file, uint64_t id, struct record_writer *out)
{
	const struct data_record_file values = {
		.id = id,
		.number = file->space.number,
		.size = file_size_locked(file),
		.eof_needs_zeroing = file->eof_needs_zeroing,
		.home = file->space.slots.home,
	};

	data_record_put_file(out, &values);
	put_vluns(file, out);
	for (uint32_t at = 0; at < file->map.nr_chunks; at++)
		data_record_put_chunk(out, file->map.chunks[at]);
	put_extents(file, out);
}

static int put_file(struct data_file *file, uint64_t id, struct record_writer *out)
{
	if (file->space.is_plun)
		return -EOPNOTSUPP;
	file_lock(file);
	put_file_locked(file, id, out);
	file_unlock(file);
	return record_writer_error(out);
}

int data_snapshot_write(struct data_volume *vol, data_snapshot_next_fn *next, void *arg,
			struct record_writer *out)
{
	struct data_geometry geometry;
	struct data_file *file;
	uint64_t id;
	int err;

	data_volume_geometry(vol, &geometry);
	data_record_put_volume(out, &geometry);
	err = put_segments(&vol->alloc.segments.pool, out);
	while (!err && next(arg, &id, &file))
		err = put_file(file, id, out);
	if (err)
		return err;
	record_begin(out, DATA_RECORD_END, 0);
	record_end(out);
	return record_writer_error(out);
}
