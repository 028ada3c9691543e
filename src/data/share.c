/* SPDX-License-Identifier: Apache-2.0 */
#include "data/share.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "data/alloc/shrink.h"
#include "data/file.h"
#include "data/freeze.h"

/* While there is space, a file keeps its blocks if less than one in this many is unused. */
#define SPARE_SHARE 8u

#define MIN_WAIT_NS 1000000u

enum share_result {
	SHARED,
	SHARE_LATER,    /* the file is in use */
	SHARE_SHRUNK,   /* first it has to give back chunks that it does not use at all */
	SHARE_IF_SHORT, /* it leaves little unused */
	SHARE_NOT,      /* it leaves nothing, or is freed */
};

/* ---- one file, with its lock ---- */

static uint64_t nr_spare_locked(const struct data_file *file, uint64_t *ret_nr_held)
{
	const struct file_slots *slots = &file->space.slots;

	*ret_nr_held = 0;
	for (unsigned lun = 0; lun < slots->nr_luns; lun++) {
		const struct slots *on = file_slots_on(slots, lun);

		if (on)
			*ret_nr_held += (uint64_t)on->nr_tail * mapping_chunk_blocks(&file->map);
	}
	return *ret_nr_held - mapping_nr_in_chunks(&file->map);
}

/** Blocks on a LUN that has failed are not free. */
static bool has_failed_lun(const struct file_space *space)
{
	unsigned failed = space->alloc->luns.failed;

	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		const struct file_vlun *vlun = file_space_vlun_locked(space, lun);

		if (vlun && vlun->slots.vlun && failed & (1u << lun))
			return true;
	}
	return false;
}

static void free_segments(struct segment *segments[])
{
	for (unsigned lun = 0; lun < SUPERPIPE_MAX_LUNS; lun++)
		segment_free(segments[lun]);
}

/** One for each vLUN of the file. Return: false: no memory, or a vLUN is too large. */
static bool make_segments(const struct data_file *file, struct segment *segments[])
{
	for (unsigned lun = 0; lun < file->space.slots.nr_luns; lun++) {
		const struct slots *slots = file_slots_on(&file->space.slots, lun);
		uint32_t nr;

		if (!slots || slots->nr == 0)
			continue;
		if (__builtin_mul_overflow(slots->nr, mapping_chunk_blocks(&file->map), &nr))
			return false;
		segments[lun] =
			segments_new(&file->space.alloc->segments.pool, slots->vlun, lun, nr);
		if (!segments[lun])
			return false;
	}
	return true;
}

/** Replaces the vLUN by the segment in all counts at once. */
static void replace_vlun(struct file_vlun *vlun, struct segment *segment)
{
	struct allocator *alloc = vlun->space->alloc;
	unsigned lun = vlun->slots.lun;

	(void)pthread_mutex_lock(&alloc->segments.lock);
	lun_table_count(&alloc->luns, lun, vlun->counted_chunks, vlun->slots.nr);
	vlun->counted_chunks = 0;
	segments_insert(&alloc->segments.pool, segment, clock_now_ns());
	(void)pthread_mutex_unlock(&alloc->segments.lock);
	slots_clear(&vlun->slots);
	file_vlun_clear_reclaimable(vlun);
	file_vlun_watch(vlun, NULL);
}

/** Before other files can take blocks of the segments. */
static void report_locked(const struct data_file *file, struct segment *const segments[])
{
	unsigned lun = 0;

	while (!segments[lun])
		lun++;
	DATA_CHANGED(&file->space.alloc->changes, .kind = DATA_CHANGE_SHARED,
		     .number = file->space.number, .first = segments[lun]->number);
}

static bool share_locked(struct data_file *file)
{
	struct segment *segments[SUPERPIPE_MAX_LUNS] = { NULL };

	if (!make_segments(file, segments) || !mapping_share(&file->map, segments)) {
		free_segments(segments);
		return false;
	}
	report_locked(file, segments);
	for (unsigned lun = 0; lun < file->space.slots.nr_luns; lun++) {
		if (segments[lun])
			replace_vlun(file_space_vlun_locked(&file->space, lun), segments[lun]);
	}
	file->space.prealloc_asked_at = 0;
	return true;
}

