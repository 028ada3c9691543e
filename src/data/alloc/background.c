/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/background.h"

#include "base/container_of.h"
#include "data/alloc/grow.h"
#include "data/alloc/shrink.h"

#define WANTS_SHRINK 0x1u
#define WANTS_GROW   0x2u
#define WANTS_WATCH  0x4u

static void watch(struct file_space *space)
{
	file_space_lock(space);
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		struct file_vlun *vlun = file_space_vlun_locked(space, lun);

		if (vlun && vlun->slots.vlun && vlun->watched != &space->alloc->watched)
			file_vlun_watch(vlun, &space->alloc->watched);
	}
	file_space_unlock(space);
}

static void run(struct worker_job *job)
{
	struct file_space *space = container_of(job, struct file_space, job);
	unsigned wants;
	bool last;

	file_space_lock(space);
	wants = space->wants;
	space->wants = 0;
	file_space_unlock(space);
	if (wants & WANTS_SHRINK)
		shrink_file(space);
	else if (wants & WANTS_GROW)
		grow_ahead(space);
	if (wants & WANTS_WATCH)
		watch(space);
	file_space_lock(space);
	last = file_space_put_locked(space);
	file_space_unlock(space);
	if (last)
		file_space_release(space);
}

static void want_locked(struct file_space *space, unsigned wants)
{
	bool queued = space->wants != 0;

	if (space->is_plun || space->freed)
		return;
	space->wants |= (uint8_t)wants;
	if (queued)
		return;
	space->refs++;
	space->job.run = run;
	worker_queue(&space->alloc->worker, &space->job);
}

void background_shrink_locked(struct file_space *space)
{
	want_locked(space, WANTS_SHRINK);
}

void background_grow_locked(struct file_space *space)
{
	want_locked(space, WANTS_GROW);
}

void background_watch_locked(struct file_space *space)
{
	if (space->alloc->pack_blocks > 0 && file_slots_has_vlun(&space->slots))
		want_locked(space, WANTS_WATCH);
}

void background_count_locked(struct file_space *space)
{
	if (file_space_count_locked(space))
		background_shrink_locked(space);
	background_watch_locked(space);
	segment_vluns_note_given(&space->alloc->segments);
}
