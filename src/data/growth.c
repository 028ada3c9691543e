/* SPDX-License-Identifier: Apache-2.0 */
#include "data/growth.h"

#include <errno.h>

#include "data/alloc/background.h"
#include "data/alloc/grow.h"
#include "data/alloc/reserve.h"
#include "data/growth_need.h"
#include "data/mover.h"
#include "data/share.h"

/** So many blocks have been claimed for it. */
static int pack(struct data_file *file, const struct packed *part, uint64_t nr_claimed)
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
	err = pack(file, &need->head, need->head.nr_blocks);
	if (err)
		segments_unclaim(segments, need->tail.nr_blocks);
	else
		err = pack(file, &need->tail, need->tail.nr_blocks);
	if (err)
		mapping_drop_taken(&file->map, need->head.start, need->head.end);
	segment_vluns_note_taken(&file->space.alloc->segments);
	return err;
}

/** Return: as mapping_assign(). What the chunks have in extents follows. */
static int assign_locked(struct data_file *file, uint64_t first, uint64_t last)
{
	int err = mapping_assign(&file->map, first, last);

	(void)file_space_count_locked(&file->space);
	if (!err && file->space.extents.nr > 0)
		mover_queue_locked(file_volume(file)->mover, file);
	if (!err)
		background_watch_locked(&file->space);
	return err;
}

static int take_need(struct data_file *file, const struct need *need, enum growth_how how)
{
	uint64_t more[SUPERPIPE_MAX_LUNS];
	int err;

	if (need->nr_slots == 0)
		return pack_ends(file, need);
	/* A file that needs more at once should be on the LUN with most room. */
	if (need->nr_slots == 1 && !file_slots_has_vlun(&file->space.slots))
		file_space_take_pooled_locked(&file->space, need->first);
	if (!growth_fits(file, need, how, more))
		return -ENOSPC;
	err = pack_ends(file, need);
	if (err)
		return err;
	err = assign_locked(file, need->first, need->last);
	if (err) {
		mapping_drop_taken(&file->map, need->head.start, need->head.end);
		mapping_drop_taken(&file->map, need->tail.start, need->tail.end);
		background_shrink_locked(&file->space);
	}
	return err;
}

/** By how many blocks the free ones become fewer when it is taken. */
static uint64_t cost_of(const struct data_file *file, const struct need *need)
{
	return growth_nr_packed(need) + file_slots_nr_rising(&file->space.slots, need->nr_slots) *
						mapping_chunk_blocks(&file->map);
}

static int take_locked(struct data_op *op, uint64_t start, uint64_t end, enum growth_how how)
{
	struct data_file *file = op->file;
	struct allocator *alloc = file->space.alloc;
	struct need need = growth_need_of(file, start, end, how);
	int err = -ENOSPC;

	if (cost_of(file, &need) <= reserve_enter(alloc, op->spares_reserve))
		err = take_need(file, &need, how);
	reserve_leave(alloc, op->spares_reserve);
	return err;
}

int growth_take_locked(struct data_op *op, uint64_t start, uint64_t end)
{
	return take_locked(op, start, end, GROWTH_ON_PREFERRED_LUNS);
}

/* ---- worker: growth for an operation -------------------------------------------------------- */

static bool needs_all(const struct data_op *op)
{
	return op->kind != DATA_OP_WRITE;
}

static uint64_t first_block(struct data_op *op)
{
	return block_floor(op_priv(op)->cursor);
}

static uint64_t end_block(struct data_op *op)
{
	return block_ceil(op_priv(op)->end);
}

/** The volume could never hold it: fail before taking all that is free. */
static bool too_large(const struct data_op *op, uint64_t nr_slots)
{
	return needs_all(op) && nr_slots > lun_table_nr_chunks(&op->file->space.alloc->luns);
}

/** Leaves the reserve alone. Return: false: @need was more than that, and has fewer slots now. */
static bool spare_reserve(const struct data_op *op, struct need *need)
{
	const struct data_file *file = op->file;
	uint64_t headroom = reserve_headroom(file->space.alloc, op->spares_reserve);

	if (cost_of(file, need) <= headroom)
		return true;
	need->nr_slots =
		min_u64(need->nr_slots, file_slots_nr_below_tail(&file->space.slots) +
						headroom / mapping_chunk_blocks(&file->map));
	return false;
}

