/* SPDX-License-Identifier: Apache-2.0 */
/* Growth without the worker. */
#include <errno.h>

#include "data/alloc/background.h"
#include "data/alloc/reserve.h"
#include "data/growth_internal.h"
#include "data/mover.h"

int growth_pack(struct data_file *file, const struct packed *part, uint64_t nr_claimed)
{
	struct file_space *space = &file->space;

	return extent_map_take(&space->extents, &space->alloc->segments.pool, space, part->start,
			       part->end, nr_claimed);
}

/** All of it, or nothing. */
static int pack_ends(struct data_file *file, const struct need *need)
{
	struct segments *segments = &file->space.alloc->segments.pool;
	uint64_t nr = growth_nr_packed(need);
	int err;

	if (nr == 0)
		return 0;
	if (!segments_claim(segments, nr, nr))
		return -ENOSPC;
	err = growth_pack(file, &need->head, need->head.nr_blocks);
	if (err)
		segments_unclaim(segments, need->tail.nr_blocks);
	else
		err = growth_pack(file, &need->tail, need->tail.nr_blocks);
	if (err)
		mapping_drop_taken(&file->map, need->head.start, need->head.end);
	segment_vluns_note_taken(&file->space.alloc->segments);
	return err;
}

int growth_assign_locked(struct data_file *file, uint64_t first, uint64_t last)
{
	uint32_t nr_before = file->map.nr_chunks;
	int err = mapping_assign(&file->map, first, last);

	(void)file_space_count_locked(&file->space);
	if (err || file->map.nr_chunks == nr_before)
		return err;
	if (file->space.extents.nr > 0)
		mover_queue_locked(file_volume(file)->mover, file);
	background_watch_locked(&file->space);
	return 0;
}

static int take_need(struct data_file *file, const struct need *need, enum growth_how how)
{
	uint64_t more[SUPERPIPE_MAX_LUNS];
	int err;

	if (need->nr_slots == 0)
		return pack_ends(file, need);
	/* A file that needs more than one slot goes to the LUN with most free chunks. */
	if (need->nr_slots == 1 && !file_slots_has_vlun(&file->space.slots))
		file_space_take_pooled_locked(&file->space, need->first);
	if (!growth_fits(file, need, how, more))
		return -ENOSPC;
	err = pack_ends(file, need);
	if (err)
		return err;
	err = growth_assign_locked(file, need->first, need->last);
	if (err) {
		mapping_drop_taken(&file->map, need->head.start, need->head.end);
		mapping_drop_taken(&file->map, need->tail.start, need->tail.end);
		background_shrink_locked(&file->space);
	}
	return err;
}

uint64_t growth_cost_of(const struct data_file *file, const struct need *need)
{
	return growth_nr_packed(need) + file_slots_nr_rising(&file->space.slots, need->nr_slots) *
						mapping_chunk_blocks(&file->map);
}

int growth_try_locked(struct data_op *op, uint64_t start, uint64_t end, enum growth_how how)
{
	struct data_file *file = op->file;
	struct allocator *alloc = file->space.alloc;
	struct need need = growth_need_of(file, start, end, how);
	int err = -ENOSPC;

	if (growth_cost_of(file, &need) <= reserve_enter(alloc, op->keeps_reserve))
		err = take_need(file, &need, how);
	reserve_leave(alloc, op->keeps_reserve);
	return err;
}

int growth_take_locked(struct data_op *op, uint64_t start, uint64_t end)
{
	return growth_try_locked(op, start, end, GROWTH_ON_PREFERRED_LUNS);
}

/** The LUNs that the chunks behind @block's unit prefer, as far as the file has no free slot there.
 */
static unsigned luns_ahead(const struct data_file *file, uint64_t block)
{
	const struct file_slots *slots = &file->space.slots;
	struct stripe_group unit = mapping_unit_of(&file->map, block);
	uint64_t next = stripe_last_chunk(&unit) + 1;
	unsigned luns = 0;

	unit = stripe_group_of(file->map.stripes, next);
	for (; next <= stripe_last_chunk(&unit); next++) {
		unsigned lun = file_slots_preferred(slots, next);

		if (file_slots_nr_free_on(slots, lun) == 0)
			luns |= 1u << lun;
	}
	return luns;
}

void growth_ahead_locked(struct data_file *file, uint64_t last_block)
{
	struct file_space *space = &file->space;
	const struct file_slots *slots = &space->slots;
	unsigned luns;

	if ((!slots->striped && file_slots_nr_free(slots) > 0) ||
	    space->prealloc_asked_at == file_slots_nr(slots) ||
	    !mapping_half_written(&file->map, last_block))
		return;
	luns = luns_ahead(file, last_block);
	if (luns == 0)
		return;
	space->prealloc_asked_at = file_slots_nr(slots);
	space->ahead_luns = (uint8_t)luns;
	background_grow_locked(space);
}
