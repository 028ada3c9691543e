/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/shrink.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"

/** Takes the slots beyond the tail away from the file, so that nothing uses them any more. */
static struct superpipe_vlun *cut_tail(struct file_space *space, uint32_t *ret_before,
				       uint32_t *ret_after)
{
	struct slots *slots = &space->slots;
	struct superpipe_vlun *vlun;

	file_space_lock(space);
	vlun = slots->vlun;
	*ret_before = slots->nr;
	*ret_after = slots->nr_tail;
	slots->nr = slots->nr_tail;
	if (slots->nr_tail == 0)
		slots->vlun = NULL;
	space->prealloc_asked_at = 0;
	file_space_unlock(space);
	return vlun;
}

static void restore_tail(struct file_space *space, uint32_t nr)
{
	file_space_lock(space);
	space->slots.nr = nr;
	file_space_unlock(space);
	file_space_set_reclaimable(space);
}

bool shrink_file(struct file_space *space)
{
	uint32_t before, after;
	struct lun_table *luns = &space->alloc->luns;
	struct superpipe_vlun *vlun;
	uint32_t granted;
	int err;

	file_space_clear_reclaimable(space);
	vlun = cut_tail(space, &before, &after);
	/* A file without a vLUN may be gone by now: file_space_release() then needs no worker. */
	if (!vlun)
		return false;
	if (after == 0) {
		log_debug(LOGC_DATA, "close the vLUN of an empty file: %u chunks", before);
		lun_table_close(luns, vlun, before);
		return before > 0;
	}
	if (before == after)
		return false;
	granted = before;
	err = lun_table_resize(luns, vlun, before, after, &granted);
	log_debug(LOGC_DATA, "file shrinks from %u to %u chunks: %s", before, after,
		  err ? strerror(-err) : "ok");
	if (!err)
		return true;
	restore_tail(space, before);
	return false;
}

bool shrink_on_lun(struct allocator *alloc, unsigned lun, const struct file_space *except)
{
	bool any = vlun_pool_close_on(&alloc->pool, lun);
	struct file_space *space, *next;

	for (space = TAILQ_FIRST(&alloc->reclaimable); space; space = next) {
		next = TAILQ_NEXT(space, reclaimable_link);
		if (space != except && space->slots.lun == lun && shrink_file(space))
			any = true;
	}
	return any;
}

static uint64_t shrink_idle_files(struct allocator *alloc, uint64_t idle_ns)
{
	uint64_t now = clock_now_ns();
	struct file_space *space;

	while ((space = TAILQ_FIRST(&alloc->reclaimable))) {
		if (space->reclaimable_since_ns + idle_ns > now)
			return space->reclaimable_since_ns + idle_ns;
		(void)shrink_file(space);
	}
	return UINT64_MAX;
}

uint64_t shrink_idle(void *arg)
{
	struct allocator *alloc = arg;
	uint64_t idle_ns = alloc->idle_ns;

	uint64_t files_at = shrink_idle_files(alloc, idle_ns);
	uint64_t pool_at = vlun_pool_close_idle(&alloc->pool, idle_ns);

	return min_u64(min_u64(files_at, pool_at),
		       segment_vluns_close_idle(&alloc->segments, idle_ns));
}
