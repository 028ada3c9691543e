/* SPDX-License-Identifier: Apache-2.0 */
#include "data/whole_lun.h"

#include <errno.h>
#include <stdlib.h>

#include "data/file.h"
#include "data/op.h"

static uint32_t chunks_of(const struct data_volume *vol, uint64_t nr_lbas)
{
	uint64_t nr = (nr_lbas + vol->alloc.luns.chunk_blocks - 1) / vol->alloc.luns.chunk_blocks;

	return nr < UINT32_MAX / 2 ? (uint32_t)nr : UINT32_MAX / 2;
}

static uint64_t lbas_of(const struct data_file *file)
{
	const struct superpipe_lun_info *info =
		superpipe_lun_info(file_volume(file)->sp, file->space.slots.home);

	return __atomic_load_n(&info->nr_lbas, __ATOMIC_ACQUIRE);
}

/* Every chunk in its place, every block written: what the LUN holds is what the file holds. */
static int map_all_locked(struct data_file *file)
{
	struct slots *slots = file_slots_on(&file->space.slots, file->space.slots.home);
	struct mapping *map = &file->map;
	uint64_t nr_blocks = lbas_of(file);
	uint32_t nr_chunks = chunks_of(file_volume(file), nr_blocks);
	int err;

	if (nr_blocks > (uint64_t)nr_chunks * mapping_chunk_blocks(map))
		nr_blocks = (uint64_t)nr_chunks * mapping_chunk_blocks(map);
	err = slots_make_room(slots, nr_chunks);
	if (err)
		return err;
	slots->nr = nr_chunks;
	err = mapping_assign(map, 0, nr_chunks - 1);
	if (!err)
		err = mapping_prepare_set(map, 0, nr_blocks);
	if (err)
		return err;
	mapping_set(map, 0, nr_blocks);
	file_note_allocated_locked(file);
	file_set_size_locked(file, nr_blocks << BLOCK_SHIFT);
	(void)file_space_count_locked(&file->space);
	return 0;
}

int data_file_grow_whole_lun(struct data_file *file)
{
	int err = 0;

	file_lock(file);
	if (lbas_of(file) << BLOCK_SHIFT > file_size_locked(file))
		err = map_all_locked(file);
	if (!err)
		atomic_store(&file_volume(file)->alloc.luns.luns[file->space.slots.home].nr_chunks,
			     lbas_of(file) / file_volume(file)->alloc.luns.chunk_blocks);
	file_unlock(file);
	return err;
}

/** No other thread knows the file yet. */
static int open_lun(struct data_file *file)
{
	unsigned lun = file->space.slots.home;
	struct file_vlun *vlun;

	if (lbas_of(file) == 0)
		return -ENXIO;
	vlun = file_space_make_vlun_locked(&file->space, lun);
	return vlun ? superpipe_plun_open(file_volume(file)->sp, lun, &vlun->slots.vlun) : -ENOMEM;
}

int data_file_new_whole_lun(struct data_volume *vol, unsigned lun, struct data_file **ret_file)
{
	struct data_file *file = data_file_new(vol);
	int err;

	if (!file)
		return -ENOMEM;
	file->space.slots.home = (uint8_t)lun;
	file->space.is_plun = true;
	file->map.stripes = &vol->in_order;
	err = open_lun(file);
	if (!err) {
		file_lock(file);
		err = map_all_locked(file);
		file_unlock(file);
	}
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

int whole_lun_check(struct data_op *op)
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
		return -EOPNOTSUPP; /* a block of a physical LUN cannot be unmapped */
	}
}
