/* SPDX-License-Identifier: Apache-2.0 */
/* Reports changes of extents, see data/alloc/change.h. */
#include "base/minmax.h"
#include "data/mapping_internal.h"

static bool has_extents(const struct mapping *map, uint64_t start, uint64_t end)
{
	const struct extent *extent = extent_map_at(extents_of(map), start);

	return extent && extent->block < end;
}

static void add_extent(struct data_change *change, const struct extent *extent)
{
	if (extent->state == EXTENT_TAKEN)
		return;
	change->extents[change->nr_extents++] = (struct data_change_extent){
		.block = extent->block,
		.segment = extent->segment->number,
		.start = extent->start,
		.nr_blocks = extent->nr_blocks,
		.written = extent->state == EXTENT_WRITTEN,
	};
}

/* A change with room for extents. */
struct extents_change {
	_Alignas(struct data_change) char room[sizeof(struct data_change) +
					       DATA_CHANGE_MAX_EXTENTS *
						       sizeof(struct data_change_extent)];
};

static struct data_change *begin_extents(const struct mapping *map, struct extents_change *room,
					 uint64_t start)
{
	struct data_change *change = (struct data_change *)room->room;

	*change = (struct data_change){ .version = DATA_CHANGE_VERSION,
					.kind = DATA_CHANGE_EXTENTS,
					.number = map->space->number,
					.first = start };
	return change;
}

static void end_extents(const struct mapping *map, struct data_change *change, uint64_t end)
{
	const struct data_changes *changes = &map->space->alloc->changes;

	change->last = end;
	changes->changed(changes->arg, change);
}

/* As many as fit from @start on. Return: where the next change begins. */
static uint64_t report_some(const struct mapping *map, uint64_t start, uint64_t end)
{
	struct extents_change room;
	struct data_change *change = begin_extents(map, &room, start);
	const struct extent *extent;

	while ((extent = extent_map_at(extents_of(map), start)) && extent->block < end &&
	       change->nr_extents < DATA_CHANGE_MAX_EXTENTS) {
		add_extent(change, extent);
		start = extent_end(extent);
	}
	if (change->nr_extents < DATA_CHANGE_MAX_EXTENTS)
		start = max_u64(start, end);
	/* Extents of writes in flight are not reported. */
	if (change->nr_extents > 0)
		end_extents(map, change, start);
	return start;
}

void mapping_report_extents(const struct mapping *map, uint64_t start, uint64_t end)
{
	if (!map->space->alloc->changes.changed || !has_extents(map, start, end))
		return;
	start = min_u64(start, extent_map_at(extents_of(map), start)->block);
	while (start < end)
		start = report_some(map, start, end);
}

void mapping_report_no_extents(const struct mapping *map, uint64_t start, uint64_t end)
{
	if (has_extents(map, start, end))
		MAPPING_CHANGED(map, .kind = DATA_CHANGE_EXTENTS, .first = start, .last = end);
}

void mapping_report_replacement(const struct mapping *map, const struct extent *copy)
{
	struct extents_change room;
	struct data_change *change;

	if (!map->space->alloc->changes.changed)
		return;
	change = begin_extents(map, &room, copy->block);
	add_extent(change, copy);
	end_extents(map, change, extent_end(copy));
}
