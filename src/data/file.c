/* SPDX-License-Identifier: Apache-2.0 */
#include "data/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/op.h"
#include "data/alloc/space.h"

struct data_file *data_file_new(struct data_volume *vol)
{
	struct data_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	(void)pthread_mutex_init(&file->lock, NULL);
	file->vol = vol;
	file->refs = 1;
	range_lock_init(&file->ranges);
	mapping_init(&file->map, vol->chunk_blocks);
	return file;
}

void data_file_free(struct data_file *file)
{
	bool last;

	if (!file)
		return;
	file_lock(file);
	file->dying = true;
	space_account_locked(file);
	last = file_put_locked(file);
	/* Operations in flight may still take flash or hold it. */
	file->awaited = !last || file->map.vlun;
	if (file->awaited)
		volume_expect_release(file->vol);
	/* Not before it counts as one to be released, or who waits for it would give up between. */
	if (file->doomed)
		volume_doom(file->vol, false);
	file_unlock(file);
	if (last)
		file_release(file);
}

void data_file_doom(struct data_file *file, bool doomed)
{
	file_lock(file);
	if (file->doomed != doomed) {
		file->doomed = doomed;
		volume_doom(file->vol, doomed);
	}
	file_unlock(file);
}

bool file_put_locked(struct data_file *file)
{
	return --file->refs == 0;
}

void file_release(struct data_file *file)
{
	if (!file->map.vlun) {
		file_destroy(file);
		return;
	}
	file->job.run = space_release;
	volume_queue(file->vol, &file->job);
}

void file_destroy(struct data_file *file)
{
	if (file->awaited)
		volume_released(file->vol);
	mapping_fini(&file->map);
	(void)pthread_mutex_destroy(&file->lock);
	free(file);
}

uint64_t data_file_size(const struct data_file *file)
{
	return atomic_load_explicit(&file->size, memory_order_acquire);
}

uint64_t data_file_held_bytes(const struct data_file *file)
{
	return atomic_load_explicit(&file->nr_held, memory_order_relaxed) * DATA_BLOCK_BYTES;
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
