/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of ios, so that a volume in steady use allocates no memory. */
#include <errno.h>
#include <stdlib.h>

#include "fuse/io.h"

struct fs_io_pool {
	pthread_mutex_t lock; /* protects what follows */
	struct fs_io *ios;
};

int fs_io_pool_new(struct fs_io_pool **ret_pool)
{
	struct fs_io_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	*ret_pool = pool;
	return 0;
}

void fs_io_pool_free(struct fs_io_pool *pool)
{
	struct fs_io *io;

	if (!pool)
		return;
	while ((io = pool->ios)) {
		pool->ios = io->next;
		free(io);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

struct fs_io *fs_io_pool_get(struct fs_io_pool *pool)
{
	struct fs_io *io;

	pthread_mutex_lock(&pool->lock);
	io = pool->ios;
	if (io)
		pool->ios = io->next;
	pthread_mutex_unlock(&pool->lock);
	return io ? io : malloc(sizeof(*io));
}

void fs_io_pool_put(struct fs_io_pool *pool, struct fs_io *io)
{
	pthread_mutex_lock(&pool->lock);
	io->next = pool->ios;
	pool->ios = io;
	pthread_mutex_unlock(&pool->lock);
}
