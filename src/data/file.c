/* SPDX-License-Identifier: Apache-2.0 */
#include "data/file.h"

#include <errno.h>
#include <unistd.h>

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
