/* SPDX-License-Identifier: Apache-2.0 */
/* Growth on the worker, for an operation that did not find enough free space. */
#include <errno.h>

#include "base/minmax.h"
#include "data/alloc/grow.h"
#include "data/alloc/reserve.h"
#include "data/growth_internal.h"
#include "data/share.h"

/** Larger than the volume: fail before taking all free space. */
static bool too_large(const struct data_op *op, uint64_t nr_slots)
{
	return growth_needs_all(op) && nr_slots > lun_table_nr_chunks(&op->file->space.alloc->luns);
}

/** Cuts @need down if it would use the reserve. Return: whether it need not. */
static bool keep_reserve(const struct data_op *op, struct need *need)
{
	const struct data_file *file = op->file;
	uint64_t headroom = reserve_headroom(file->space.alloc, op->keeps_reserve);

	if (growth_cost_of(file, need) <= headroom)
		return true;
	need->nr_slots =
		min_u64(need->nr_slots, file_slots_nr_below_tail(&file->space.slots) +
						headroom / mapping_chunk_blocks(&file->map));
	return false;
}

/** What the worker must get for the operation. */
struct wanted {
	struct need need;
	uint64_t more[SUPERPIPE_MAX_LUNS]; /* slots on each LUN that chunks prefer */
	uint64_t nr_slots;                 /* that the file should have in all */
	bool denied;                       /* the reserve does not allow all */
	bool grow;                         /* the file has too few free slots */
};

static void find_wanted(struct data_op *op, enum growth_how how, struct wanted *wanted)
{
	struct data_file *file = op->file;
	struct file_slots *slots = &file->space.slots;

	file_lock(file);
	wanted->need = growth_need_of(file, growth_first_block(op), growth_end_block(op), how);
	wanted->denied = !keep_reserve(op, &wanted->need);
	/* A file without a vLUN begins on the LUN with most room. */
	if (slots->striped && !file_slots_has_vlun(slots)) {
		file_slots_prefer(slots, wanted->need.first,
				  lun_table_most_free(&file->space.alloc->luns, 0));
		file_space_report_vlun_locked(&file->space, slots->home);
	}
	wanted->grow = !growth_fits(file, &wanted->need, GROWTH_ON_PREFERRED_LUNS, wanted->more);
	wanted->nr_slots = file_slots_nr(slots) - file_slots_nr_free(slots) + wanted->need.nr_slots;
	file_unlock(file);
}

/** Grows the file on the LUNs that its chunks prefer, then on any. Return: as grow_file(). */
static int get_slots(struct data_file *file, const struct wanted *wanted)
{
	struct file_space *space = &file->space;
	uint64_t nr;

	for (unsigned lun = 0; lun < space->slots.nr_luns; lun++) {
		if (wanted->more[lun] > 0 && grow_on_lun(space, lun, wanted->more[lun]) == -ENOMEM)
			return -ENOMEM;
	}
	file_lock(file);
	nr = file_slots_nr(&space->slots);
	file_unlock(file);
	return nr < wanted->nr_slots ? grow_file(space, wanted->nr_slots - nr) : 0;
}

/** Return: 0 when all slots and free blocks were there; -ENOSPC, -ENOMEM, -EIO why not. */
static int get_flash(struct data_op *op, enum growth_how how)
{
	struct wanted wanted;
	int err = 0;

	find_wanted(op, how, &wanted);
	if (wanted.denied && growth_needs_all(op))
		return -ENOSPC;
	if (wanted.grow && too_large(op, wanted.nr_slots))
		return -ENOSPC;
	if (wanted.grow)
		err = get_slots(op->file, &wanted);
	if (!err && wanted.denied)
		err = -ENOSPC;
	return err ? err : grow_segments(op->file->space.alloc, growth_nr_packed(&wanted.need));
}

static bool is_freed(struct data_file *file)
{
	bool freed;

	file_lock(file);
	freed = file->space.freed;
	file_unlock(file);
	return freed;
}

/** Gets flash and takes it. Return: as get_flash(). */
static int grow_as(struct data_op *op, enum growth_how how)
{
	struct data_file *file = op->file;
	int err;

	do {
		err = get_flash(op, how);
		if (err)
			break;
		/* Another operation may have taken it: then ask for more. */
		file_lock(file);
		err = growth_try_locked(op, growth_first_block(op), growth_end_block(op), how);
		file_unlock(file);
	} while (err == -ENOSPC);
	return err;
}

static int grow_op(struct data_op *op)
{
	int err = grow_as(op, GROWTH_ON_ANY_LUN);

	if (err == -ENOSPC && op->file->space.slots.striped)
		err = grow_as(op, GROWTH_IN_ORDER);
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
		lun_table_forget_full(&op->file->space.alloc->luns);
		err = grow_op(op);
		if (err == -ENOSPC && share_all(op->file->space.alloc))
			defer = WORKER_RETRY;
		/* A freed file does not wait for others, because they might wait for it. */
		else if (err == -ENOSPC && !is_freed(op->file))
			defer = worker_defer(worker, job, nr_releases);
	} while (defer == WORKER_RETRY);
	if (defer == WORKER_DEFERRED)
		return;
	priv->error = err ? growth_take_rest(op, err) : 0;
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
