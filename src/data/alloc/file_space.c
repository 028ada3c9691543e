/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/file_space.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/container_of.h"
#include "base/log.h"

void file_space_init(struct file_space *space, struct allocator *alloc,
		     void (*gone)(struct file_space *space))
{
	*space = (struct file_space){ .alloc = alloc, .gone = gone, .refs = 1 };
	space->number = atomic_fetch_add(&alloc->nr_file_numbers, 1) + 1;
	(void)pthread_mutex_init(&space->lock, NULL);
	file_slots_init(&space->slots, alloc->luns.nr_luns, alloc->striped);
}

/* ---- vLUNs ---- */

struct file_vlun *file_space_vlun_locked(const struct file_space *space, unsigned lun)
{
	struct slots *slots = file_slots_on(&space->slots, lun);

	return slots ? container_of(slots, struct file_vlun, slots) : NULL;
}

struct file_vlun *file_space_vlun(struct file_space *space, unsigned lun)
{
	struct file_vlun *vlun;

	file_space_lock(space);
	vlun = file_space_vlun_locked(space, lun);
	file_space_unlock(space);
	return vlun;
}

/** Not yet on a LUN; with memory for a slot. */
static struct file_vlun *vlun_new(struct file_space *space)
{
	struct file_vlun *vlun = calloc(1, sizeof(*vlun));

	if (!vlun)
		return NULL;
	vlun->space = space;
	slots_init(&vlun->slots);
	if (slots_make_room(&vlun->slots, 1) == 0 && file_slots_prepare(&space->slots) == 0)
		return vlun;
	slots_fini(&vlun->slots);
	free(vlun);
	return NULL;
}

static void vlun_free(struct file_vlun *vlun)
{
	slots_fini(&vlun->slots);
	free(vlun);
}

static void add_vlun(struct file_space *space, struct file_vlun *vlun, unsigned lun)
{
	vlun->slots.lun = lun;
	file_slots_add(&space->slots, &vlun->slots);
}

struct file_vlun *file_space_make_vlun_locked(struct file_space *space, unsigned lun)
{
	struct file_vlun *vlun = file_space_vlun_locked(space, lun);

	if (vlun)
		return vlun;
	vlun = vlun_new(space);
	if (vlun)
		add_vlun(space, vlun, lun);
	return vlun;
}

void file_space_report_vlun_locked(const struct file_space *space, unsigned lun)
{
	const struct slots *slots = file_slots_on(&space->slots, lun);
	bool has_vlun = slots && slots->vlun;

	DATA_CHANGED(&space->alloc->changes, .kind = DATA_CHANGE_VLUN, .number = space->number,
		     .lun = (uint8_t)lun, .flag = has_vlun, .home = space->slots.home,
		     .handle = has_vlun ? superpipe_vlun_handle(slots->vlun) : 0,
		     .nr = has_vlun ? slots->nr : 0);
}

void file_space_take_pooled_locked(struct file_space *space, uint64_t chunk)
{
	struct allocator *alloc = space->alloc;
	struct file_vlun *made = vlun_new(space), *vlun;
	struct pool_vlun pooled;

	if (!made)
		return;
	if (!vlun_pool_take(&alloc->pool, &pooled)) {
		vlun_free(made);
		return;
	}
	vlun = file_space_vlun_locked(space, pooled.lun);
	if (vlun)
		vlun_free(made);
	else
		add_vlun(space, vlun = made, pooled.lun);
	vlun->slots.vlun = pooled.vlun;
	vlun->slots.nr = 1;
	file_slots_prefer(&space->slots, chunk, pooled.lun);
	file_space_report_vlun_locked(space, pooled.lun);
	vlun_pool_note_new(&alloc->pool, true, alloc->idle_ns);
}

int file_space_adopt_vlun(struct file_space *space, struct superpipe_vlun *vlun, unsigned lun,
			  uint32_t nr)
{
	struct file_vlun *on_lun = file_space_make_vlun_locked(space, lun);

	if (!on_lun || slots_make_room(&on_lun->slots, nr))
		return -ENOMEM;
	if (on_lun->slots.vlun)
		return -EPROTO;
	on_lun->slots.vlun = vlun;
	on_lun->slots.nr = nr;
	lun_table_hold(&space->alloc->luns, lun, nr);
	return 0;
}

void file_space_settle(struct file_space *space)
{
	(void)file_space_count_locked(space);
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun_locked(space, lun);

		if (!vlun || !vlun->slots.vlun)
			continue;
		if (vlun->slots.nr > vlun->slots.nr_tail)
			file_vlun_set_reclaimable(vlun);
		if (space->alloc->pack_blocks > 0)
			file_vlun_watch(vlun, &space->alloc->watched);
	}
}

