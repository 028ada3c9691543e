/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/grow.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/minmax.h"
#include "data/alloc/shrink.h"

/**
 * Resizes to @wanted slots, more than the vLUN has. Not all may be granted.
 * Return: 0, also when nothing was; -ENOMEM; -EIO.
 */
static int resize(struct file_vlun *vlun, uint32_t wanted)
{
	struct file_space *space = vlun->space;
	struct slots *slots = &vlun->slots;
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
		file_space_report_vlun_locked(space, slots->lun);
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

/** Takes back what is held ahead until the LUN may have a chunk. Return: whether it may. */
static bool make_room(struct allocator *alloc, unsigned lun, const struct file_space *except)
{
	while (!lun_table_may_grow(&alloc->luns, lun)) {
		if (!shrink_others(alloc, lun, except) && !close_empty_segments(alloc, lun))
			return false;
	}
	return true;
}

/** A resize may grant only a part of what is free, so this asks until there is no more. */
static int grow_vlun(struct file_vlun *vlun, uint64_t wanted)
{
	struct allocator *alloc = vlun->space->alloc;
	struct slots *slots = &vlun->slots;
	unsigned lun = slots->lun;
	uint32_t most = (uint32_t)min_u64(wanted, alloc->luns.luns[lun].nr_chunks), before;
	int err;

	do {
		before = slots->nr;
		err = resize(vlun, most);
	} while (!err && slots->nr < most &&
		 (slots->nr > before || shrink_others(alloc, lun, vlun->space) ||
		  close_empty_segments(alloc, lun)));
	return err;
}

static bool has_vlun(struct file_space *space)
{
	bool has;

	file_space_lock(space);
	has = file_slots_has_vlun(&space->slots);
	file_space_unlock(space);
	return has;
}

/** Closes @handle if another operation on the file has taken one from the pool meanwhile. */
static void attach(struct file_vlun *vlun, struct superpipe_vlun *handle)
{
	bool needed;

	file_space_lock(vlun->space);
	needed = !vlun->slots.vlun;
	if (needed) {
		vlun->slots.vlun = handle;
		file_space_report_vlun_locked(vlun->space, vlun->slots.lun);
	}
	file_space_unlock(vlun->space);
	if (!needed)
		lun_table_close(&vlun->space->alloc->luns, handle, 0);
}

/** With a handle of their own, segments can take what files without a handle hold. */
static bool is_last_handle_for_segments(struct allocator *alloc)
{
	return alloc->pack_blocks > 0 && !segment_vluns_exist(&alloc->segments) &&
	       lun_table_free_handles(&alloc->luns) <= alloc->luns.nr_luns;
}

/** Return: 0; -ENOSPC no handle, or no chunk; -ENOMEM; -EIO. */
static int open_vlun(struct file_vlun *vlun)
{
	struct allocator *alloc = vlun->space->alloc;
	unsigned lun = vlun->slots.lun;
	struct superpipe_vlun *handle;
	int err;

	if (is_last_handle_for_segments(alloc) || !make_room(alloc, lun, vlun->space))
		return -ENOSPC;
	err = superpipe_vlun_open(alloc->luns.sp, lun, &handle);
	if (err == -ENOSPC && (vlun_pool_close_all(&alloc->pool) ||
			       segment_vluns_close_empty(&alloc->segments, UINT32_MAX)))
		err = superpipe_vlun_open(alloc->luns.sp, lun, &handle);
	log_debug(LOGC_DATA, "LUN %u: open a vLUN: %s", lun, err ? strerror(-err) : "ok");
	if (!err)
		attach(vlun, handle);
	return err;
}

/** What the file has on @lun, made if need be. */
static struct file_vlun *make_vlun(struct file_space *space, unsigned lun, bool *ret_open)
{
	struct file_vlun *vlun;

	file_space_lock(space);
	vlun = file_space_make_vlun_locked(space, lun);
	*ret_open = vlun && vlun->slots.vlun;
	file_space_unlock(space);
	return vlun;
}

int grow_on_lun(struct file_space *space, unsigned lun, uint64_t nr)
{
	bool is_open;
	struct file_vlun *vlun = make_vlun(space, lun, &is_open);
	uint32_t before;
	int err = vlun ? 0 : -ENOMEM;

	if (!err && !is_open)
		err = open_vlun(vlun);
	if (err)
		return err;
	before = is_open ? vlun->slots.nr : 0;
	if (vlun->slots.nr < before + nr)
		err = grow_vlun(vlun, before + nr);
	if (vlun->slots.nr == 0)
		(void)shrink_vlun(vlun);
	return err;
}

static uint64_t nr_slots(struct file_space *space)
{
	uint64_t nr;

	file_space_lock(space);
	nr = file_slots_nr(&space->slots);
	file_space_unlock(space);
	return nr;
}

/** The file grows on @lun from now on, unless its chunks have their LUNs. */
static void set_home(struct file_space *space, unsigned lun)
{
	file_space_lock(space);
	if (!space->slots.striped && space->slots.home != lun) {
		space->slots.home = (uint8_t)lun;
		file_space_report_vlun_locked(space, lun);
	}
	file_space_unlock(space);
}

/** Grows on one LUN after the other, @lun first; one that has failed is passed over. */
static int grow_from(struct file_space *space, unsigned lun, uint64_t wanted)
{
	struct lun_table *luns = &space->alloc->luns;
	bool any_good = false;
	unsigned tried = 0;
	uint64_t now;
	int err = 0;

	while ((now = nr_slots(space)) < wanted && lun < luns->nr_luns && err != -ENOMEM) {
		tried |= 1u << lun;
		err = grow_on_lun(space, lun, wanted - now);
		any_good |= !err || err == -ENOSPC;
		if (!err)
			set_home(space, lun);
		lun = lun_table_most_free(luns, tried);
	}
	if (now >= wanted)
		return 0;
	return any_good && err != -ENOMEM ? -ENOSPC : err;
}

int grow_file(struct file_space *space, uint64_t nr)
{
	struct allocator *alloc = space->alloc;
	bool is_new = !has_vlun(space);
	unsigned lun = is_new ? lun_table_most_free(&alloc->luns, 0) : space->slots.home;
	int err = grow_from(space, lun, nr_slots(space) + nr);

	if (is_new && nr == 1 && has_vlun(space))
		vlun_pool_note_new(&alloc->pool, false, alloc->idle_ns);
	return err;
}

/** Takes back what others hold ahead of need there, and all handles held ahead of need. */
static int add_segment(struct allocator *alloc, unsigned lun)
{
	int err;

	do
		err = segment_vluns_add(&alloc->segments, lun);
	while (err == -ENOSPC &&
	       (shrink_others(alloc, lun, NULL) || vlun_pool_close_all(&alloc->pool)));
	/* Handles may be short, not chunks. */
	return err == -ENOSPC ? segment_vluns_enlarge(&alloc->segments, lun) : err;
}

/** A LUN that has failed does not count if another one is just full. */
static int add_segment_anywhere(struct allocator *alloc)
{
	unsigned tried = 0, lun;
	bool any_full = false;
	int err = -ENOSPC;

	while (err && err != -ENOMEM &&
	       (lun = lun_table_most_free(&alloc->luns, tried)) < alloc->luns.nr_luns) {
		tried |= 1u << lun;
		err = add_segment(alloc, lun);
		any_full |= err == -ENOSPC;
	}
	return err == -EIO && any_full ? -ENOSPC : err;
}

int grow_segments(struct allocator *alloc, uint64_t nr_blocks)
{
	int err = 0;

	while (!err && segment_vluns_nr_unclaimed(&alloc->segments) < nr_blocks)
		err = add_segment_anywhere(alloc);
	return err;
}

/** Return: whether the file has a vLUN on the LUN. */
static bool open_ahead(struct file_vlun *vlun, bool is_open)
{
	struct superpipe_vlun *handle;

	if (!is_open &&
	    superpipe_vlun_open(vlun->space->alloc->luns.sp, vlun->slots.lun, &handle) == 0)
		attach(vlun, handle);
	return vlun->slots.vlun != NULL;
}

/** An error does not matter: a write that needs the chunk asks again. */
static void grow_ahead_on(struct file_space *space, unsigned lun)
{
	bool is_open;
	struct file_vlun *vlun = make_vlun(space, lun, &is_open);
	uint32_t wanted;

	if (!vlun || !lun_table_may_grow(&space->alloc->luns, lun) || !open_ahead(vlun, is_open))
		return;
	wanted = vlun->slots.nr + 1;
	(void)resize(vlun, wanted);
	if (vlun->slots.nr == 0)
		(void)shrink_vlun(vlun);
	else if (vlun->slots.nr == wanted)
		file_vlun_set_reclaimable(vlun);
}

void grow_ahead(struct file_space *space)
{
	unsigned luns = 0;

	file_space_lock(space);
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		if (space->ahead_luns & (1u << lun) &&
		    file_slots_nr_free_on(&space->slots, lun) == 0)
			luns |= 1u << lun;
	}
	if (space->freed || !file_slots_has_vlun(&space->slots))
		luns = 0;
	file_space_unlock(space);
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		if (luns & (1u << lun))
			grow_ahead_on(space, lun);
	}
}

static void settle(struct file_vlun *vlun, bool failed)
{
	bool unused;

	file_space_lock(vlun->space);
	unused = vlun->slots.nr > vlun->slots.nr_tail;
	file_space_unlock(vlun->space);
	if (unused && failed)
		(void)shrink_vlun(vlun);
	else if (unused)
		file_vlun_set_reclaimable(vlun);
}

void grow_settle(struct file_space *space, bool failed)
{
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun(space, lun);

		if (vlun)
			settle(vlun, failed);
	}
}
