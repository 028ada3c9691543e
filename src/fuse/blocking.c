/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for work that blocks, so that the threads that take requests need not wait for it. */
#include <errno.h>
#include <stdlib.h>

#include "base/thread.h"
#include "fuse/io.h"

/* Copies that may run at the same time. */
#define NR_THREADS 4

struct fs_blocking {
	pthread_t threads[NR_THREADS];
	unsigned nr_threads;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct fs_io_queue queue;
	bool stop;
};

static struct fs_io *next_io(struct fs_blocking *blocking)
{
	struct fs_io *io;

	pthread_mutex_lock(&blocking->lock);
	while (!blocking->queue.first && !blocking->stop)
		pthread_cond_wait(&blocking->wake, &blocking->lock);
	io = fs_io_queue_take(&blocking->queue);
	pthread_mutex_unlock(&blocking->lock);
	return io;
}

static void *worker_main(void *arg)
{
	struct fs_blocking *blocking = arg;
	struct fs_io *io;

	while ((io = next_io(blocking)))
		io->run(io);
	return NULL;
}

int fs_blocking_new(struct fs_blocking **ret_blocking)
{
	struct fs_blocking *blocking = calloc(1, sizeof(*blocking));
	int err = 0;

	if (!blocking)
		return -ENOMEM;
	pthread_mutex_init(&blocking->lock, NULL);
	pthread_cond_init(&blocking->wake, NULL);
	fs_io_queue_init(&blocking->queue);
	while (!err && blocking->nr_threads < NR_THREADS) {
		err = thread_start(&blocking->threads[blocking->nr_threads], worker_main, blocking,
				   "cxlfs-slow");
		blocking->nr_threads += !err;
	}
	if (err)
		fs_blocking_free(blocking);
	else
		*ret_blocking = blocking;
	return err;
}

void fs_blocking_free(struct fs_blocking *blocking)
{
	if (!blocking)
		return;
	pthread_mutex_lock(&blocking->lock);
	blocking->stop = true;
	pthread_cond_broadcast(&blocking->wake);
	pthread_mutex_unlock(&blocking->lock);
	for (unsigned i = 0; i < blocking->nr_threads; i++)
		pthread_join(blocking->threads[i], NULL);
	pthread_cond_destroy(&blocking->wake);
	pthread_mutex_destroy(&blocking->lock);
	free(blocking);
}

void fs_blocking_run(struct fs_blocking *blocking, struct fs_io *io)
{
	pthread_mutex_lock(&blocking->lock);
	fs_io_queue_add(&blocking->queue, io);
	pthread_cond_signal(&blocking->wake);
	pthread_mutex_unlock(&blocking->lock);
}