/** What the worker is to get. */
struct wanted {
	struct need need;
	uint64_t more[SUPERPIPE_MAX_LUNS]; /* slots on each LUN that chunks prefer */
	uint64_t nr_slots;                 /* all that the file should have then */
	bool denied;                       /* the reserve does not allow all */
	bool grow;
};

static void find_wanted(struct data_op *op, enum growth_how how, struct wanted *wanted)
{
	struct data_file *file = op->file;
	struct file_slots *slots = &file->space.slots;

	file_lock(file);
	wanted->need = growth_need_of(file, first_block(op), end_block(op), how);
	wanted->denied = !spare_reserve(op, &wanted->need);
	if (slots->striped && !file_slots_has_vlun(slots)) {
		file_slots_prefer(slots, wanted->need.first,
				  lun_table_roomiest(&file->space.alloc->luns, 0));
		file_space_report_vlun_locked(&file->space, slots->home);
	}
	wanted->grow = !growth_fits(file, &wanted->need, GROWTH_ON_PREFERRED_LUNS, wanted->more);
	wanted->nr_slots = file_slots_nr(slots) - file_slots_nr_free(slots) + wanted->need.nr_slots;
	file_unlock(file);
}

/** Where they should be, and what is missing then anywhere. Return: as grow_file(). */
static int get_slots(struct data_file *file, const struct wanted *wanted)
{
	struct file_space *space = &file->space;
	uint64_t nr;

	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		if (wanted->more[lun] > 0 && grow_on_lun(space, lun, wanted->more[lun]) == -ENOMEM)
			return -ENOMEM;
	}
	file_lock(file);
	nr = file_slots_nr(&space->slots);
	file_unlock(file);
	return nr < wanted->nr_slots ? grow_file(space, wanted->nr_slots - nr) : 0;
}

/** Return: 0 when all slots and free blocks were there; -ENOSPC, -ENOMEM, -EIO why not. */
static int get_flash(struct data_op *op, enum growth_how how)
{
	struct wanted wanted;
	int err = 0;

	find_wanted(op, how, &wanted);
	if (wanted.denied && needs_all(op))
		return -ENOSPC;
	if (wanted.grow && too_large(op, wanted.nr_slots))
		return -ENOSPC;
	if (wanted.grow)
		err = get_slots(op->file, &wanted);
	if (!err && wanted.denied)
		err = -ENOSPC;
	return err ? err : grow_segments(op->file->space.alloc, growth_nr_packed(&wanted.need));
}

static bool is_freed(struct data_file *file)
{
	bool freed;

	file_lock(file);
	freed = file->space.freed;
	file_unlock(file);
	return freed;
}

/** Puts up to @nr_claimed blocks of [start, end) that have no place into extents, lowest first. */
static int pack_claimed(struct data_file *file, uint64_t start, uint64_t end, uint64_t nr_claimed)
{
	const struct mapping *map = &file->map;

	while (nr_claimed > 0) {
		struct stripe_group unit;
		struct packed part;
		uint64_t nr;

		start = mapping_first_missing(map, start, end);
		unit = mapping_unit_of(map, start);
		part = growth_part_of(map, &unit, start, end);
		nr = min_u64(part.nr_blocks, nr_claimed);
		nr_claimed -= nr;
		if (pack(file, &part, nr)) {
			segments_unclaim(&map->space->alloc->segments.pool, nr_claimed);
			return -ENOMEM;
		}
		start = part.end;
	}
	return 0;
}

/**
 * What no slot could be got for goes into segments, on any LUN, however much it is.
 * Return: 0 when all blocks have places; else @err, or -ENOMEM.
 */
