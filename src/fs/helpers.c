/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"
#include "fs/internal.h"
#include "fs/place.h"

/* More could not be fed: the memory is the limit. */
#define MAX_HELPERS 8
/* Of each helper: with more, whoever has them to give would only wait for it. */
#define MAX_WAITING 4

struct helpers {
	unsigned nr_processors; /* set before the threads start */
	pthread_t threads[MAX_HELPERS];
	unsigned nr_threads;

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct fs_io_queue queue;
	unsigned nr_waiting;
	bool stop;
};

static struct fs_io *wait_for_io(struct helpers *helpers)
{
	struct fs_io *io;

	pthread_mutex_lock(&helpers->lock);
	while (!helpers->queue.first && !helpers->stop)
		pthread_cond_wait(&helpers->wake, &helpers->lock);
	io = fs_io_queue_take(&helpers->queue);
	if (io)
		helpers->nr_waiting--;
	pthread_mutex_unlock(&helpers->lock);
	return io;
}

static void *helper_main(void *arg)
{
	struct helpers *helpers = arg;
	struct fs_io *io;

	while ((io = wait_for_io(helpers)))
		fs_io_submit_here(io);
	return NULL;
}

/* ---- for the rings ---- */

bool helpers_are_of_use(const struct helpers *helpers, unsigned nr_busy)
{
	return helpers && nr_busy < helpers->nr_processors;
}

bool helpers_give(struct helpers *helpers, struct fs_io *io)
{
	bool has_room;

	pthread_mutex_lock(&helpers->lock);
	has_room = helpers->nr_waiting < MAX_WAITING * helpers->nr_threads;
	if (has_room) {
		fs_io_queue_add(&helpers->queue, io);
		helpers->nr_waiting++;
		pthread_cond_signal(&helpers->wake);
	}
	pthread_mutex_unlock(&helpers->lock);
	return has_room;
}

/* ---- life ---- */

static unsigned nr_wanted(const struct helpers *helpers)
{
	unsigned nr = helpers->nr_processors / 2;

	return nr < MAX_HELPERS ? nr : MAX_HELPERS;
}

static int start_threads(struct helpers *helpers)
{
	unsigned nr = nr_wanted(helpers);
	int err = 0;

	while (helpers->nr_threads < nr && !err) {
		err = thread_start(&helpers->threads[helpers->nr_threads], helper_main, helpers,
				   "cxlfs-helper");
		if (!err)
			helpers->nr_threads++;
	}
	return err;
}

int helpers_new(struct helpers **ret_helpers)
{
	struct helpers *helpers;
	unsigned nr = place_nr_processors();
	int err;

	if (nr < 2)
		return -ENOTSUP;
	helpers = calloc(1, sizeof(*helpers));
	if (!helpers)
		return -ENOMEM;
	helpers->nr_processors = nr;
	fs_io_queue_init(&helpers->queue);
	pthread_mutex_init(&helpers->lock, NULL);
	pthread_cond_init(&helpers->wake, NULL);
	err = start_threads(helpers);
	if (err) {
		helpers_free(helpers);
		return err;
	}
	*ret_helpers = helpers;
	return 0;
}

void helpers_free(struct helpers *helpers)
{
	if (!helpers)
		return;
	pthread_mutex_lock(&helpers->lock);
	helpers->stop = true;
	pthread_cond_broadcast(&helpers->wake);
	pthread_mutex_unlock(&helpers->lock);
	while (helpers->nr_threads)
		pthread_join(helpers->threads[--helpers->nr_threads], NULL);
	pthread_cond_destroy(&helpers->wake);
	pthread_mutex_destroy(&helpers->lock);
	free(helpers);
}
