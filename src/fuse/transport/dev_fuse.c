/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, pause and end of the workers that serve /dev/fuse; see worker.c.
 *
 * All workers share one descriptor: a request belongs to the descriptor that it was read from, and
 * would be lost if that were closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/thread.h"
#include "fuse/transport/cpus.h"
#include "fuse/transport/dev_fuse_internal.h"

/* All workers take their requests from one queue of the kernel, so more would only contend. */
#define MAX_WORKERS 16
/* For requests that are answered later. The kernel sends no more at a time: see MAX_BACKGROUND in
 * init.c. */
#define NR_KEPT_SLOTS 256

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
	thread_pool_init(&dev_fuse->pool);
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
	thread_pool_set(&dev_fuse->pool, THREAD_POOL_ENDED);
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

/* ---- requests that a process has left in its slots when it died ---- */

static void serve_alone(struct transport *transport, struct slot *slot)
{
	struct slot_front *front = slot_front(slot->payload);
	uint64_t unique = slot_header(slot->payload)->unique;

	front->executing = unique;
	atomic_store(&transport->alone, unique);
	transport_serve_request(transport, slot);
	slot_put(slot);
	slot_await_free(slot);
	atomic_store(&transport->alone, 0);
	front->executing = 0;
}

/* One after the other, so that the standby knows which request crashes this process too. */
static void serve_recovered(struct transport *transport)
{
	struct slot *slot = NULL;

	while ((slot = slot_pool_next_recovered(transport->slots, slot)))
		serve_alone(transport, slot);
}

/* ---- serving ---- */

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
		serve_recovered(transport);
		publish(transport, dev_fuse);
		thread_pool_set(&dev_fuse->pool, THREAD_POOL_RUNS);
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

	thread_pool_set(&dev_fuse->pool, THREAD_POOL_PAUSED);
	wake_active(dev_fuse);
	rests = thread_pool_await_rest(&dev_fuse->pool, deadline_ns);
	(void)!read(dev_fuse->wake_fd, &nr_wakes, sizeof(nr_wakes));
	/* That may have taken the event of stop_workers(). */
	if (dev_fuse->pool.state == THREAD_POOL_ENDED) {
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
		thread_pool_set(&transport->dev_fuse->pool, THREAD_POOL_RUNS);
	pthread_mutex_unlock(&transport->dev_fuse_lock);
	return err;
}

void dev_fuse_resume(struct transport *transport)
{
	pthread_mutex_lock(&transport->dev_fuse_lock);
	if (transport->dev_fuse)
		thread_pool_set(&transport->dev_fuse->pool, THREAD_POOL_RUNS);
	pthread_mutex_unlock(&transport->dev_fuse_lock);
}
