/* SPDX-License-Identifier: Apache-2.0 */
#include "data/growth_need.h"

#include <string.h>

#include "base/minmax.h"

static struct stripe_group unit_of(const struct mapping *map, uint64_t block, enum growth_how how)
{
	struct stripe_group unit = mapping_unit_of(map, block);

	if (how == GROWTH_IN_ORDER &&
	    mapping_nr_slots_missing(map, unit.first, stripe_last_chunk(&unit)) > 0)
		return (struct stripe_group){ .first = mapping_chunk_of(map, block), .width = 1 };
	return unit;
}

struct packed growth_part_of(const struct mapping *map, const struct stripe_group *unit,
			     uint64_t start, uint64_t end)
{
	uint64_t base = unit->first * mapping_chunk_blocks(map);
	struct packed part = { .start = max_u64(start, base),
			       .end = min_u64(end, mapping_unit_end(map, unit)) };

	part.nr_blocks = part.end - part.start -
			 extent_map_covered(&map->space->extents, part.start, part.end);
	return part;
}

/**
 * Do @nr more blocks of a unit that holds @held in @nr_extents go into extents?
 * One that holds more than its share already has been through a slot, or there was none.
 */
static bool may_pack(uint64_t pack_blocks, uint64_t held, uint64_t nr_extents, uint64_t nr)
{
	if (extents_are_scattered(nr_extents + 1, held + nr))
		return false;
	return held + nr <= pack_blocks || held > pack_blocks;
}

/** Is [start, end) in @unit to be packed? @idle: there are slots that cost nothing. */
static bool must_pack(const struct data_file *file, const struct stripe_group *unit, uint64_t start,
		      uint64_t end, bool idle, struct packed *ret_packed)
{
	const struct mapping *map = &file->map;
	const struct extent_map *extents = &file->space.extents;
	uint64_t base = unit->first * mapping_chunk_blocks(map), held;
	uint64_t unit_end = mapping_unit_end(map, unit);
	struct packed part;

	if (mapping_nr_slots_missing(map, unit->first, stripe_last_chunk(unit)) == 0)
		return false;
	part = growth_part_of(map, unit, start, end);
	held = extent_map_covered(extents, base, unit_end);
	if (part.nr_blocks > 0 &&
	    ((held == 0 && idle) ||
	     !may_pack(file->space.alloc->pack_blocks, held,
		       extent_map_count(extents, base, unit_end), part.nr_blocks)))
		return false;
	*ret_packed = part;
	return true;
}

static struct need find_need(const struct data_file *file, uint64_t start, uint64_t end,
			     enum growth_how how)
{
	const struct mapping *map = &file->map;
	struct stripe_group head = unit_of(map, start, how), tail = unit_of(map, end - 1, how);
	struct need need = { .first = head.first, .last = stripe_last_chunk(&tail) };
	bool idle = file_slots_nr_rising(&file->space.slots,
					 mapping_nr_slots_missing(map, need.first, need.last)) == 0;

	if (head.first != tail.first && must_pack(file, &tail, start, end, idle, &need.tail))
		need.last = tail.first - 1;
	if (must_pack(file, &head, start, end, idle, &need.head))
		need.first = stripe_last_chunk(&head) + 1;
	if (need.first <= need.last)
		need.nr_slots = mapping_nr_slots_missing(map, need.first, need.last);
	return need;
}

struct need growth_need_of(struct data_file *file, uint64_t start, uint64_t end,
			   enum growth_how how)
{
	struct need need = find_need(file, start, end, how);
	unsigned failed;

	if (need.nr_slots == 0 && growth_nr_packed(&need) == 0)
		return need;
	failed = allocator_note_failed_luns(file->space.alloc);
	if (failed == file->space.slots.failed)
		return need;
	file->space.slots.failed = (uint8_t)failed;
	return find_need(file, start, end, how);
}

bool growth_fits(const struct data_file *file, const struct need *need, enum growth_how how,
		 uint64_t ret_more[SUPERPIPE_MAX_LUNS])
{
	const struct file_slots *slots = &file->space.slots;
	bool good = true;

	memset(ret_more, 0, SUPERPIPE_MAX_LUNS * sizeof(ret_more[0]));
	if (slots->striped && need->nr_slots > 0) {
		mapping_slots_missing_on_luns(&file->map, need->first, need->last, ret_more);
		for (unsigned lun = 0; lun < slots->nr_luns; lun++) {
			ret_more[lun] -= min_u64(ret_more[lun], file_slots_nr_free_on(slots, lun));
			good = good && ret_more[lun] == 0;
		}
	}
	return (good || how != GROWTH_ON_PREFERRED_LUNS) &&
	       need->nr_slots <= file_slots_nr_free(slots);
}
