/* SPDX-License-Identifier: Apache-2.0 */
/* Allocates what is left when there is too little flash for all that an operation needs. */
#include <errno.h>

#include "base/minmax.h"
#include "data/alloc/grow.h"
#include "data/alloc/reserve.h"
#include "data/growth_internal.h"

/** Puts up to @nr_claimed blocks of [start, end) that have no place into extents, lowest first. */
static int pack_claimed(struct data_file *file, uint64_t start, uint64_t end, uint64_t nr_claimed)
{
	const struct mapping *map = &file->map;

	while (nr_claimed > 0) {
		struct stripe_group unit;
		struct packed part;
		uint64_t nr;

		start = mapping_first_block_missing(map, start, end);
		unit = mapping_unit_of(map, start);
		part = growth_part_of(map, &unit, start, end);
		nr = min_u64(part.nr_blocks, nr_claimed);
		nr_claimed -= nr;
		if (growth_pack(file, &part, nr)) {
			segments_unclaim(&map->space->alloc->segments.pool, nr_claimed);
			return -ENOMEM;
		}
		start = part.end;
	}
	return 0;
}

/**
 * Puts blocks into segments on any LUN, even more than a chunk may usually have there.
 * Return: 0: all blocks have places; else @err, or -ENOMEM.
 */
static int pack_rest(struct data_op *op, int err)
{
	struct data_file *file = op->file;
	struct segments *segments = &file->space.alloc->segments.pool;
	uint64_t start = growth_first_block(op), end = growth_end_block(op), missing, most,
		 nr_claimed = 0;

	missing = mapping_nr_blocks_missing(&file->map, start, end);
	if (missing == 0)
		return 0;
	most = min_u64(missing, reserve_enter(file->space.alloc, op->keeps_reserve));
	if (most > 0 && (most == missing || !growth_needs_all(op)))
		nr_claimed = segments_claim(segments, growth_needs_all(op) ? missing : 1, most);
	reserve_leave(file->space.alloc, op->keeps_reserve);
	if (nr_claimed == 0)
		return err;
	if (pack_claimed(file, start, end, nr_claimed))
		return -ENOMEM;
	return nr_claimed == missing ? 0 : err;
}

/** Gets segments for blocks without a place, unless @op needs all and the LUNs hold less. */
static void get_segments(struct data_op *op)
{
	struct data_file *file = op->file;
	struct allocator *alloc = file->space.alloc;
	uint64_t missing;

	file_lock(file);
	missing =
		mapping_nr_blocks_missing(&file->map, growth_first_block(op), growth_end_block(op));
	file_unlock(file);
	if (missing <= allocator_free_blocks(alloc) || !growth_needs_all(op))
		(void)grow_segments(alloc, missing);
}

/** Gives slots to the chunks of @op, lowest first, while the reserve allows it. Return: 0; -ENOMEM.
 */
static int take_slots_locked(struct data_op *op)
{
	struct data_file *file = op->file;
	struct allocator *alloc = file->space.alloc;
	const struct mapping *map = &file->map;
	uint64_t first = mapping_chunk_of(map, growth_first_block(op));
	uint64_t end = mapping_chunk_of(map, growth_end_block(op) - 1) + 1;
	uint64_t headroom = reserve_enter(alloc, op->keeps_reserve) / mapping_chunk_blocks(map);
	int err = 0;

	while (end > first &&
	       file_slots_nr_rising(&file->space.slots,
				    mapping_nr_slots_missing(map, first, end - 1)) > headroom)
		end--;
	if (end > first)
		err = growth_assign_locked(file, first, end - 1);
	reserve_leave(alloc, op->keeps_reserve);
	return err;
}

int growth_take_rest(struct data_op *op, int err)
{
	struct data_file *file = op->file;
	bool packs = err == -ENOSPC && file->space.alloc->pack_blocks > 0;

	if (growth_needs_all(op) && !packs)
		return err;
	file_lock(file);
	if (take_slots_locked(op))
		err = -ENOMEM;
	file_unlock(file);
	if (err == -ENOMEM || !packs)
		return err;
	get_segments(op);
	file_lock(file);
	err = pack_rest(op, err);
	file_unlock(file);
	return err;
}
