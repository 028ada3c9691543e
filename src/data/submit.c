/* SPDX-License-Identifier: Apache-2.0 */
/* submit - how an operation begins: the table of kinds, and data_run(), which waits. */
#include <pthread.h>

#include "data/file.h"
#include "data/kinds.h"
#include "data/op.h"
#include "data/whole_lun.h"

struct op_class {
	int (*check)(struct data_op *op);
	data_step_fn *granted;
	bool exclusive;
};

static const struct op_class op_classes[] = {
	[DATA_OP_READ] = { data_read_check, data_read_granted, false },
	[DATA_OP_WRITE] = { data_write_check, data_write_granted, true },
	[DATA_OP_TRUNCATE] = { data_truncate_check, data_truncate_granted, true },
	[DATA_OP_ALLOCATE] = { data_fallocate_check, data_reserve_granted, true },
	[DATA_OP_PUNCH] = { data_fallocate_check, data_punch_granted, true },
	[DATA_OP_ZERO] = { data_fallocate_check, data_reserve_granted, true },
	[DATA_OP_HOLE] = { data_fallocate_check, data_punch_granted, true },
	[DATA_OP_MOVE] = { data_move_check, data_move_granted, true },
	[DATA_OP_AWAIT] = { data_await_check, data_await_granted, false },
};

void data_submit(struct data_op *op)
{
	const struct op_class *class = &op_classes[op->kind];
	int go = op->file->space.is_plun ? whole_lun_check(op) : 1;

	if (go > 0)
		go = class->check(op);
	if (go <= 0)
		op->done(op, go);
	else
		data_op_start(op, class->granted, class->exclusive);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done; /* protected by lock */
	ssize_t result;
};

static void wake_waiter(struct data_op *op, ssize_t result)
{
	struct waiter *waiter = op_priv(op)->waiter;

	(void)pthread_mutex_lock(&waiter->lock);
	waiter->result = result;
	waiter->done = true;
	(void)pthread_cond_signal(&waiter->wake);
	(void)pthread_mutex_unlock(&waiter->lock);
}

ssize_t data_run(struct data_op *op)
{
	struct waiter waiter = { .lock = PTHREAD_MUTEX_INITIALIZER,
				 .wake = PTHREAD_COND_INITIALIZER };

	op->done = wake_waiter;
	op_priv(op)->waiter = &waiter;
	data_submit(op);
	(void)pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		(void)pthread_cond_wait(&waiter.wake, &waiter.lock);
	(void)pthread_mutex_unlock(&waiter.lock);
	(void)pthread_cond_destroy(&waiter.wake);
	(void)pthread_mutex_destroy(&waiter.lock);
	return waiter.result;
}
