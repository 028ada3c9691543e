/* SPDX-License-Identifier: Apache-2.0 */
#include "data/space.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "data/ready.h"

static void count(_Atomic uint64_t *counter, uint64_t before, uint64_t after)
{
	(void)atomic_fetch_add_explicit(counter, after - before, memory_order_relaxed);
}

void space_recount_locked(struct data_file *file)
{
	uint32_t before = file->counted_chunks;
	uint32_t after = file->dying ? 0 : file->map.nr_tail;

	if (before == after)
		return;
	count(&file->vol->luns[file->map.lun].nr_used, before, after);
	count(&file->vol->nr_vluns, before > 0, after > 0);
	file->counted_chunks = after;
}

void space_account_locked(struct data_file *file)
{
	uint32_t before = file->counted_chunks;

	space_recount_locked(file);
	if (file->counted_chunks < before)
		space_want_locked(file, FILE_WANTS_TRIM);
}

/** The file has no vLUN and gets one that is ready, if there is one. */
static void adopt_ready_locked(struct data_file *file)
{
	struct mapping *map = &file->map;
	struct ready_vlun ready;

	if (mapping_grow_slots(map, 1) || !ready_take(file->vol, &ready))
		return;
	map->vlun = ready.vlun;
	map->lun = ready.lun;
	map->nr_slots = 1;
	ready_note(file->vol, true);
}

int space_take_locked(struct data_file *file, uint64_t first, uint64_t last)
{
	uint64_t missing = mapping_missing(&file->map, first, last);
	int err;

	if (missing == 0)
		return 0;
	/* A file that needs more at once should be on the LUN with most room. */
	if (!file->map.vlun && missing == 1)
		adopt_ready_locked(file);
	if (missing > mapping_free_slots(&file->map))
		return -ENOSPC;
	err = mapping_assign(&file->map, first, last);
	if (err)
		space_want_locked(file, FILE_WANTS_TRIM);
	space_recount_locked(file);
	return err;
}

/* ---- worker: one file's vLUN -------------------------------------------------------------- */

static void spares_add(struct data_file *file)
{
	if (file->in_spares)
		return;
	file->in_spares = true;
	file->spare_since_ns = clock_now_ns();
	TAILQ_INSERT_TAIL(&file->vol->spares, file, spares_link);
}

static void spares_remove(struct data_file *file)
{
	if (!file->in_spares)
		return;
	file->in_spares = false;
	TAILQ_REMOVE(&file->vol->spares, file, spares_link);
}

static void set_slots(struct data_file *file, uint32_t nr_slots)
{
	file_lock(file);
	file->map.nr_slots = nr_slots;
	file_unlock(file);
}

/**
 * Resizes to @wanted slots, more than the file has. Not all may be granted.
 * Return: 0, also when nothing was; -ENOMEM; -EIO.
 */
static int grow_slots(struct data_file *file, uint32_t wanted)
{
	uint64_t granted;
	uint32_t before;
	int err;

	file_lock(file);
	before = file->map.nr_slots;
	err = mapping_grow_slots(&file->map, wanted);
	file_unlock(file);
	if (err || wanted <= before)
		return err;
	granted = before;
	err = superpipe_vlun_resize(file->map.vlun, wanted, &granted);
	if (granted > before)
		set_slots(file, (uint32_t)min_u64(granted, wanted));
	return err == -ENOSPC ? 0 : err;
}

/** Takes the slots beyond the tail away from the file, so that nobody uses them any more. */
static struct superpipe_vlun *cut_tail(struct data_file *file, uint32_t *ret_before,
				       uint32_t *ret_after)
{
	struct mapping *map = &file->map;
	struct superpipe_vlun *vlun;

	file_lock(file);
	vlun = map->vlun;
	*ret_before = map->nr_slots;
	*ret_after = map->nr_tail;
	map->nr_slots = map->nr_tail;
	if (map->nr_tail == 0)
		map->vlun = NULL;
	file->asked_ahead_at = 0;
	file_unlock(file);
	return vlun;
}

/** Gives back what the file holds beyond its tail. Return: whether that was anything. */
static bool trim(struct data_file *file)
{
	uint32_t before, after;
	struct superpipe_vlun *vlun;
	uint64_t granted;

	spares_remove(file);
	vlun = cut_tail(file, &before, &after);
	/* Without a vLUN it may be freed by now: file_release() then needs no worker. */
	if (!vlun)
		return false;
	if (after == 0) {
		(void)superpipe_vlun_close(vlun); /* fails with the adapter only */
		return before > 0;
	}
	if (before == after)
		return false;
	if (superpipe_vlun_resize(vlun, after, &granted) == 0)
		return true;
	set_slots(file, before);
	spares_add(file);
	return false;
}

/** Calls back what is held on @lun ahead of need. Return: whether that was anything. */
static bool reclaim(struct data_volume *vol, unsigned lun, const struct data_file *except)
{
	bool any = ready_reclaim(vol, lun);
	struct data_file *file, *next;

	for (file = TAILQ_FIRST(&vol->spares); file; file = next) {
		next = TAILQ_NEXT(file, spares_link);
		if (file != except && file->map.lun == lun && trim(file))
			any = true;
	}
	return any;
}

