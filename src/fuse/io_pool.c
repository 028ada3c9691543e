/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and buffers that are used again, so that a volume in steady use allocates nothing.
 * A big buffer fresh from malloc costs a page fault for each of its pages, which is more than
 * reading into it does.
 */
#include "fuse/internal.h"

#include <errno.h>
#include <stdlib.h>

#define SMALL_BYTES (128u << 10)
#define LARGE_BYTES (1u << 20)
#define MAX_KEPT_SMALL 128
#define MAX_KEPT_LARGE 64

struct buffer_stack {
	unsigned count, limit;
	size_t bytes;
	void **slots;
};

struct fs_io_pool {
	pthread_mutex_t lock; /* protects everything below but the sizes of buffers */
	struct fs_io *ios;
	struct buffer_stack small, large;
};

static int stack_init(struct buffer_stack *stack, size_t bytes, unsigned limit)
{
	stack->bytes = bytes;
	stack->limit = limit;
	stack->slots = calloc(limit, sizeof(*stack->slots));
	return stack->slots ? 0 : -1;
}

static void stack_fini(struct buffer_stack *stack)
{
	while (stack->count)
		free(stack->slots[--stack->count]);
	free(stack->slots);
}

int fs_io_pool_new(struct fs_io_pool **ret_pool)
{
	struct fs_io_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	if (stack_init(&pool->small, SMALL_BYTES, MAX_KEPT_SMALL) ||
	    stack_init(&pool->large, LARGE_BYTES, MAX_KEPT_LARGE)) {
		fs_io_pool_free(pool);
		return -ENOMEM;
	}
	*ret_pool = pool;
	return 0;
}

void fs_io_pool_fit(struct fs_io_pool *pool, size_t bytes)
{
	if (pool->large.bytes < bytes)
		pool->large.bytes = bytes;
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
	stack_fini(&pool->small);
	stack_fini(&pool->large);
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

static struct buffer_stack *stack_for(struct fs_io_pool *pool, size_t bytes)
{
	if (bytes <= SMALL_BYTES)
		return &pool->small;
	return bytes <= pool->large.bytes ? &pool->large : NULL;
}

void *fs_io_pool_buffer_get(struct fs_io_pool *pool, size_t bytes, size_t *ret_bytes)
{
	struct buffer_stack *stack = stack_for(pool, bytes);
	void *buf = NULL;

	if (stack) {
		bytes = stack->bytes;
		pthread_mutex_lock(&pool->lock);
		if (stack->count)
			buf = stack->slots[--stack->count];
		pthread_mutex_unlock(&pool->lock);
	}
	if (!buf && posix_memalign(&buf, FS_PAGE_BYTES, bytes))
		return NULL;
	*ret_bytes = bytes;
	return buf;
}

void fs_io_pool_buffer_put(struct fs_io_pool *pool, void *buf, size_t bytes)
{
	struct buffer_stack *stack = stack_for(pool, bytes);

	if (stack) {
		pthread_mutex_lock(&pool->lock);
		if (stack->count < stack->limit) {
			stack->slots[stack->count++] = buf;
			buf = NULL;
		}
		pthread_mutex_unlock(&pool->lock);
	}
	free(buf);
}
