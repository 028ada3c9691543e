/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads beside those that take requests: a few for work that sleeps, and one for what can wait,
 * which it collects for a while.
 */
#include "fs/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"

/* Soon enough for who looks at a file twice, seldom enough that a busy volume pays nothing. */
#define LATER_NS 50000000

/* Copies that run at a time. */
#define NR_SLOW 4

struct fs_worker {
	pthread_t threads[NR_SLOW];
	unsigned nr_threads;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct fs_io_queue queue;
	bool stop, pausing;
	long pause_ns; /* set before the thread starts: from the first io to when it looks */
};

struct fs_workers {
	struct fs_worker slow, later;
};

static void pause_locked(struct fs_worker *worker)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += worker->pause_ns;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	worker->pausing = true;
	while (!worker->stop && !err)
		err = pthread_cond_clockwait(&worker->wake, &worker->lock, CLOCK_MONOTONIC, &until);
	worker->pausing = false;
}

static struct fs_io *next_io(struct fs_worker *worker)
{
	struct fs_io *io;

	pthread_mutex_lock(&worker->lock);
	while (!worker->queue.first && !worker->stop) {
		pthread_cond_wait(&worker->wake, &worker->lock);
		if (worker->pause_ns)
			pause_locked(worker);
	}
	io = fs_io_queue_take(&worker->queue);
	pthread_mutex_unlock(&worker->lock);
	return io;
}

static void *worker_main(void *arg)
{
	struct fs_io *io;

	while ((io = next_io(arg)))
		io->done(io);
	return NULL;
}

static void worker_stop(struct fs_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_cond_broadcast(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	for (unsigned i = 0; i < worker->nr_threads; i++)
		pthread_join(worker->threads[i], NULL);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
}

static int worker_start(struct fs_worker *worker, unsigned nr_threads, long pause_ns,
			const char *name)
{
	int err = 0;

	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	fs_io_queue_init(&worker->queue);
	worker->pause_ns = pause_ns;
	while (worker->nr_threads < nr_threads && !err) {
		err = thread_start(&worker->threads[worker->nr_threads], worker_main, worker, name);
		if (!err)
			worker->nr_threads++;
	}
	if (err)
		worker_stop(worker);
	return err;
}

static void worker_add(struct fs_worker *worker, struct fs_io *io)
{
	pthread_mutex_lock(&worker->lock);
	fs_io_queue_add(&worker->queue, io);
	if (!worker->pausing)
		pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

int fs_workers_new(struct fs_workers **ret_workers)
{
	struct fs_workers *workers = calloc(1, sizeof(*workers));
	int err;

	if (!workers)
		return -ENOMEM;
	err = worker_start(&workers->slow, NR_SLOW, 0, "cxlfs-slow");
	if (err)
		goto free_workers;
	err = worker_start(&workers->later, 1, LATER_NS, "cxlfs-later");
	if (err)
		goto stop_slow;
	*ret_workers = workers;
	return 0;

stop_slow:
	worker_stop(&workers->slow);
free_workers:
	free(workers);
	return err;
}

void fs_workers_free(struct fs_workers *workers)
{
	if (!workers)
		return;
	worker_stop(&workers->later);
	worker_stop(&workers->slow);
	free(workers);
}

void fs_workers_run_slow(struct fs_workers *workers, struct fs_io *io)
{
	worker_add(&workers->slow, io);
}

void fs_workers_run_later(struct fs_workers *workers, struct fs_io *io)
{
	worker_add(&workers->later, io);
}
