/* SPDX-License-Identifier: Apache-2.0 */
/* Where the data of a file lie, for the administrator. */
#include <string.h>

#include "base/minmax.h"
#include "data/file.h"

static void list_vluns_locked(const struct data_file *file, struct data_file_map *map)
{
	const struct file_slots *slots = &file->space.slots;

	map->nr_vluns = 0;
	for (unsigned lun = 0; lun < slots->nr_luns; lun++) {
		const struct slots *on = file_slots_on(slots, lun);

		if (!on || !on->vlun)
			continue;
		map->vluns[map->nr_vluns++] = (struct data_file_vlun){
			.lun = lun,
			.handle = superpipe_vlun_handle(on->vlun),
			.nr_chunks = on->nr,
			.nr_used_chunks = on->nr_used,
		};
	}
}

static bool is_packed_locked(const struct data_file *file, uint64_t block)
{
	const struct extent *extent = extent_map_at(&file->space.extents, block);

	return extent && extent->block <= block;
}

static void describe_locked(const struct data_file *file, uint64_t block, uint64_t end,
			    struct data_file_extent *extent)
{
	struct mapping_run run;
	uint64_t next;

	mapping_lookup(&file->map, block, end - block, &run);
	*extent = (struct data_file_extent){ .offset = block << BLOCK_SHIFT,
					     .bytes = run.nr_blocks << BLOCK_SHIFT,
					     .written = run.vlun };
	if (run.vlun) {
		extent->packed = is_packed_locked(file, block);
		extent->lun = superpipe_vlun_lun(run.vlun);
		extent->handle = superpipe_vlun_handle(run.vlun);
		extent->lba = run.lba;
		return;
	}
	/* A hole may consist of many runs. */
	next = min_u64(mapping_next(&file->map, block, true), end);
	extent->bytes = (next - block) << BLOCK_SHIFT;
}

void data_file_get_map(struct data_file *file, uint64_t offset, struct data_file_map *map)
{
	uint64_t block = offset >> BLOCK_SHIFT, end;

	file_lock(file);
	map->size = file_size_locked(file);
	map->allocated_bytes = data_file_allocated_bytes(file);
	list_vluns_locked(file, map);
	end = (map->size + DATA_BLOCK_BYTES - 1) >> BLOCK_SHIFT;
	for (map->nr_extents = 0; block < end && map->nr_extents < map->max_extents;
	     map->nr_extents++) {
		struct data_file_extent *extent = &map->extents[map->nr_extents];

		describe_locked(file, block, end, extent);
		block += extent->bytes >> BLOCK_SHIFT;
	}
	map->next_offset = block << BLOCK_SHIFT;
	file_unlock(file);
}
