/* SPDX-License-Identifier: Apache-2.0 */
#include "data/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container_of.h"

static void file_gone(struct file_space *space)
{
	struct data_file *file = container_of(space, struct data_file, space);

	mapping_fini(&file->map);
	free(file);
}

struct data_file *data_file_new(struct data_volume *vol)
{
	struct data_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file_space_init(&file->space, &vol->alloc, file_gone);
	file->vol = vol;
	range_lock_init(&file->ranges);
	mapping_init(&file->map, &file->space.slots, &file->space.extents,
		     &vol->alloc.segments.pool, vol->alloc.luns.chunk_blocks);
	return file;
}

void data_file_free(struct data_file *file)
{
	bool last;

	if (!file)
		return;
	file_lock(file);
	last = file_space_free_locked(&file->space);
	file_unlock(file);
	if (last)
		file_space_release(&file->space);
}

void data_file_set_orphan(struct data_file *file, bool orphan)
{
	file_lock(file);
	file_space_set_orphan_locked(&file->space, orphan);
	file_unlock(file);
}

uint64_t data_file_size(const struct data_file *file)
{
	return atomic_load_explicit(&file->size, memory_order_acquire);
}

uint64_t data_file_allocated_bytes(const struct data_file *file)
{
	return atomic_load_explicit(&file->nr_allocated, memory_order_relaxed) * DATA_BLOCK_BYTES;
}

/** Like lseek(2): the end of file is a hole without length. */
static int64_t seek_locked(const struct data_file *file, uint64_t offset, bool data)
{
	uint64_t size = file_size_locked(file), block, hit;

	if (offset >= size)
		return -ENXIO;
	block = block_floor(offset);
	hit = mapping_next(&file->map, block, data);
	if (hit == block)
		return (int64_t)offset;
	if (hit < block_ceil(size))
		return (int64_t)(hit << BLOCK_SHIFT);
	return data ? -ENXIO : (int64_t)size;
}

int64_t data_seek(struct data_file *file, int64_t offset, int whence)
{
	int64_t result;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (offset < 0)
		return -ENXIO;
	file_lock(file);
	result = seek_locked(file, (uint64_t)offset, whence == SEEK_DATA);
	file_unlock(file);
	return result;
}
