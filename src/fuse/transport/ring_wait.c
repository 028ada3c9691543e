/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a ring's thread waits for work, and how other threads give it some.
 *
 * While requests are under way, it polls for poll_us for the completions of their commands, and for
 * new requests. Then it sleeps in the kernel.
 */
#include "fuse/transport/ring.h"

#if FS_HAVE_IO_URING

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fuse/transport/ring_internal.h"

/* ---- work of other threads ---- */

static void wake_locked(struct ring *ring)
{
	const uint64_t one = 1;

	if (atomic_exchange(&ring->asleep, false))
		(void)!write(ring->wake_fd, &one, sizeof(one));
}

void ring_post(struct ring *ring, struct slot *slot)
{
	slot->next = NULL;
	pthread_mutex_lock(&ring->lock);
	*ring->resumed_end = slot;
	ring->resumed_end = &slot->next;
	atomic_store(&ring->has_resumed, true);
	wake_locked(ring); /* under the lock, because the ring may end after its last answer */
	pthread_mutex_unlock(&ring->lock);
}

void ring_stop(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	atomic_store(&ring->stop, true);
	wake_locked(ring);
	pthread_mutex_unlock(&ring->lock);
}

void ring_wake(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	atomic_store(&ring->has_resumed, true);
	wake_locked(ring);
	pthread_mutex_unlock(&ring->lock);
}

static struct slot *take_resumed(struct ring *ring)
{
	struct slot *first;

	pthread_mutex_lock(&ring->lock);
	first = ring->resumed;
	ring->resumed = NULL;
	ring->resumed_end = &ring->resumed;
	atomic_store(&ring->has_resumed, false);
	pthread_mutex_unlock(&ring->lock);
	return first;
}

void ring_resume_all(struct ring *ring)
{
	struct slot *slot, *next;

	if (!atomic_load(&ring->has_resumed))
		return;
	for (slot = take_resumed(ring); slot; slot = next) {
		next = slot->next;
		slot->resume(slot->arg);
	}
}

/* ---- waiting ---- */

static bool kernel_has_work(const struct ring *ring)
{
	return IO_URING_READ_ONCE(*ring->io.sq.kflags) & IORING_SQ_TASKRUN;
}

/* Runs on the thread of idle_sched's monitor, so it reads only atomic variables and memory shared
 * with the kernel. */
static bool has_work(void *arg)
{
	const struct ring *ring = arg;
	const struct io_uring_sq *sq = &ring->io.sq;
	const struct io_uring_cq *cq = &ring->io.cq;

	return kernel_has_work(ring) || atomic_load(&ring->has_resumed) ||
	       io_uring_smp_load_acquire(cq->ktail) != io_uring_smp_load_acquire(cq->khead) ||
	       io_uring_smp_load_acquire(sq->ktail) != io_uring_smp_load_acquire(sq->khead);
}

static bool found_something(struct ring *ring)
{
	if (kernel_has_work(ring))
		(void)io_uring_get_events(&ring->io);
	return atomic_load(&ring->has_resumed) || io_uring_cq_ready(&ring->io);
}

/* Polls for completions of commands, and lets other threads run between polls.
 * Return: true if there is something to do. */
static bool poll_a_while(struct ring *ring)
{
	uint64_t until_us;

	if (!ring->poller.on)
		return false;
	until_us = clock_now_us() + transport_poll_us(ring->transport);
	do {
		if (poller_poll(&ring->poller) || found_something(ring))
			return true;
		(void)sched_yield();
	} while (clock_now_us() < until_us);
	return false;
}

static void wait_in_kernel(struct ring *ring)
{
	struct pollfd fd = { .fd = ring->wake_fd, .events = POLLIN };
	int ret = io_uring_submit_and_wait(&ring->io, 1);

	if (ret >= 0 || ret == -EINTR || ret == -EAGAIN || ret == -EBUSY)
		return;
	log_err("io_uring: %s", strerror(-ret));
	transport_end(ring->transport, ret);
	(void)poll(&fd, 1, -1); /* until a request is resumed, or the end */
}

void ring_wait(struct ring *ring)
{
	if (ring->nr_kept) {
		ring_submit(ring);
		if (found_something(ring) || poll_a_while(ring))
			return;
	}
	poller_stop(&ring->poller);
	idle_sched_set_busy(&ring->idle, false);
	/* Pairs with ring_post() and ring_stop(), which store has_resumed or stop and then look
	 * whether the ring is asleep. All are sequentially consistent, so no wakeup is lost. */
	atomic_store(&ring->asleep, true);
	if (!atomic_load(&ring->has_resumed) && !ring_is_over(ring))
		wait_in_kernel(ring);
	atomic_store(&ring->asleep, false);
	if (ring->nr_entries)
		idle_sched_join(ring->transport->idle_sched, &ring->idle, has_work, ring);
	idle_sched_set_busy(&ring->idle, true);
}

#endif
