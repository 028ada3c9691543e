/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the snapshot of a volume from its replica. */
#include <errno.h>

#include "data/replica_internal.h"
#include "data/snapshot_internal.h"

static void put_segments(const struct data_replica *replica, struct record_writer *out)
{
	for (uint32_t i = 0; i < replica->nr_segments; i++) {
		const struct replica_segment *segment = &replica->segments[i];
		const struct superpipe_vlun_source vlun = { .lun = segment->lun,
							    .res_hndl = segment->handle,
							    .nr_chunks = segment->nr_chunks };

		data_record_put_segment(out, &vlun, segment->number);
	}
}

static void put_vluns(const struct data_replica *replica, const struct data_replica_file *file,
		      struct record_writer *out)
{
	for (unsigned lun = 0; lun < replica->geometry.nr_luns; lun++) {
		const struct replica_vlun *on_lun = &file->vluns[lun];
		const struct superpipe_vlun_source vlun = { .lun = lun,
							    .res_hndl = on_lun->handle,
							    .nr_chunks = on_lun->nr };

		if (on_lun->is_open)
			data_record_put_vlun(out, &vlun, on_lun->nr);
	}
}

/* Return: -EPROTO: a segment is gone. */
static int put_extents(const struct data_replica *replica, const struct data_replica_file *file,
		       struct record_writer *out)
{
	struct data_record_extents extents = { .out = out };

	for (uint32_t at = 0; at < file->nr_extents; at++) {
		const struct data_change_extent *extent = &file->extents[at];
		const struct replica_segment *segment = replica_segment(replica, extent->segment);

		if (!segment)
			return -EPROTO;
		data_record_add_extent(&extents, extent, (uint32_t)(segment - replica->segments));
	}
	data_record_end_extents(&extents);
	return 0;
}

static int put_file(const struct data_replica *replica, const struct data_replica_file *file,
		    uint64_t id, struct record_writer *out)
{
	const struct data_record_file values = {
		.id = id,
		.number = file->number,
		.size = file->size,
		.eof_needs_zeroing = file->eof_needs_zeroing,
		.home = file->home,
	};
	int err;

	data_record_put_file(out, &values);
	put_vluns(replica, file, out);
	for (uint32_t at = 0; at < file->nr_chunks; at++)
		data_record_put_chunk(out, file->chunks[at]);
	err = put_extents(replica, file, out);
	return err ? err : record_writer_error(out);
}

int data_replica_write(const struct data_replica *replica, data_replica_next_fn *next, void *arg,
		       struct record_writer *out)
{
	struct data_replica_file *file;
	uint64_t id;
	int err = 0;

	data_record_put_volume(out, &replica->geometry);
	put_segments(replica, out);
	while (!err && next(arg, &id, &file))
		err = put_file(replica, file, id, out);
	if (err)
		return err;
	record_begin(out, DATA_RECORD_END, 0);
	record_end(out);
	return record_writer_error(out);
}
