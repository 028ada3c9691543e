/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/file_space.h"

#include "base/clock.h"
#include "base/container_of.h"
#include "base/log.h"

void file_space_init(struct file_space *space, struct allocator *alloc,
		     void (*gone)(struct file_space *space))
{
	*space = (struct file_space){ .alloc = alloc, .gone = gone, .refs = 1 };
	(void)pthread_mutex_init(&space->lock, NULL);
	slots_init(&space->slots);
}

void file_space_set_reclaimable(struct file_space *space)
{
	if (space->is_reclaimable)
		return;
	space->is_reclaimable = true;
	space->reclaimable_since_ns = clock_now_ns();
	TAILQ_INSERT_TAIL(&space->alloc->reclaimable, space, reclaimable_link);
}

void file_space_clear_reclaimable(struct file_space *space)
{
	if (!space->is_reclaimable)
		return;
	space->is_reclaimable = false;
	TAILQ_REMOVE(&space->alloc->reclaimable, space, reclaimable_link);
}

void file_space_count_locked(struct file_space *space)
{
	uint32_t before = space->counted_chunks;
	uint32_t after = space->freed ? 0 : space->slots.nr_tail;

	if (before == after)
		return;
	lun_table_count(&space->alloc->luns, space->slots.lun, before, after);
	space->counted_chunks = after;
}

void file_space_take_pooled_locked(struct file_space *space)
{
	struct allocator *alloc = space->alloc;
	struct slots *slots = &space->slots;
	struct pool_vlun pooled;

	if (slots_make_room(slots, 1) || !vlun_pool_take(&alloc->pool, &pooled))
		return;
	slots->vlun = pooled.vlun;
	slots->lun = pooled.lun;
	slots->nr = 1;
	vlun_pool_note_new(&alloc->pool, true, alloc->idle_ns);
}

/* ---- end of a file ------------------------------------------------------------------------ */

bool file_space_put_locked(struct file_space *space)
{
	return --space->refs == 0;
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
	file_space_count_locked(space);
	last = file_space_put_locked(space);
	if (last)
		give_extents(space);
	/* Operations in flight may still take flash or hold it. */
	space->release_expected = !last || space->slots.vlun;
	if (space->release_expected)
		worker_expect_release(&space->alloc->worker);
	/* After that: a job that waits for orphans must always have something to wait for. */
	if (space->orphan)
		worker_set_orphan(&space->alloc->worker, false);
	return last;
}

void file_space_set_orphan_locked(struct file_space *space, bool orphan)
{
	if (space->orphan == orphan)
		return;
	space->orphan = orphan;
	worker_set_orphan(&space->alloc->worker, orphan);
}

static void finish(struct file_space *space)
{
	give_extents(space);
	if (space->release_expected)
		worker_note_release(&space->alloc->worker);
	slots_fini(&space->slots);
	(void)pthread_mutex_destroy(&space->lock);
	space->gone(space);
}

static void close_run(struct worker_job *job)
{
	struct file_space *space = container_of(job, struct file_space, job);

	file_space_clear_reclaimable(space);
	log_debug(LOGC_DATA, "LUN %u: close the vLUN of a deleted file: %u chunks",
		  space->slots.lun, space->slots.nr);
	lun_table_close(&space->alloc->luns, space->slots.vlun,
			space->is_plun ? 0 : space->slots.nr);
	space->slots.vlun = NULL;
	finish(space);
}

void file_space_release(struct file_space *space)
{
	if (!space->slots.vlun) {
		finish(space);
		return;
	}
	space->job.run = close_run;
	worker_queue(&space->alloc->worker, &space->job);
}
