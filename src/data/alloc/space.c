/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/space.h"

#include <errno.h>
#include <stddef.h>

#include "data/alloc/ready.h"
#include "data/alloc/slots.h"

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

/* ---- worker: growth for an operation -------------------------------------------------------- */

/** Return: how many slots the file should have so that [first, last] fit; 0: enough already. */
static uint32_t nr_wanted(struct data_file *file, uint64_t first, uint64_t last)
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
	uint32_t wanted = nr_wanted(file, first_chunk(op), last_chunk(op));
	int err;

	if (wanted == 0)
		return 0;
	if (too_large(vol, op, wanted))
		return -ENOSPC;
	err = slots_grow(vol, file, wanted);
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
	slots_settle(op->file, priv->error != 0);
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
		(void)slots_trim(file);
	else
		slots_grow_ahead(vol, file);
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
	slots_close(file);
	file_destroy(file);
}
