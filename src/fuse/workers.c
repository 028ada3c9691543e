/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for work that sleeps, beside those that take requests. */
#include "fuse/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/thread.h"

/* Copies that run at a time. */
#define NR_THREADS 4

struct fs_workers {
	pthread_t threads[NR_THREADS];
	unsigned nr_threads;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct fs_io_queue queue;
	bool stop;
};

static struct fs_io *next_io(struct fs_workers *workers)
{
	struct fs_io *io;

	pthread_mutex_lock(&workers->lock);
	while (!workers->queue.first && !workers->stop)
		pthread_cond_wait(&workers->wake, &workers->lock);
	io = fs_io_queue_take(&workers->queue);
	pthread_mutex_unlock(&workers->lock);
	return io;
}

static void *worker_main(void *arg)
{
	struct fs_io *io;

	while ((io = next_io(arg)))
		io->done(io);
	return NULL;
}

int fs_workers_new(struct fs_workers **ret_workers)
{
	struct fs_workers *workers = calloc(1, sizeof(*workers));
	int err = 0;

	if (!workers)
		return -ENOMEM;
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->wake, NULL);
	fs_io_queue_init(&workers->queue);
	while (!err && workers->nr_threads < NR_THREADS) {
		err = thread_start(&workers->threads[workers->nr_threads], worker_main, workers,
				   "cxlfs-slow");
		workers->nr_threads += !err;
	}
	if (err)
		fs_workers_free(workers);
	else
		*ret_workers = workers;
	return err;
}

void fs_workers_free(struct fs_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->stop = true;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->nr_threads; i++)
		pthread_join(workers->threads[i], NULL);
	pthread_cond_destroy(&workers->wake);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

void fs_workers_run_slow(struct fs_workers *workers, struct fs_io *io)
{
	pthread_mutex_lock(&workers->lock);
	fs_io_queue_add(&workers->queue, io);
	pthread_cond_signal(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
}