/** Return: how many slots the file should have so that [first, last] fit; 0: enough already. */
static uint32_t slots_wanted(struct data_file *file, uint64_t first, uint64_t last)
{
	struct mapping *map = &file->map;
	uint64_t missing, wanted = 0;

	file_lock(file);
	missing = mapping_missing(map, first, last);
	if (missing > mapping_free_slots(map))
		wanted = map->nr_slots + missing - mapping_free_slots(map);
	file_unlock(file);
	return (uint32_t)min_u64(wanted, UINT32_MAX / 2);
}

/** A resize may grant a part of what there is: asks until there is no more. */
static int grow_vlun(struct data_volume *vol, struct data_file *file, uint32_t wanted)
{
	unsigned lun = file->map.lun;
	uint32_t most = (uint32_t)min_u64(wanted, vol->luns[lun].nr_chunks), before;
	int err;

	do {
		before = file->map.nr_slots;
		err = grow_slots(file, most);
	} while (!err && file->map.nr_slots < most &&
		 (file->map.nr_slots > before || reclaim(vol, lun, file)));
	return err;
}

static bool has_vlun(struct data_file *file)
{
	bool has;

	file_lock(file);
	has = file->map.vlun != NULL;
	file_unlock(file);
	return has;
}

/** Another operation on the file may have adopted one meanwhile: then @vlun is not needed. */
static void attach_vlun(struct data_file *file, struct superpipe_vlun *vlun, unsigned lun)
{
	bool needed;

	file_lock(file);
	needed = !file->map.vlun;
	if (needed) {
		file->map.vlun = vlun;
		file->map.lun = lun;
	}
	file_unlock(file);
	if (!needed)
		(void)superpipe_vlun_close(vlun);
}

static int open_vlun(struct data_volume *vol, struct data_file *file, unsigned lun,
		     uint32_t wanted)
{
	struct superpipe_vlun *vlun;
	int err = superpipe_vlun_open(vol->sp, lun, &vlun);

	if (err == -ENOSPC && ready_give_back(vol))
		err = superpipe_vlun_open(vol->sp, lun, &vlun);
	if (err)
		return err;
	attach_vlun(file, vlun, lun);
	err = grow_vlun(vol, file, wanted);
	if (file->map.nr_slots == 0)
		(void)trim(file);
	return err;
}

/** Tries one LUN after the other until one has room. */
static int grow_new(struct data_volume *vol, struct data_file *file, uint32_t wanted)
{
	unsigned tried = 0, lun;
	int err = -ENOSPC;

	while ((lun = volume_roomiest_lun(vol, tried)) < vol->nr_luns) {
		tried |= 1u << lun;
		err = open_vlun(vol, file, lun, wanted);
		if (has_vlun(file) || (err && err != -ENOSPC))
			break;
	}
	/* One that was adopted meanwhile, by another operation, has a single chunk. */
	if ((!err || err == -ENOSPC) && has_vlun(file))
		err = file->map.nr_slots < wanted ? grow_vlun(vol, file, wanted) : 0;
	if (!err && wanted == 1 && has_vlun(file))
		ready_note(vol, false);
	return err == -ENOSPC ? 0 : err;
}

uint64_t space_tidy(struct data_volume *vol, uint64_t quiet_ns)
{
	uint64_t now = clock_now_ns();
	struct data_file *file;

	while ((file = TAILQ_FIRST(&vol->spares))) {
		if (file->spare_since_ns + quiet_ns > now)
			return file->spare_since_ns + quiet_ns;
		(void)trim(file);
	}
	return UINT64_MAX;
}

/* ---- worker: growth ----------------------------------------------------------------------- */

static bool needs_all(const struct data_op *op)
{
	return op->kind != DATA_OP_WRITE;
}

static uint64_t first_chunk(struct data_op *op)
{
	return mapping_chunk_of(&op->file->map, block_floor(op_priv(op)->cursor));
}

static uint64_t last_chunk(struct data_op *op)
{
	return mapping_chunk_of(&op->file->map, block_floor(op_priv(op)->end - 1));
}

/** No volume could ever hold it: do not take everything there is first. */
static bool too_large(struct data_volume *vol, const struct data_op *op, uint32_t wanted)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < vol->nr_luns; i++)
		most = max_u64(most, vol->luns[i].nr_chunks);
	return needs_all(op) && wanted > most;
}

/** Return: 0 when all slots were there; -ENOSPC, -ENOMEM, -EIO why not. */
static int get_slots(struct data_volume *vol, struct data_op *op)
{
	struct data_file *file = op->file;
	uint32_t wanted = slots_wanted(file, first_chunk(op), last_chunk(op));
	int err;

	if (wanted == 0)
		return 0;
	if (too_large(vol, op, wanted))
		return -ENOSPC;
	err = has_vlun(file) ? grow_vlun(vol, file, wanted) : grow_new(vol, file, wanted);
	if (err)
		return err;
	return file->map.nr_slots >= wanted ? 0 : -ENOSPC;
}

