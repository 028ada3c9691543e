/* SPDX-License-Identifier: Apache-2.0 */
#include "data/bounce_buffer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/core_dump.h"

static void bounce_buffer_delete(struct bounce_buffer *buffer)
{
	free(buffer->buf);
	free(buffer);
}

void bounce_pool_fini(struct bounce_pool *pool)
{
	for (unsigned i = 0; i < BOUNCE_SHARDS; i++) {
		struct bounce_shard *shard = &pool->shards[i];

		while (shard->free) {
			struct bounce_buffer *buffer = shard->free;

			shard->free = buffer->next;
			bounce_buffer_delete(buffer);
		}
		(void)pthread_mutex_destroy(&shard->lock);
	}
}

struct bounce_shard *bounce_shard_of(struct bounce_pool *pool, const void *object)
{
	uint64_t hash = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);

	return &pool->shards[(hash >> 32) % BOUNCE_SHARDS];
}

static struct bounce_buffer *bounce_buffer_new(struct bounce_shard *shard)
{
	struct bounce_buffer *buffer = malloc(sizeof(*buffer));

	if (!buffer)
		return NULL;
	buffer->shard = shard;
	buffer->next = NULL;
	buffer->buf = core_dump_excluded_memory(BOUNCE_BYTES);
	if (buffer->buf)
		return buffer;
	free(buffer);
	return NULL;
}

int bounce_pool_init(struct bounce_pool *pool)
{
	bool made = true;

	for (unsigned i = 0; i < BOUNCE_SHARDS; i++) {
		struct bounce_shard *shard = &pool->shards[i];

		(void)pthread_mutex_init(&shard->lock, NULL);
		shard->waiting = NULL;
		shard->waiting_tail = &shard->waiting;
		shard->free = bounce_buffer_new(shard);
		shard->nr_made = shard->free ? 1 : 0;
		made = made && shard->free;
	}
	if (made)
		return 0;
	bounce_pool_fini(pool);
	return -ENOMEM;
}

static struct bounce_buffer *take_locked(struct bounce_shard *shard)
{
	struct bounce_buffer *buffer = shard->free;

	if (buffer) {
		shard->free = buffer->next;
	} else if (shard->nr_made < BOUNCE_PER_SHARD) {
		buffer = bounce_buffer_new(shard);
		if (buffer)
			shard->nr_made++;
	}
	return buffer;
}

struct bounce_buffer *bounce_buffer_try(struct bounce_shard *shard)
{
	struct bounce_buffer *buffer;

	(void)pthread_mutex_lock(&shard->lock);
	buffer = take_locked(shard);
	(void)pthread_mutex_unlock(&shard->lock);
	return buffer;
}

bool bounce_buffer_get(struct bounce_shard *shard, struct bounce_waiter *waiter)
{
	bool got;

	(void)pthread_mutex_lock(&shard->lock);
	waiter->buffer = take_locked(shard);
	got = waiter->buffer != NULL;
	if (!got) {
		waiter->next = NULL;
		*shard->waiting_tail = waiter;
		shard->waiting_tail = &waiter->next;
	}
	(void)pthread_mutex_unlock(&shard->lock);
	return got;
}

struct bounce_waiter *bounce_buffer_put(struct bounce_buffer *buffer)
{
	struct bounce_shard *shard = buffer->shard;
	struct bounce_waiter *waiter;

	(void)pthread_mutex_lock(&shard->lock);
	waiter = shard->waiting;
	if (waiter) {
		shard->waiting = waiter->next;
		if (!shard->waiting)
			shard->waiting_tail = &shard->waiting;
		waiter->buffer = buffer;
	} else {
		buffer->next = shard->free;
		shard->free = buffer;
	}
	(void)pthread_mutex_unlock(&shard->lock);
	return waiter;
}