void file_vlun_set_reclaimable(struct file_vlun *vlun)
{
	if (vlun->is_reclaimable)
		return;
	vlun->is_reclaimable = true;
	vlun->reclaimable_since_ns = clock_now_ns();
	TAILQ_INSERT_TAIL(&vlun->space->alloc->reclaimable, vlun, reclaimable_link);
}

void file_vlun_clear_reclaimable(struct file_vlun *vlun)
{
	if (!vlun->is_reclaimable)
		return;
	vlun->is_reclaimable = false;
	TAILQ_REMOVE(&vlun->space->alloc->reclaimable, vlun, reclaimable_link);
}

void file_vlun_watch(struct file_vlun *vlun, struct file_vlun_list *list)
{
	struct allocator *alloc = vlun->space->alloc;

	if (vlun->watched)
		TAILQ_REMOVE(vlun->watched, vlun, watched_link);
	alloc->nr_watched += !!list - !!vlun->watched;
	vlun->watched = list;
	vlun->watched_since_ns = clock_now_ns();
	if (list)
		TAILQ_INSERT_TAIL(list, vlun, watched_link);
}

static bool count_locked(struct file_space *space, struct file_vlun *vlun)
{
	uint32_t before = vlun->counted_chunks;
	uint32_t after = space->freed ? 0 : vlun->slots.nr_tail;

	if (before == after)
		return false;
	lun_table_count(&space->alloc->luns, vlun->slots.lun, before, after);
	vlun->counted_chunks = after;
	return after < before;
}

bool file_space_count_locked(struct file_space *space)
{
	bool less = false;

	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun_locked(space, lun);

		if (vlun)
			less |= count_locked(space, vlun);
	}
	return less;
}

/* ---- end of a file ---- */

bool file_space_put_locked(struct file_space *space)
{
	return --space->refs == 0;
}

/* From now on no file owns what this one has. */
static void report_gone(const struct file_space *space)
{
	DATA_CHANGED(&space->alloc->changes, .kind = DATA_CHANGE_FILE_GONE,
		     .number = space->number);
}

static void give_extents(struct file_space *space)
{
	if (space->extents.nr == 0)
		return;
	extent_map_fini(&space->extents, &space->alloc->segments.pool, clock_now_ns());
	segment_vluns_note_given(&space->alloc->segments);
}

bool file_space_free_locked(struct file_space *space)
{
	bool last;

	space->freed = true;
	report_gone(space);
	(void)file_space_count_locked(space);
	last = file_space_put_locked(space);
	if (last)
		give_extents(space);
	/* Operations in flight may still take flash or hold it. */
	space->release_expected = !last || file_slots_has_vlun(&space->slots);
	if (space->release_expected)
		worker_expect_release(&space->alloc->worker);
	/* After that: a deferred job must always have something to wait for. */
	if (space->orphan)
		worker_end_possible_release(&space->alloc->worker);
	return last;
}

void file_space_set_orphan_locked(struct file_space *space, bool orphan)
{
	if (space->orphan == orphan)
		return;
	space->orphan = orphan;
	if (orphan)
		worker_begin_possible_release(&space->alloc->worker);
	else
		worker_end_possible_release(&space->alloc->worker);
}

static void finish(struct file_space *space)
{
	give_extents(space);
	if (space->release_expected)
		worker_note_release(&space->alloc->worker);
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun_locked(space, lun);

		if (vlun)
			vlun_free(vlun);
	}
	file_slots_fini(&space->slots);
	(void)pthread_mutex_destroy(&space->lock);
	space->gone(space);
}

static void close_vlun(struct file_vlun *vlun)
{
	file_vlun_clear_reclaimable(vlun);
	file_vlun_watch(vlun, NULL);
	if (!vlun->slots.vlun)
		return;
	log_debug(LOGC_DATA, "LUN %u: close a vLUN of a deleted file: %u chunks", vlun->slots.lun,
		  vlun->slots.nr);
	lun_table_close(&vlun->space->alloc->luns, vlun->slots.vlun,
			vlun->space->is_plun ? 0 : vlun->slots.nr);
	vlun->slots.vlun = NULL;
}

static void close_run(struct worker_job *job)
{
	struct file_space *space = container_of(job, struct file_space, job);

	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun_locked(space, lun);

		if (vlun)
			close_vlun(vlun);
	}
	finish(space);
}

void file_space_release(struct file_space *space)
{
	if (!file_slots_has_vlun(&space->slots)) {
		finish(space);
		return;
	}
	space->job.run = close_run;
	worker_queue(&space->alloc->worker, &space->job);
}
