/* SPDX-License-Identifier: Apache-2.0 */
#include "data/freeze.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "data/file.h"
#include "data/freezer.h"
#include "data/kinds.h"
#include "data/op.h"

struct freezer {
	/* Set: new changes wait. Written under the lock, read under it or under that of a file. */
	_Atomic bool all;
	pthread_mutex_t lock;        /* taken after a file's */
	struct data_worklist parked; /* protected by lock */
};

struct freezer *freezer_new(void)
{
	struct freezer *freezer = calloc(1, sizeof(*freezer));

	if (!freezer)
		return NULL;
	(void)pthread_mutex_init(&freezer->lock, NULL);
	freezer->parked.tail = &freezer->parked.head;
	return freezer;
}

void freezer_free(struct freezer *freezer)
{
	if (!freezer)
		return;
	(void)pthread_mutex_destroy(&freezer->lock);
	free(freezer);
}

bool freezer_park_locked(struct data_op *op)
{
	const struct data_file *file = op->file;
	struct freezer *freezer = file_volume(file)->freezer;
	bool frozen;

	if (!file->frozen && !atomic_load_explicit(&freezer->all, memory_order_relaxed))
		return false;
	(void)pthread_mutex_lock(&freezer->lock);
	frozen = file->frozen || freezer->all;
	if (frozen)
		data_worklist_push(&freezer->parked, op);
	(void)pthread_mutex_unlock(&freezer->lock);
	return frozen;
}

/** Those that are still frozen park again. */
static void run_parked(struct freezer *freezer)
{
	struct data_op *op, *next;

	(void)pthread_mutex_lock(&freezer->lock);
	op = freezer->parked.head;
	freezer->parked.head = NULL;
	freezer->parked.tail = &freezer->parked.head;
	(void)pthread_mutex_unlock(&freezer->lock);
	for (; op; op = next) {
		next = op_priv(op)->next;
		data_op_run(op);
	}
}

/* ---- one file ---- */

void data_file_get(struct data_file *file)
{
	file_lock(file);
	file->space.refs++;
	file_unlock(file);
}

void data_file_put(struct data_file *file)
{
	bool last;

	file_lock(file);
	last = file_space_put_locked(&file->space);
	file_unlock(file);
	if (last)
		file_space_release(&file->space);
}

static void set_frozen(struct data_file *file, bool frozen)
{
	file_lock(file);
	file->frozen = frozen;
	file_unlock(file);
}

void data_file_freeze(struct data_file *file)
{
	set_frozen(file, true);
	data_file_await(file);
}

void data_file_thaw(struct data_file *file)
{
	set_frozen(file, false);
	run_parked(file_volume(file)->freezer);
}

/* ---- all ---- */

static void set_all(struct freezer *freezer, bool all)
{
	(void)pthread_mutex_lock(&freezer->lock);
	freezer->all = all;
	(void)pthread_mutex_unlock(&freezer->lock);
}

void data_volume_freeze(struct data_volume *vol)
{
	set_all(vol->freezer, true);
}

void data_volume_thaw(struct data_volume *vol)
{
	set_all(vol->freezer, false);
	run_parked(vol->freezer);
}

/* ---- waiting ---- */

int data_await_check(struct data_op *op)
{
	op_priv(op)->range.start = 0;
	op_priv(op)->range.end = RANGE_LOCK_END;
	return 1;
}

enum step_result data_await_granted(struct data_op *op, struct data_worklist *wl)
{
	return data_op_end_locked(op, wl, 0);
}

void data_file_await(struct data_file *file)
{
	struct data_op op = { .file = file, .kind = DATA_OP_AWAIT };

	(void)data_run(&op);
}
