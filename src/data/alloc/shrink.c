/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/shrink.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"

/** Takes the slots beyond the tail from the file before the ioctl, so that no write uses them. */
static struct superpipe_vlun *cut_tail(struct file_vlun *vlun, uint32_t *ret_before,
				       uint32_t *ret_after)
{
	struct file_space *space = vlun->space;
	struct slots *slots = &vlun->slots;
	struct superpipe_vlun *handle;

	file_space_lock(space);
	handle = slots->vlun;
	*ret_before = slots->nr;
	*ret_after = slots->nr_tail;
	slots->nr = slots->nr_tail;
	if (slots->nr_tail == 0) {
		slots->vlun = NULL;
		file_vlun_watch(vlun, NULL);
	}
	if (handle)
		file_space_report_vlun_locked(space, slots->lun);
	space->prealloc_asked_at = 0;
	file_space_unlock(space);
	return handle;
}

static void restore_tail(struct file_vlun *vlun, uint32_t nr)
{
	file_space_lock(vlun->space);
	vlun->slots.nr = nr;
	file_space_report_vlun_locked(vlun->space, vlun->slots.lun);
	file_space_unlock(vlun->space);
	file_vlun_set_reclaimable(vlun);
}

bool shrink_vlun(struct file_vlun *vlun)
{
	unsigned lun = vlun->slots.lun;
	uint32_t before, after;
	struct lun_table *luns = &vlun->space->alloc->luns;
	struct superpipe_vlun *handle;
	uint32_t granted;
	int err;

	file_vlun_clear_reclaimable(vlun);
	handle = cut_tail(vlun, &before, &after);
	/* A file without a vLUN may be gone by now: file_space_release() then needs no worker. */
	if (!handle)
		return false;
	if (after == 0) {
		log_debug(LOGC_DATA, "LUN %u: close an empty vLUN of a file: %u chunks", lun,
			  before);
		lun_table_close(luns, handle, before);
		return before > 0;
	}
	if (before == after)
		return false;
	granted = before;
	err = lun_table_resize(luns, handle, before, after, &granted);
	log_debug(LOGC_DATA, "LUN %u: file shrinks from %u to %u chunks: %s", lun, before, after,
		  err ? strerror(-err) : "ok");
	if (!err)
		return true;
	restore_tail(vlun, before);
	return false;
}

void shrink_file(struct file_space *space)
{
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun(space, lun);

		if (vlun)
			(void)shrink_vlun(vlun);
	}
}

bool shrink_on_lun(struct allocator *alloc, unsigned lun, const struct file_space *except)
{
	bool any = vlun_pool_close_on(&alloc->pool, lun);
	struct file_vlun *vlun, *next;

	for (vlun = TAILQ_FIRST(&alloc->reclaimable); vlun; vlun = next) {
		next = TAILQ_NEXT(vlun, reclaimable_link);
		if (vlun->space != except && vlun->slots.lun == lun && shrink_vlun(vlun))
			any = true;
	}
	return any;
}

static uint64_t shrink_idle_files(struct allocator *alloc, uint64_t idle_ns)
{
	uint64_t now = clock_now_ns();
	struct file_vlun *vlun;

	while ((vlun = TAILQ_FIRST(&alloc->reclaimable))) {
		if (vlun->reclaimable_since_ns + idle_ns > now)
			return vlun->reclaimable_since_ns + idle_ns;
		(void)shrink_vlun(vlun);
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
