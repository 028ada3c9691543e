/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a replica from the snapshot of a volume. */
#include <errno.h>
#include <stdlib.h>

#include "data/replica_internal.h"
#include "data/snapshot_internal.h"

struct build {
	struct record_reader *in;
	data_replica_add_fn *add;
	void *arg;
	struct data_replica *replica;   /* from VOLUME on */
	struct data_replica_file *file; /* of the last FILE */
};

static int read_volume(void *arg)
{
	struct build *build = arg;
	struct data_geometry geometry;
	int err = data_record_get_volume(build->in, &geometry);

	return err ? err : data_replica_new(&geometry, &build->replica);
}

static int get_vlun(struct build *build, struct superpipe_vlun_source *ret_vlun)
{
	int err = data_record_get_vlun(build->in, build->replica->geometry.nr_luns, ret_vlun);

	return err || ret_vlun->nr_chunks <= UINT32_MAX ? err : -EPROTO;
}

static int read_segment(void *arg)
{
	struct build *build = arg;
	struct superpipe_vlun_source vlun;
	struct replica_segment segment;
	int err = get_vlun(build, &vlun);

	if (err)
		return err;
	segment = (struct replica_segment){ .number = record_get_u64(build->in),
					    .lun = vlun.lun,
					    .handle = vlun.res_hndl,
					    .nr_chunks = (uint32_t)vlun.nr_chunks };
	err = record_get_error(build->in);
	return err ? err : replica_segment_add(build->replica, &segment);
}

static int read_file(void *arg)
{
	struct build *build = arg;
	struct data_record_file values;
	int err = data_record_get_file(build->in, build->replica->geometry.nr_luns, &values);

	if (err)
		return err;
	values.number = record_get_u64(build->in);
	if (record_get_error(build->in) || values.number == 0)
		return -EPROTO;
	err = replica_file_new(build->replica, values.number);
	if (err)
		return err;
	build->file = data_replica_file(build->replica, values.number);
	build->file->size = values.size;
	build->file->eof_needs_zeroing = values.eof_needs_zeroing;
	build->file->home = (uint8_t)values.home;
	return build->add(build->arg, values.id, build->file);
}

static int read_vlun(void *arg)
{
	struct build *build = arg;
	struct superpipe_vlun_source vlun;
	int err = get_vlun(build, &vlun);
	uint32_t nr;

	if (err)
		return err;
	nr = record_get_u32(build->in);
	if (record_get_error(build->in) || nr > vlun.nr_chunks ||
	    build->file->vluns[vlun.lun].is_open)
		return -EPROTO;
	build->file->vluns[vlun.lun] =
		(struct replica_vlun){ .is_open = true, .handle = vlun.res_hndl, .nr = nr };
	return 0;
}

/* ---- chunks ---- */

/* A chunk in which nothing is reserved has no map of its own for that. */
static int get_allocated(struct record_reader *in, struct data_chunk *chunk)
{
	struct written_map map;
	int err = written_map_init(&map, chunk->written.nr_blocks);

	if (!err)
		err = data_record_get_runs(in, &map);
	if (err || map.nr_written == 0)
		written_map_fini(&map);
	else
		chunk->allocated = map;
	return err;
}

static int get_chunk(struct build *build, struct data_chunk *chunk)
{
	struct record_reader *in = build->in;
	uint32_t lun;
	int err;

	chunk->index = record_get_u64(in);
	lun = record_get_u32(in);
	chunk->slot = record_get_u32(in);
	chunk->striped = record_get_u8(in);
	if (record_get_error(in) || lun >= build->replica->geometry.nr_luns)
		return -EPROTO;
	chunk->lun = (uint8_t)lun;
	err = written_map_init(&chunk->written, build->replica->geometry.chunk_blocks);
	if (!err)
		err = data_record_get_runs(in, &chunk->written);
	return err ? err : get_allocated(in, chunk);
}

static int read_chunk(void *arg)
{
	struct build *build = arg;
	struct data_chunk *chunk = calloc(1, sizeof(*chunk));
	int err;

	if (!chunk)
		return -ENOMEM;
	err = get_chunk(build, chunk);
	if (!err)
		err = replica_add_chunk(build->file, chunk);
	if (err)
		data_chunk_free(chunk);
	return err;
}

/* ---- extents ---- */

static int read_extent(void *arg)
{
	struct build *build = arg;
	struct data_replica_file *file = build->file;
	struct data_change_extent extent;
	uint32_t segment = data_record_get_extent(build->in, &extent);

	if (record_get_error(build->in) || segment >= build->replica->nr_segments ||
	    extent.nr_blocks == 0 || extent.block > UINT64_MAX - extent.nr_blocks)
		return -EPROTO;
	extent.segment = build->replica->segments[segment].number;
	if (file->nr_extents > 0) {
		const struct data_change_extent *last = &file->extents[file->nr_extents - 1];

		if (extent.block < last->block + last->nr_blocks)
			return -EPROTO;
	}
	return replica_replace_extents(file, extent.block, extent.block + extent.nr_blocks, &extent,
				       1);
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

int data_replica_read(struct record_reader *in, data_replica_add_fn *add, void *arg,
		      struct data_replica **ret_replica)
{
	struct build build = { .in = in, .add = add, .arg = arg };
	int err = data_records_read(in, &readers, &build);

	if (err)
		data_replica_free(build.replica);
	else
		*ret_replica = build.replica;
	return err;
}
