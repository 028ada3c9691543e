/* SPDX-License-Identifier: Apache-2.0 */
#include "data/fixed.h"

#include <errno.h>
#include <stdlib.h>

#include "data/file.h"
#include "data/op.h"
#include "data/space.h"

static uint32_t chunks_of(const struct data_volume *vol, const struct superpipe_lun_info *info)
{
	uint64_t nr = (info->nr_lbas + vol->chunk_blocks - 1) / vol->chunk_blocks;

	return nr < UINT32_MAX / 2 ? (uint32_t)nr : UINT32_MAX / 2;
}

/* Every chunk in its place, every block written: what the LUN holds is what the file holds. */
static int map_all(struct data_file *file, const struct superpipe_lun_info *info)
{
	struct mapping *map = &file->map;
	uint32_t nr_chunks = chunks_of(file->vol, info);
	uint64_t nr_blocks = info->nr_lbas;
	int err;

	if (nr_blocks > (uint64_t)nr_chunks * map->chunk_blocks)
		nr_blocks = (uint64_t)nr_chunks * map->chunk_blocks;
	err = mapping_grow_slots(map, nr_chunks);
	if (err)
		return err;
	map->nr_slots = nr_chunks;
	err = mapping_assign(map, 0, nr_chunks - 1);
	if (!err)
		err = mapping_prepare_set(map, 0, nr_blocks);
	if (err)
		return err;
	mapping_set(map, 0, nr_blocks);
	file_note_written_locked(file);
	file_set_size_locked(file, nr_blocks << BLOCK_SHIFT);
	space_recount_locked(file);
	return 0;
}

int data_file_new_fixed(struct data_volume *vol, unsigned lun, struct data_file **ret_file)
{
	const struct superpipe_lun_info *info = superpipe_lun_info(vol->sp, lun);
	struct data_file *file = data_file_new(vol);
	int err;

	if (!file)
		return -ENOMEM;
	if (info->nr_lbas == 0) {
		data_file_free(file);
		return -ENXIO;
	}
	file->map.lun = lun;
	err = superpipe_plun_open(vol->sp, lun, &file->map.vlun);
	if (err) {
		data_file_free(file);
		return err;
	}
	file_lock(file);
	file->fixed = true;
	err = map_all(file, info);
	file_unlock(file);
	if (err) {
		data_file_free(file);
		return err;
	}
	*ret_file = file;
	return 0;
}

static int check_write(struct data_op *op, uint64_t size)
{
	if (op->bytes == 0)
		return 0;
	if (op->append || op->offset >= size)
		return -ENOSPC;
	op->bytes = min_u64(op->bytes, size - op->offset);
	return 1;
}

int fixed_check(struct data_op *op)
{
	uint64_t size = data_file_size(op->file), end;

	switch (op->kind) {
	case DATA_OP_READ:
		return 1;
	case DATA_OP_WRITE:
		return check_write(op, size);
	case DATA_OP_TRUNCATE:
		return op->offset == size ? 0 : -EPERM;
	case DATA_OP_ALLOCATE:
		if (__builtin_add_overflow(op->offset, op->bytes, &end) || end > size)
			return -ENOSPC;
		return 0;
	default:
		return -EOPNOTSUPP; /* a block of a LUN cannot be forgotten */
	}
}