static bool is_dying(struct data_file *file)
{
	bool dying;

	file_lock(file);
	dying = file->dying;
	file_unlock(file);
	return dying;
}

/** Slots that were got but not used are given back, or noted. */
static void settle_growth(struct data_file *file, int err)
{
	bool spare;

	file_lock(file);
	spare = file->map.nr_slots > file->map.nr_tail;
	file_unlock(file);
	if (spare && err)
		(void)trim(file);
	else if (spare)
		spares_add(file);
}

/** What there is goes to those kinds that can do with less. Return: why there is not more. */
static int take_rest(struct data_op *op, int err)
{
	struct data_file *file = op->file;

	if (needs_all(op))
		return err;
	file_lock(file);
	if (mapping_assign(&file->map, first_chunk(op), last_chunk(op)))
		err = -ENOMEM;
	space_recount_locked(file);
	file_unlock(file);
	return err;
}

/** Return: as get_slots(), once the slots that were got have been taken. */
static int get_and_take(struct data_volume *vol, struct data_op *op)
{
	struct data_file *file = op->file;
	int err;

	do {
		err = get_slots(vol, op);
		if (err)
			break;
		/* Another operation on the file may have been faster: then there must be more. */
		file_lock(file);
		err = space_take_locked(file, first_chunk(op), last_chunk(op));
		file_unlock(file);
	} while (err == -ENOSPC);
	return err;
}

static void grow_run(struct data_volume *vol, struct data_job *job)
{
	struct data_op_priv *priv =
		(struct data_op_priv *)((char *)job - offsetof(struct data_op_priv, job));
	struct data_op *op = (struct data_op *)((char *)priv - offsetof(struct data_op, priv));
	enum volume_stall hope;
	uint64_t nr_releases;
	int err;

	do {
		nr_releases = volume_nr_releases(vol);
		hope = VOLUME_HOPELESS;
		err = get_and_take(vol, op);
		/* A dying file does not wait for others: they might wait for it. */
		if (err == -ENOSPC && !is_dying(op->file))
			hope = volume_stall(vol, job, nr_releases);
	} while (hope == VOLUME_RETRY);
	if (hope == VOLUME_STALLED)
		return;
	priv->error = err ? take_rest(op, err) : 0;
	settle_growth(op->file, priv->error);
	data_op_run(op);
}

enum data_verdict space_grow(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	priv->job.run = grow_run;
	volume_queue(op->file->vol, &priv->job);
	return DATA_WAIT;
}

/* ---- worker: background ------------------------------------------------------------------- */

static void take_ahead(struct data_volume *vol, struct data_file *file)
{
	struct mapping *map = &file->map;
	uint32_t wanted;

	file_lock(file);
	wanted = map->vlun && !file->dying && mapping_free_slots(map) == 0 ? map->nr_slots + 1 : 0;
	file_unlock(file);
	if (wanted == 0 || wanted > vol->luns[map->lun].nr_chunks)
		return;
	/* Failure is no matter: who needs the chunk will ask again and be told. */
	(void)grow_slots(file, wanted);
	if (map->nr_slots == wanted)
		spares_add(file);
}

static void background_run(struct data_volume *vol, struct data_job *job)
{
	struct data_file *file =
		(struct data_file *)((char *)job - offsetof(struct data_file, job));
	unsigned wants;
	bool last;

	file_lock(file);
	wants = file->wants;
	file->wants = 0;
	file_unlock(file);
	if (wants & FILE_WANTS_TRIM)
		(void)trim(file);
	else
		take_ahead(vol, file);
	file_lock(file);
	last = file_put_locked(file);
	file_unlock(file);
	if (last)
		file_release(file);
}

void space_want_locked(struct data_file *file, unsigned wants)
{
	if (file->fixed)
		return;
	bool queued = file->wants != 0;

	if (file->dying)
		return;
	file->wants |= (uint8_t)wants;
	if (queued)
		return;
	file->refs++;
	file->job.run = background_run;
	volume_queue(file->vol, &file->job);
}

void space_ahead_locked(struct data_file *file, uint64_t last_block)
{
	struct mapping *map = &file->map;

	if (mapping_free_slots(map) > 0 || file->asked_ahead_at == map->nr_slots ||
	    !mapping_half_written(map, mapping_chunk_of(map, last_block)))
		return;
	file->asked_ahead_at = map->nr_slots;
	space_want_locked(file, FILE_WANTS_AHEAD);
}

void space_release(struct data_volume *vol, struct data_job *job)
{
	struct data_file *file =
		(struct data_file *)((char *)job - offsetof(struct data_file, job));

	(void)vol;
	spares_remove(file);
	(void)superpipe_vlun_close(file->map.vlun);
	file->map.vlun = NULL;
	file_destroy(file);
}
