/* SPDX-License-Identifier: Apache-2.0 */
/* How volumes and files begin and end. */
#include <errno.h>
#include <stdlib.h>

#include "base/container_of.h"
#include "data/file.h"
#include "data/freezer.h"
#include "data/mover.h"
#include "data/share.h"
#include "data/volume.h"

int data_volume_new(struct superpipe *sp, struct data_volume **ret_vol)
{
	struct data_volume *vol = aligned_alloc(_Alignof(struct data_volume), sizeof(*vol));
	int err;

	if (!vol)
		return -ENOMEM;
	*vol = (struct data_volume){ .sp = sp };
	err = bounce_pool_init(&vol->bounce);
	if (err)
		goto free_vol;
	err = allocator_init(&vol->alloc, sp, share_idle);
	if (err)
		goto fini_bounce;
	vol->in_order = (struct stripes){ .chunk_blocks = vol->alloc.luns.chunk_blocks,
					  .nr_luns = vol->alloc.luns.nr_luns };
	vol->stripes = vol->in_order;
	vol->freezer = freezer_new();
	err = vol->freezer ? mover_new(&vol->alloc, &vol->mover) : -ENOMEM;
	if (err)
		goto free_freezer;
	*ret_vol = vol;
	return 0;

free_freezer:
	freezer_free(vol->freezer);
	allocator_fini(&vol->alloc);
fini_bounce:
	bounce_pool_fini(&vol->bounce);
free_vol:
	free(vol);
	return err;
}

void data_volume_free(struct data_volume *vol)
{
	if (!vol)
		return;
	mover_stop(vol->mover);
	allocator_fini(&vol->alloc);
	mover_free(vol->mover);
	freezer_free(vol->freezer);
	bounce_pool_fini(&vol->bounce);
	free(vol);
}

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
	range_lock_init(&file->ranges);
	mapping_init(&file->map, &file->space, &vol->stripes);
	DATA_CHANGED(&vol->alloc.changes, .kind = DATA_CHANGE_FILE_NEW,
		     .number = file->space.number);
	return file;
}

void data_file_free(struct data_file *file)
{
	bool last;

	if (!file)
		return;
	file_lock(file);
	mover_cancel_locked(file_volume(file)->mover, file);
	last = file_space_free_locked(&file->space);
	file_unlock(file);
	if (last)
		file_space_release(&file->space);
}