/** A thread that has a reference may be about to write, or to move blocks. */
static bool is_in_use_locked(const struct data_file *file, struct file_vlun *vlun, bool idle)
{
	if (file->space.refs > 1)
		return true;
	if (!idle || vlun->nr_seen == file->map.nr_allocated)
		return false;
	vlun->nr_seen = file->map.nr_allocated;
	return true;
}

static bool has_unused_chunks_locked(const struct file_space *space)
{
	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		const struct slots *slots = file_slots_on(&space->slots, lun);

		if (slots && slots->nr > slots->nr_tail)
			return true;
	}
	return false;
}

static enum share_result try_share_locked(struct data_file *file, struct file_vlun *vlun, bool idle)
{
	uint64_t nr_held, nr_spare = nr_spare_locked(file, &nr_held);

	if (file->space.freed || file->space.is_plun || nr_spare == 0 ||
	    has_failed_lun(&file->space))
		return SHARE_NOT;
	if (is_in_use_locked(file, vlun, idle))
		return SHARE_LATER;
	if (idle && nr_spare < nr_held / SPARE_SHARE)
		return SHARE_IF_SHORT;
	if (idle && has_unused_chunks_locked(&file->space))
		return SHARE_SHRUNK;
	return share_locked(file) ? SHARED : SHARE_NOT;
}

/* ---- all of them ---- */

/** The file may be gone afterwards. Return: whether it was shared. */
static bool try_share(struct allocator *alloc, struct file_vlun *vlun, bool idle)
{
	struct data_file *file = container_of(vlun->space, struct data_file, space);
	unsigned lun = vlun->slots.lun;
	enum share_result result;

	file_lock(file);
	result = try_share_locked(file, vlun, idle);
	if (result == SHARE_SHRUNK)
		file->space.refs++;
	if (result == SHARE_LATER || result == SHARE_SHRUNK)
		file_vlun_watch(vlun, &alloc->watched);
	else if (result == SHARE_IF_SHORT)
		file_vlun_watch(vlun, &alloc->spare);
	else
		file_vlun_watch(vlun, NULL);
	file_unlock(file);
	if (result == SHARE_SHRUNK) {
		shrink_file(&file->space);
		data_file_put(file);
	}
	if (result == SHARED) {
		log_debug(LOGC_DATA, "LUN %u: the vLUN of a file becomes a segment", lun);
		segment_vluns_note_given(&alloc->segments);
	}
	return result == SHARED;
}

bool share_all(struct allocator *alloc)
{
	bool any = false;
	struct file_vlun *vlun;

	for (uint64_t nr = alloc->nr_watched; nr > 0; nr--) {
		vlun = TAILQ_FIRST(&alloc->spare);
		if (!vlun)
			vlun = TAILQ_FIRST(&alloc->watched);
		if (!vlun)
			break;
		any |= try_share(alloc, vlun, false);
	}
	return any;
}

/** Return: when the next one will have been idle for long enough. */
static uint64_t share_idle_files(struct allocator *alloc)
{
	/* A file is looked at twice before it counts as idle. */
	uint64_t now = clock_now_ns(), wait_ns = max_u64(alloc->idle_ns / 2, MIN_WAIT_NS);
	struct file_vlun *vlun;

	while ((vlun = TAILQ_FIRST(&alloc->watched))) {
		if (vlun->watched_since_ns + wait_ns > now)
			return vlun->watched_since_ns + wait_ns;
		(void)try_share(alloc, vlun, true);
	}
	return UINT64_MAX;
}

uint64_t share_idle(void *arg)
{
	uint64_t share_at = share_idle_files(arg);

	return min_u64(share_at, shrink_idle(arg));
}
