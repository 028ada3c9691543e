/* SPDX-License-Identifier: Apache-2.0 */
#include "data/growth.h"

#include <errno.h>

#include "data/alloc/background.h"
#include "data/alloc/grow.h"

int growth_take_locked(struct data_file *file, uint64_t first, uint64_t last)
{
	uint64_t missing = mapping_nr_missing(&file->map, first, last);
	int err;

	if (missing == 0)
		return 0;
	/* A file that needs more at once should be on the LUN with most room. */
	if (!file->space.slots.vlun && missing == 1)
		file_space_take_pooled_locked(&file->space);
	if (missing > slots_nr_free(&file->space.slots))
		return -ENOSPC;
	err = mapping_assign(&file->map, first, last);
	if (err)
		background_shrink_locked(&file->space);
	file_space_count_locked(&file->space);
	return err;
}

/* ---- worker: growth for an operation -------------------------------------------------------- */

/** Return: how many slots the file should have so that [first, last] fit; 0: enough already. */
static uint32_t nr_wanted(struct data_file *file, uint64_t first, uint64_t last)
{
	const struct slots *slots = &file->space.slots;
	uint64_t missing, wanted = 0;

	file_lock(file);
	missing = mapping_nr_missing(&file->map, first, last);
	if (missing > slots_nr_free(slots))
		wanted = slots->nr + missing - slots_nr_free(slots);
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

/** No LUN could ever hold it: fail before taking all that is free. */
static bool too_large(const struct data_op *op, uint32_t wanted)
{
	struct lun_table *luns = &op->file->space.alloc->luns;
	uint64_t most = 0;

	for (unsigned i = 0; i < luns->nr_luns; i++)
		most = max_u64(most, luns->luns[i].nr_chunks);
	return needs_all(op) && wanted > most;
}

/** Return: 0 when all slots were there; -ENOSPC, -ENOMEM, -EIO why not. */
static int get_slots(struct data_op *op)
{
	struct data_file *file = op->file;
	uint32_t wanted = nr_wanted(file, first_chunk(op), last_chunk(op));
	int err;

	if (wanted == 0)
		return 0;
	if (too_large(op, wanted))
		return -ENOSPC;
	err = grow_file(&file->space, wanted);
	if (err)
		return err;
	return file->space.slots.nr >= wanted ? 0 : -ENOSPC;
}

static bool is_freed(struct data_file *file)
{
	bool freed;

	file_lock(file);
	freed = file->space.freed;
	file_unlock(file);
	return freed;
}

/** A write takes what there is. Return: why there is not more. */
static int take_rest(struct data_op *op, int err)
{
	struct data_file *file = op->file;

	if (needs_all(op))
		return err;
	file_lock(file);
	if (mapping_assign(&file->map, first_chunk(op), last_chunk(op)))
		err = -ENOMEM;
	file_space_count_locked(&file->space);
	file_unlock(file);
	return err;
}

/** Return: as get_slots(), once the slots that were got have been taken. */
static int get_and_take(struct data_op *op)
{
	struct data_file *file = op->file;
	int err;

	do {
		err = get_slots(op);
		if (err)
			break;
		/* Another operation on the file may have taken them: then ask for more. */
		file_lock(file);
		err = growth_take_locked(file, first_chunk(op), last_chunk(op));
		file_unlock(file);
	} while (err == -ENOSPC);
	return err;
}

static void grow_run(struct worker_job *job)
{
	struct data_op_priv *priv = container_of(job, struct data_op_priv, job);
	struct data_op *op = op_of_priv(priv);
	struct worker *worker = &op->file->space.alloc->worker;
	enum worker_defer defer;
	uint64_t nr_releases;
	int err;

	do {
		nr_releases = worker_nr_releases(worker);
		defer = WORKER_FULL;
		err = get_and_take(op);
		/* A freed file does not wait for others, because they might wait for it. */
		if (err == -ENOSPC && !is_freed(op->file))
			defer = worker_defer(worker, job, nr_releases);
	} while (defer == WORKER_RETRY);
	if (defer == WORKER_DEFERRED)
		return;
	priv->error = err ? take_rest(op, err) : 0;
	grow_settle(&op->file->space, priv->error != 0);
	data_op_run(op);
}

enum step_result growth_start(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	priv->job.run = grow_run;
	worker_queue(&op->file->space.alloc->worker, &priv->job);
	return STEP_WAIT;
}

void growth_ahead_locked(struct data_file *file, uint64_t last_block)
{
	struct file_space *space = &file->space;
	const struct mapping *map = &file->map;

	if (slots_nr_free(&space->slots) > 0 || space->prealloc_asked_at == space->slots.nr ||
	    !mapping_half_written(map, mapping_chunk_of(map, last_block)))
		return;
	space->prealloc_asked_at = space->slots.nr;
	background_grow_locked(space);
}
