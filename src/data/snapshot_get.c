/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the fields of the records of a snapshot. */
#include <errno.h>

#include "data/snapshot_internal.h"

int data_record_get_volume(struct record_reader *in, struct data_geometry *ret_geometry)
{
	ret_geometry->chunk_blocks = record_get_u32(in);
	ret_geometry->nr_luns = record_get_u32(in);
	ret_geometry->stripe_blocks = record_get_u32(in);
	if (record_get_error(in) || ret_geometry->chunk_blocks == 0 || ret_geometry->nr_luns == 0)
		return -EPROTO;
	if (ret_geometry->stripe_blocks > 0 &&
	    (ret_geometry->chunk_blocks % ret_geometry->stripe_blocks ||
	     ret_geometry->nr_luns == 1))
		return -EPROTO;
	return 0;
}

int data_record_get_vlun(struct record_reader *in, uint32_t nr_luns,
			 struct superpipe_vlun_source *ret_vlun)
{
	ret_vlun->lun = record_get_u32(in);
	ret_vlun->res_hndl = record_get_u32(in);
	ret_vlun->nr_chunks = record_get_u64(in);
	return record_get_error(in) || ret_vlun->lun >= nr_luns ? -EPROTO : 0;
}

int data_record_get_file(struct record_reader *in, uint32_t nr_luns,
			 struct data_record_file *ret_file)
{
	ret_file->id = record_get_u64(in);
	ret_file->size = record_get_u64(in);
	ret_file->eof_needs_zeroing = record_get_u32(in) & DATA_RECORD_EOF_NEEDS_ZEROING;
	ret_file->home = record_get_u32(in);
	return record_get_error(in) || ret_file->size > DATA_MAX_FILE_BYTES ||
			       ret_file->home >= nr_luns
		       ? -EPROTO
		       : 0;
}

int data_record_get_runs(struct record_reader *in, struct written_map *map)
{
	uint32_t nr = record_get_u32(in);
	int err = record_get_error(in);

	while (!err && nr--) {
		uint32_t from = record_get_u32(in), to = record_get_u32(in);

		err = record_get_error(in);
		if (!err && (from >= to || to > map->nr_blocks))
			err = -EPROTO;
		if (!err)
			err = written_map_add(map, from, to);
	}
	return err;
}

uint32_t data_record_get_extent(struct record_reader *in, struct data_change_extent *ret_extent)
{
	uint32_t segment;

	*ret_extent = (struct data_change_extent){ .block = record_get_u64(in) };
	segment = record_get_u32(in);
	ret_extent->start = record_get_u32(in);
	ret_extent->nr_blocks = record_get_u32(in);
	ret_extent->written = record_get_u8(in) != 0;
	return segment;
}