static int pack_rest(struct data_op *op, int err)
{
	struct data_file *file = op->file;
	struct segments *segments = &file->space.alloc->segments.pool;
	uint64_t start = first_block(op), end = end_block(op), missing, most, nr_claimed = 0;

	missing = mapping_nr_homeless(&file->map, start, end);
	if (missing == 0)
		return 0;
	most = min_u64(missing, reserve_enter(file->space.alloc, op->spares_reserve));
	if (most > 0 && (most == missing || !needs_all(op)))
		nr_claimed = segments_claim(segments, needs_all(op) ? missing : 1, most);
	reserve_leave(file->space.alloc, op->spares_reserve);
	if (nr_claimed == 0)
		return err;
	if (pack_claimed(file, start, end, nr_claimed))
		return -ENOMEM;
	return nr_claimed == missing ? 0 : err;
}

/** Gets segments for what has no slot, unless it is more than all LUNs hold. */
static void get_segments(struct data_op *op)
{
	struct data_file *file = op->file;
	struct allocator *alloc = file->space.alloc;
	uint64_t missing;

	file_lock(file);
	missing = mapping_nr_homeless(&file->map, first_block(op), end_block(op));
	file_unlock(file);
	if (missing <= allocator_free_blocks(alloc) || !needs_all(op))
		(void)grow_segments(alloc, missing);
}

/** Gives slots to the chunks of @op, lowest first, as long as there are any. */
static int take_slots_locked(struct data_op *op)
{
	struct data_file *file = op->file;
	struct allocator *alloc = file->space.alloc;
	const struct mapping *map = &file->map;
	uint64_t first = mapping_chunk_of(map, first_block(op));
	uint64_t end = mapping_chunk_of(map, end_block(op) - 1) + 1;
	uint64_t headroom = reserve_enter(alloc, op->spares_reserve) / mapping_chunk_blocks(map);
	int err = 0;

	while (end > first &&
	       file_slots_nr_rising(&file->space.slots, mapping_nr_missing(map, first, end - 1)) >
		       headroom)
		end--;
	if (end > first)
		err = assign_locked(file, first, end - 1);
	reserve_leave(alloc, op->spares_reserve);
	return err;
}

/** A write takes what there is, the others all or nothing. Return: 0; why there is not more. */
static int take_rest(struct data_op *op, int err)
{
	struct data_file *file = op->file;
	bool packs = err == -ENOSPC && file->space.alloc->pack_blocks > 0;

	if (needs_all(op) && !packs)
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

/** Return: as get_flash(), once what was got has been taken. */
static int get_and_take_so(struct data_op *op, enum growth_how how)
{
	struct data_file *file = op->file;
	int err;

	do {
		err = get_flash(op, how);
		if (err)
			break;
		/* Another operation may have taken it: then ask for more. */
		file_lock(file);
		err = take_locked(op, first_block(op), end_block(op), how);
		file_unlock(file);
	} while (err == -ENOSPC);
	return err;
}

static int get_and_take(struct data_op *op)
{
	int err = get_and_take_so(op, GROWTH_ON_ANY_LUN);

	if (err == -ENOSPC && op->file->space.slots.striped)
		err = get_and_take_so(op, GROWTH_IN_ORDER);
	return err;
}

static void grow_run(struct worker_job *job)
{
	struct data_op_priv *priv = container_of(job, struct data_op_priv, job);
	struct data_op *op = op_of_priv(priv);
	struct worker *worker = &op->file->space.alloc->worker;
	enum worker_defer defer;
	uint64_t nr_releases;
	int err;

	do {
		nr_releases = worker_nr_releases(worker);
		defer = WORKER_FULL;
		err = get_and_take(op);
		if (err == -ENOSPC && share_all(op->file->space.alloc))
			defer = WORKER_RETRY;
		/* A freed file does not wait for others, because they might wait for it. */
		else if (err == -ENOSPC && !is_freed(op->file))
			defer = worker_defer(worker, job, nr_releases);
	} while (defer == WORKER_RETRY);
	if (defer == WORKER_DEFERRED)
		return;
	priv->error = err ? take_rest(op, err) : 0;
	grow_settle(&op->file->space, priv->error != 0);
	data_op_run(op);
}

enum step_result growth_start(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	priv->job.run = grow_run;
	worker_queue(&op->file->space.alloc->worker, &priv->job);
	return STEP_WAIT;
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
