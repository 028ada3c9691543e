/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a thread that reads requests from /dev/fuse and serves them.
 *
 * One worker is active: it serves request after request, polls for poll_us when it finds none, and
 * then sleeps. So a program that waits for each answer finds a thread that is awake. A worker that
 * has served requests worth BEHIND_BYTES without a pause makes another one active if more requests
 * wait. A worker that finds no request becomes inactive, unless it is the last active one.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuse/transport/dev_fuse_internal.h"

/* A request costs as much as copying REQUEST_BYTES. Waking a worker costs less than BEHIND_BYTES.
 */
#define REQUEST_BYTES 2048
#define BEHIND_BYTES  65536

static bool has_more(const struct dev_fuse *dev_fuse)
{
	struct pollfd fd = { .fd = dev_fuse->fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static void call_if_behind(struct worker *worker, const struct fuse_in_header *header)
{
	struct dev_fuse *dev_fuse = worker->dev_fuse;

	worker->behind_bytes += REQUEST_BYTES + request_data_bytes(header);
	if (worker->behind_bytes < BEHIND_BYTES)
		return;
	worker->behind_bytes = 0;
	if (has_more(dev_fuse))
		thread_pool_call(&dev_fuse->pool, dev_fuse->nr_workers);
}

/* Replaces the slot if a request that is answered later keeps it. */
static void renew_slot(struct worker *worker)
{
	struct slot_pool *slots = worker->dev_fuse->transport->slots;

	if (worker->slot && atomic_load(&worker->slot->refs) == 1)
		return;
	if (worker->slot)
		slot_put(worker->slot);
	worker->slot = slot_pool_get(slots, false);
	if (worker->slot)
		return;
	poller_stop(&worker->poller); /* a polling thread must not sleep */
	worker->slot = slot_pool_get(slots, true);
	poller_start(&worker->poller);
}

/* Return: 1 a request was served; 0 there was none; -ENODEV the session is over; -errno. */
static int take_request(struct worker *worker)
{
	struct fuse_in_header *header;
	ssize_t got;

	renew_slot(worker);
	header = slot_header(worker->slot->payload);
	header->len = 0;
	got = read(worker->dev_fuse->fd, header, SLOT_HEADER_BYTES + SLOT_PAYLOAD_BYTES);
	if (got > 0) {
		call_if_behind(worker, header);
		transport_serve_request(worker->dev_fuse->transport, worker->slot);
		return 1;
	}
	/* ENOENT: the program was interrupted before the request could be read. */
	return got < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT ? -errno : 0;
}

/* ---- a worker ---- */

/* With rings, no program waits for the requests that arrive here, and they need no command. */
static bool is_beside_rings(const struct worker *worker)
{
	return transport_uses_uring(worker->dev_fuse->transport);
}

static void sleep_until_request(struct worker *worker)
{
	struct pollfd fds[2] = { { .fd = worker->dev_fuse->fd, .events = POLLIN },
				 { .fd = worker->dev_fuse->wake_fd, .events = POLLIN } };

	poller_stop(&worker->poller);
	idle_sched_set_busy(&worker->idle, false);
	(void)poll(fds, 2, -1);
	if (is_beside_rings(worker))
		idle_sched_join(worker->dev_fuse->transport->idle_sched, &worker->idle, NULL, NULL);
	else
		poller_start(&worker->poller);
	idle_sched_set_busy(&worker->idle, true);
}

/* After no request was found. Return: false if the worker is no longer needed. */
static bool pause_or_leave(struct worker *worker, uint64_t *last_us)
{
	struct dev_fuse *dev_fuse = worker->dev_fuse;
	unsigned poll_us = is_beside_rings(worker) ? 0 : transport_poll_us(dev_fuse->transport);

	worker->behind_bytes = 0;
	if (thread_pool_leave(&dev_fuse->pool))
		return false;
	if (clock_now_us() - *last_us < poll_us) {
		(void)sched_yield();
		return true;
	}
	sleep_until_request(worker);
	*last_us = clock_now_us();
	return true;
}

static void be_active(struct worker *worker)
{
	struct dev_fuse *dev_fuse = worker->dev_fuse;
	uint64_t last_us = clock_now_us();
	bool needed = true;
	int got = 0;

	poller_start(&worker->poller);
	idle_sched_set_busy(&worker->idle, true);
	while (needed && thread_pool_goes_on(&dev_fuse->pool) &&
	       (got = take_request(worker)) >= 0) {
		bool any = poller_poll(&worker->poller);

		if (got || any)
			last_us = clock_now_us();
		else
			needed = pause_or_leave(worker, &last_us);
	}
	poller_stop(&worker->poller);
	idle_sched_set_busy(&worker->idle, false);
	if (got < 0)
		transport_end(dev_fuse->transport, got == -ENODEV ? 0 : got);
	if (needed)
		thread_pool_rest(&dev_fuse->pool);
}

void *worker_main(void *arg)
{
	struct worker *worker = arg;

	poller_init(&worker->poller, worker->dev_fuse->transport);
	while (thread_pool_wait(&worker->dev_fuse->pool))
		be_active(worker);
	if (worker->slot)
		slot_put(worker->slot);
	return NULL;
}
