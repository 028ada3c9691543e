/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads beside those that libfuse runs: one answers requests for queue threads that may not
 * do so themselves, the other runs what takes long. They are two so that no answer waits behind a
 * long copy.
 */
#include "fs/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct fs_worker {
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct fs_io *first, **last;
	bool stop;
};

struct fs_workers {
	struct fs_worker answering, slow;
};

static struct fs_io *next_io(struct fs_worker *worker)
{
	struct fs_io *io;

	pthread_mutex_lock(&worker->lock);
	while (!worker->first && !worker->stop)
		pthread_cond_wait(&worker->wake, &worker->lock);
	io = worker->first;
	if (io) {
		worker->first = io->next;
		if (!worker->first)
			worker->last = &worker->first;
	}
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

static int worker_start(struct fs_worker *worker)
{
	sigset_t all, old;
	int err;

	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	worker->last = &worker->first;
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static void worker_stop(struct fs_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
}

static void worker_add(struct fs_worker *worker, struct fs_io *io)
{
	io->next = NULL;
	pthread_mutex_lock(&worker->lock);
	*worker->last = io;
	worker->last = &io->next;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

int fs_workers_new(struct fs_workers **ret_workers)
{
	struct fs_workers *workers = calloc(1, sizeof(*workers));
	int err;

	if (!workers)
		return -ENOMEM;
	err = worker_start(&workers->answering);
	if (err)
		goto free_workers;
	err = worker_start(&workers->slow);
	if (err)
		goto stop_answering;
	*ret_workers = workers;
	return 0;

stop_answering:
	worker_stop(&workers->answering);
free_workers:
	free(workers);
	return err;
}

void fs_workers_free(struct fs_workers *workers)
{
	if (!workers)
		return;
	worker_stop(&workers->slow);
	worker_stop(&workers->answering);
	free(workers);
}

void fs_workers_answer(struct fs_workers *workers, struct fs_io *io)
{
	worker_add(&workers->answering, io);
}

void fs_workers_run_slow(struct fs_workers *workers, struct fs_io *io)
{
	worker_add(&workers->slow, io);
}
