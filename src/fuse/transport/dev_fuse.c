/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that read requests from /dev/fuse.
 *
 * One worker is active: it serves request after request, polls for poll_us when it finds none, and
 * then sleeps. So a program that waits for each answer finds a thread that is awake. A worker that
 * has served requests worth BEHIND_BYTES without a pause makes another one active if more requests
 * wait. A worker that finds no request becomes inactive, unless it is the last active one.
 *
 * All workers share one descriptor: a request belongs to the descriptor that it was read from, and
 * would be lost if that were closed.
 */
#include "fuse/transport/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fuse/transport/cpus.h"
#include "fuse/transport/found.h"
#include "fuse/transport/idle_sched.h"
#include "fuse/transport/thread_pool.h"

/* All workers take their requests from one queue of the kernel, so more would only contend. */
#define MAX_WORKERS 16
/* For requests that are answered later. The kernel sends no more at a time: see MAX_BACKGROUND in
 * init.c. */
#define NR_KEPT_SLOTS 256
/* A request costs as much as copying REQUEST_BYTES. Waking a worker costs less than BEHIND_BYTES.
 */
#define REQUEST_BYTES 2048
#define BEHIND_BYTES  65536

struct worker {
	struct dev_fuse *dev_fuse;
	pthread_t thread;

	/* Used by its own thread only: */
	struct slot *slot;
	struct poller poller;
	size_t behind_bytes; /* served since it last found no request, or called a worker */
	struct idle_sched_thread idle;
};

struct dev_fuse {
	struct transport *transport;
	int fd;      /* of the session */
	int wake_fd; /* wakes active workers at a pause and at the end */
	struct thread_pool pool;
	_Atomic unsigned nr_workers; /* that have started */
	struct worker workers[];
};

/* ---- serving a request ---- */

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

static void *worker_main(void *arg)
{
	struct worker *worker = arg;

	poller_init(&worker->poller, worker->dev_fuse->transport);
	while (thread_pool_wait(&worker->dev_fuse->pool))
		be_active(worker);
	if (worker->slot)
		slot_put(worker->slot);
	return NULL;
}

/* ---- start and end ---- */

static unsigned nr_workers_of_use(const struct transport_config *config)
{
	unsigned nr = config->nr_workers ? config->nr_workers : cpus_usable();

	return nr < MAX_WORKERS || config->nr_workers ? nr : MAX_WORKERS;
}

size_t dev_fuse_nr_slots(const struct transport_config *config)
{
	return nr_workers_of_use(config) + NR_KEPT_SLOTS;
}

static int make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

static int dev_fuse_new(struct transport *transport, unsigned nr_workers,
			struct dev_fuse **ret_dev_fuse)
{
	struct dev_fuse *dev_fuse =
		calloc(1, sizeof(*dev_fuse) + nr_workers * sizeof(dev_fuse->workers[0]));
	int err;

	if (!dev_fuse)
		return -ENOMEM;
	dev_fuse->transport = transport;
	dev_fuse->fd = fuse_session_fd(transport->session);
	err = make_nonblocking(dev_fuse->fd);
	if (!err) {
		dev_fuse->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err = dev_fuse->wake_fd < 0 ? -errno : 0;
	}
	if (err) {
		free(dev_fuse);
		return err;
	}
	thread_pool_init(&dev_fuse->pool, true);
	*ret_dev_fuse = dev_fuse;
	return 0;
}

/* Return: 0 if at least one has started. */
static int start_workers(struct dev_fuse *dev_fuse, unsigned nr_workers)
{
	int err = 0;

	for (unsigned i = 0; i < nr_workers && !err; i++) {
		struct worker *worker = &dev_fuse->workers[i];

		worker->dev_fuse = dev_fuse;
		err = thread_start(&worker->thread, worker_main, worker, "cxlfs-worker");
		if (!err)
			dev_fuse->nr_workers++;
	}
	return dev_fuse->nr_workers ? 0 : err;
}

static void wake_active(struct dev_fuse *dev_fuse)
{
	const uint64_t one = 1;

	(void)!write(dev_fuse->wake_fd, &one, sizeof(one));
}

static void wait_until_over(struct dev_fuse *dev_fuse)
{
	while (!fuse_session_exited(dev_fuse->transport->session))
		(void)sem_wait(&dev_fuse->transport->over);
}

static void stop_workers(struct dev_fuse *dev_fuse)
{
	idle_sched_stop(dev_fuse->transport->idle_sched);
	thread_pool_end(&dev_fuse->pool);
	wake_active(dev_fuse);
	for (unsigned i = 0; i < dev_fuse->nr_workers; i++)
		pthread_join(dev_fuse->workers[i].thread, NULL);
}

static void dev_fuse_free(struct dev_fuse *dev_fuse)
{
	thread_pool_fini(&dev_fuse->pool);
	close(dev_fuse->wake_fd);
	free(dev_fuse);
}

/* For dev_fuse_pause() and dev_fuse_resume(), which other threads call. */
static void publish(struct transport *transport, struct dev_fuse *dev_fuse)
{
	pthread_mutex_lock(&transport->dev_fuse_lock);
	transport->dev_fuse = dev_fuse;
	pthread_mutex_unlock(&transport->dev_fuse_lock);
}

int dev_fuse_serve(struct transport *transport, int (*started)(void *arg), void *arg)
{
	unsigned nr_workers = nr_workers_of_use(&transport->config);
	struct dev_fuse *dev_fuse = NULL;
	int err = dev_fuse_new(transport, nr_workers, &dev_fuse);

	if (err)
		return err;
	err = start_workers(dev_fuse, nr_workers);
	if (!err)
		err = started(arg);
	if (!err) {
		found_serve(transport);
		publish(transport, dev_fuse);
		thread_pool_resume(&dev_fuse->pool);
		wait_until_over(dev_fuse);
	}
	stop_workers(dev_fuse);
	publish(transport, NULL);
	dev_fuse_free(dev_fuse);
	return err;
}

/* ---- pause ---- */

static int await_rest(struct dev_fuse *dev_fuse, uint64_t deadline_ns)
{
	uint64_t nr_wakes;
	bool rests;

	thread_pool_pause(&dev_fuse->pool);
	wake_active(dev_fuse);
	rests = thread_pool_await_rest(&dev_fuse->pool, deadline_ns);
	(void)!read(dev_fuse->wake_fd, &nr_wakes, sizeof(nr_wakes));
	/* That may have taken the event of stop_workers(). */
	if (dev_fuse->pool.ended) {
		wake_active(dev_fuse);
		return -ENODEV;
	}
	return rests ? 0 : -ETIMEDOUT;
}

int dev_fuse_pause(struct transport *transport, uint64_t deadline_ns)
{
	int err = -ENODEV;

	pthread_mutex_lock(&transport->dev_fuse_lock);
	if (transport->dev_fuse)
		err = await_rest(transport->dev_fuse, deadline_ns);
	if (err == -ETIMEDOUT)
		thread_pool_resume(&transport->dev_fuse->pool);
	pthread_mutex_unlock(&transport->dev_fuse_lock);
	return err;
}

void dev_fuse_resume(struct transport *transport)
{
	pthread_mutex_lock(&transport->dev_fuse_lock);
	if (transport->dev_fuse)
		thread_pool_resume(&transport->dev_fuse->pool);
	pthread_mutex_unlock(&transport->dev_fuse_lock);
}
