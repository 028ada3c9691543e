/* SPDX-License-Identifier: Apache-2.0 */
/* Progress: the device executes commands, and their ios complete, until nothing is left to do. */
#include "superpipe/ioq.h"
#include "superpipe/ioq_internal.h"

#define MAX_ROUNDS 64 /* of one drain; the reaper thread continues */

/*
 * The queues that this thread is draining, innermost first. If a callback submits, the inner
 * ioq_drain() only sets @again, so the stack does not grow with a chain of ios.
 */
struct drain_frame {
	struct ioq *q;
	bool again;
	struct drain_frame *outer;
};

static _Thread_local struct drain_frame *drain_innermost;

static bool already_draining(struct ioq *q)
{
	for (struct drain_frame *frame = drain_innermost; frame; frame = frame->outer) {
		if (frame->q == q) {
			frame->again = true;
			return true;
		}
	}
	return false;
}

/*
 * While nr_runners is not 0, no thread replaces the mapping. This thread increments nr_runners and
 * then reads the state; ioq_halt() sets the state and then reads nr_runners. At least one of them
 * sees the other.
 */
static unsigned run_device(struct ioq *q)
{
	unsigned nr_completed = 0;

	__atomic_fetch_add(&q->nr_runners, 1, __ATOMIC_SEQ_CST);
	if (ioq_state(q) == IOQ_RUNNING)
		nr_completed = q->ops->run(q->mmio);
	if (__atomic_sub_fetch(&q->nr_runners, 1, __ATOMIC_SEQ_CST) == 0 &&
	    ioq_state(q) != IOQ_RUNNING) {
		pthread_mutex_lock(&q->submit_lock);
		pthread_cond_broadcast(&q->no_runners);
		pthread_mutex_unlock(&q->submit_lock);
	}
	return nr_completed;
}

static unsigned fail_waiting(struct ioq *q)
{
	struct ioq_io_list ended = { NULL, NULL };

	if (ioq_state(q) != IOQ_FAILED)
		return 0;
	pthread_mutex_lock(&q->submit_lock);
	ioq_fail_fifo_locked(q, &ended);
	pthread_mutex_unlock(&q->submit_lock);
	if (!ended.head)
		return 0;
	ioq_run_callbacks(q, &ended);
	return 1;
}

bool ioq_drain(struct ioq *q)
{
	struct drain_frame frame = { .q = q, .outer = drain_innermost };
	unsigned nr_rounds = 0, nr_done;

	if (already_draining(q))
		return false;
	drain_innermost = &frame;
	do {
		frame.again = false;
		nr_done = run_device(q);
		nr_done += ioq_reap_batch(q, false);
		nr_done += fail_waiting(q);
	} while ((nr_done || frame.again) && ++nr_rounds < MAX_ROUNDS);
	drain_innermost = frame.outer;
	if (nr_rounds == MAX_ROUNDS)
		ioq_wake_reaper(q);
	else
		ioq_wake_reaper_if_needed(q);
	return nr_rounds != 0;
}
