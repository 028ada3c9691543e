/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/grow.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/minmax.h"
#include "data/alloc/shrink.h"

/**
 * Resizes to @wanted slots, more than the file has. Not all may be granted.
 * Return: 0, also when nothing was; -ENOMEM; -EIO.
 */
static int resize(struct file_space *space, uint32_t wanted)
{
	struct slots *slots = &space->slots;
	uint32_t before, granted;
	int err;

	file_space_lock(space);
	before = slots->nr;
	err = slots_make_room(slots, wanted);
	file_space_unlock(space);
	if (err || wanted <= before)
		return err;
	granted = before;
	err = lun_table_resize(&space->alloc->luns, slots->vlun, before, wanted, &granted);
	if (granted > before) {
		file_space_lock(space);
		slots->nr = granted;
		file_space_unlock(space);
	}
	log_debug(LOGC_DATA, "LUN %u: file grows from %u to %u chunks, wanted %u: %s", slots->lun,
		  before, slots->nr, wanted, err ? strerror(-err) : "ok");
	return err == -ENOSPC ? 0 : err;
}

/** What is held ahead on other LUNs helps only if the volume is at its limit. */
static bool shrink_others(struct allocator *alloc, unsigned lun, const struct file_space *except)
{
	bool any = shrink_on_lun(alloc, lun, except);

	for (unsigned i = 0; i < alloc->luns.nr_luns && !any; i++)
		any = lun_table_at_limit(&alloc->luns) && shrink_on_lun(alloc, i, except);
	return any;
}

static bool close_empty_segments(struct allocator *alloc, unsigned lun)
{
	bool anywhere = lun_table_at_limit(&alloc->luns);

	return segment_vluns_close_empty(&alloc->segments, anywhere ? UINT32_MAX : lun);
}

/** A resize may grant only a part of what is free, so this asks until there is no more. */
static int grow_vlun(struct file_space *space, uint32_t wanted)
{
	struct allocator *alloc = space->alloc;
	struct slots *slots = &space->slots;
	unsigned lun = slots->lun;
	uint32_t most = (uint32_t)min_u64(wanted, alloc->luns.luns[lun].nr_chunks), before;
	int err;

	do {
		before = slots->nr;
		err = resize(space, most);
	} while (!err && slots->nr < most &&
		 (slots->nr > before || shrink_others(alloc, lun, space) ||
		  close_empty_segments(alloc, lun)));
	return err;
}

static bool has_vlun(struct file_space *space)
{
	bool has;

	file_space_lock(space);
	has = space->slots.vlun != NULL;
	file_space_unlock(space);
	return has;
}

/** Closes @vlun if another operation on the file has taken one from the pool meanwhile. */
static void attach_vlun(struct file_space *space, struct superpipe_vlun *vlun, unsigned lun)
{
	bool needed;

	file_space_lock(space);
	needed = !space->slots.vlun;
	if (needed) {
		space->slots.vlun = vlun;
		space->slots.lun = lun;
	}
	file_space_unlock(space);
	if (!needed)
		lun_table_close(&space->alloc->luns, vlun, 0);
}

static int open_vlun(struct file_space *space, unsigned lun, uint32_t wanted)
{
	struct allocator *alloc = space->alloc;
	struct superpipe_vlun *vlun;
	int err = superpipe_vlun_open(alloc->luns.sp, lun, &vlun);

	if (err == -ENOSPC && (vlun_pool_close_all(&alloc->pool) ||
			       segment_vluns_close_empty(&alloc->segments, UINT32_MAX)))
		err = superpipe_vlun_open(alloc->luns.sp, lun, &vlun);
	log_debug(LOGC_DATA, "LUN %u: open a vLUN: %s", lun, err ? strerror(-err) : "ok");
	if (err)
		return err;
	attach_vlun(space, vlun, lun);
	err = grow_vlun(space, wanted);
	if (space->slots.nr == 0)
		(void)shrink_file(space);
	return err;
}

/** Tries one LUN after the other until one has room; one that has failed is passed over. */
static int grow_new(struct file_space *space, uint32_t wanted)
{
	struct allocator *alloc = space->alloc;
	unsigned tried = 0, lun;
	int err = -ENOSPC;

	while ((lun = lun_table_roomiest(&alloc->luns, tried)) < alloc->luns.nr_luns) {
		tried |= 1u << lun;
		err = open_vlun(space, lun, wanted);
		if (has_vlun(space) || err == -ENOMEM)
			break;
	}
	/* One that another operation has taken from the pool meanwhile has a single chunk. */
	if ((!err || err == -ENOSPC) && has_vlun(space))
		err = space->slots.nr < wanted ? grow_vlun(space, wanted) : 0;
	if (!err && wanted == 1 && has_vlun(space))
		vlun_pool_note_new(&alloc->pool, false, alloc->idle_ns);
	return err == -ENOSPC ? 0 : err;
}

int grow_file(struct file_space *space, uint32_t wanted)
{
	return has_vlun(space) ? grow_vlun(space, wanted) : grow_new(space, wanted);
}

/** Takes back what others hold ahead of need there, and all handles held ahead of need. */
static int add_segment(struct allocator *alloc, unsigned lun)
{
	int err;

	do
		err = segment_vluns_add(&alloc->segments, lun);
	while (err == -ENOSPC &&
	       (shrink_others(alloc, lun, NULL) || vlun_pool_close_all(&alloc->pool)));
	return err;
}

static int add_segment_anywhere(struct allocator *alloc)
{
	unsigned tried = 0, lun;
	int err = -ENOSPC;

	while (err && err != -ENOMEM &&
	       (lun = lun_table_roomiest(&alloc->luns, tried)) < alloc->luns.nr_luns) {
		tried |= 1u << lun;
		err = add_segment(alloc, lun);
	}
	return err;
}

int grow_segments(struct allocator *alloc, uint64_t nr_blocks)
{
	int err = 0;

	while (!err && segment_vluns_nr_unclaimed(&alloc->segments) < nr_blocks)
		err = add_segment_anywhere(alloc);
	return err;
}

void grow_ahead(struct file_space *space)
{
	struct slots *slots = &space->slots;
	uint32_t wanted = 0;

	file_space_lock(space);
	if (slots->vlun && !space->freed && slots_nr_free(slots) == 0)
		wanted = slots->nr + 1;
	file_space_unlock(space);
	if (wanted == 0 || wanted > space->alloc->luns.luns[slots->lun].nr_chunks)
		return;
	/* An error does not matter: a write that needs the chunk asks again. */
	(void)resize(space, wanted);
	if (slots->nr == wanted)
		file_space_set_reclaimable(space);
}

void grow_settle(struct file_space *space, bool failed)
{
	bool unused;

	file_space_lock(space);
	unused = space->slots.nr > space->slots.nr_tail;
	file_space_unlock(space);
	if (unused && failed)
		(void)shrink_file(space);
	else if (unused)
		file_space_set_reclaimable(space);
}
