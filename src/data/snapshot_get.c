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

/* ---- all ---- */

struct reading {
	struct record_reader *in;
	const struct data_record_readers *readers;
	void *arg;
	bool has_volume, has_file; /* there was such a record */
};

static int read_volume(struct reading *reading)
{
	if (reading->has_volume)
		return -EPROTO;
	reading->has_volume = true;
	return reading->readers->volume(reading->arg);
}

static int read_file(struct reading *reading)
{
	reading->has_file = true;
	return reading->readers->file(reading->arg);
}

static int read_extents(struct reading *reading)
{
	int err = 0;

	while (!err && record_left(reading->in))
		err = reading->readers->extent(reading->arg);
	return err;
}

static int read_part_of_file(struct reading *reading, uint16_t type)
{
	if (!reading->has_file)
		return -EPROTO;
	switch (type) {
	case DATA_RECORD_VLUN:
		return reading->readers->vlun(reading->arg);
	case DATA_RECORD_CHUNK:
		return reading->readers->chunk(reading->arg);
	case DATA_RECORD_EXTENTS:
		return read_extents(reading);
	default:
		return -EPROTO;
	}
}

static int read_record(struct reading *reading, uint16_t type)
{
	if (type < DATA_RECORD_VOLUME || type > DATA_RECORD_END)
		return record_skip_unknown(reading->in);
	if (!reading->has_volume && type != DATA_RECORD_VOLUME)
		return -EPROTO;
	switch (type) {
	case DATA_RECORD_VOLUME:
		return read_volume(reading);
	case DATA_RECORD_SEGMENT:
		return reading->readers->segment(reading->arg);
	case DATA_RECORD_FILE:
		return read_file(reading);
	default:
		return read_part_of_file(reading, type);
	}
}

int data_records_read(struct record_reader *in, const struct data_record_readers *readers,
		      void *arg)
{
	struct reading reading = { .in = in, .readers = readers, .arg = arg };
	uint16_t type = RECORD_END;
	int err = record_next(in, &type);

	while (!err && type != DATA_RECORD_END && type != RECORD_END) {
		err = read_record(&reading, type);
		if (!err)
			err = record_next(in, &type);
	}
	if (!err && (type != DATA_RECORD_END || !reading.has_volume))
		err = -EPROTO;
	return err;
}
