/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/slots.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/minmax.h"
#include "data/alloc/ready.h"

/* ---- what files hold ahead of need -------------------------------------------------------- */

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

/* ---- one vLUN ------------------------------------------------------------------------------ */

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

bool slots_trim(struct data_file *file)
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

/* ---- growth -------------------------------------------------------------------------------- */

/** Calls back what is held on @lun ahead of need. Return: whether that was anything. */
static bool reclaim(struct data_volume *vol, unsigned lun, const struct data_file *except)
{
	bool any = ready_reclaim(vol, lun);
	struct data_file *file, *next;

	for (file = TAILQ_FIRST(&vol->spares); file; file = next) {
		next = TAILQ_NEXT(file, spares_link);
		if (file != except && file->map.lun == lun && slots_trim(file))
			any = true;
	}
	return any;
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

static int open_vlun(struct data_volume *vol, struct data_file *file, unsigned lun, uint32_t wanted)
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
		(void)slots_trim(file);
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

int slots_grow(struct data_volume *vol, struct data_file *file, uint32_t wanted)
{
	return has_vlun(file) ? grow_vlun(vol, file, wanted) : grow_new(vol, file, wanted);
}

void slots_grow_ahead(struct data_volume *vol, struct data_file *file)
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

/* ---- giving back --------------------------------------------------------------------------- */

void slots_settle(struct data_file *file, bool failed)
{
	bool spare;

	file_lock(file);
	spare = file->map.nr_slots > file->map.nr_tail;
	file_unlock(file);
	if (spare && failed)
		(void)slots_trim(file);
	else if (spare)
		spares_add(file);
}

uint64_t slots_tidy(struct data_volume *vol, uint64_t quiet_ns)
{
	uint64_t now = clock_now_ns();
	struct data_file *file;

	while ((file = TAILQ_FIRST(&vol->spares))) {
		if (file->spare_since_ns + quiet_ns > now)
			return file->spare_since_ns + quiet_ns;
		(void)slots_trim(file);
	}
	return UINT64_MAX;
}

void slots_close(struct data_file *file)
{
	spares_remove(file);
	(void)superpipe_vlun_close(file->map.vlun);
	file->map.vlun = NULL;
}
