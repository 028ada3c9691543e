/* SPDX-License-Identifier: Apache-2.0 */
#include "data/scratch.h"

#include <errno.h>
#include <stdlib.h>

#include "data/op.h"

static void scratch_delete(struct scratch *scratch)
{
	free(scratch->buf);
	free(scratch);
}

void scratch_pool_fini(struct scratch_pool *pool)
{
	for (unsigned i = 0; i < SCRATCH_SHARDS; i++) {
		struct scratch_shard *shard = &pool->shards[i];

		while (shard->free) {
			struct scratch *scratch = shard->free;

			shard->free = scratch->next;
			scratch_delete(scratch);
		}
		(void)pthread_mutex_destroy(&shard->lock);
	}
}

struct scratch_shard *scratch_shard_of(struct scratch_pool *pool, const void *object)
{
	uint64_t hash = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);

	return &pool->shards[(hash >> 32) % SCRATCH_SHARDS];
}

static struct scratch *scratch_new(struct scratch_shard *shard)
{
	struct scratch *scratch = malloc(sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->shard = shard;
	scratch->next = NULL;
	scratch->buf = aligned_alloc(SUPERPIPE_LBA_BYTES, SCRATCH_BYTES);
	if (scratch->buf)
		return scratch;
	free(scratch);
	return NULL;
}

int scratch_pool_init(struct scratch_pool *pool)
{
	bool made = true;

	for (unsigned i = 0; i < SCRATCH_SHARDS; i++) {
		struct scratch_shard *shard = &pool->shards[i];

		(void)pthread_mutex_init(&shard->lock, NULL);
		shard->waiting = NULL;
		shard->waiting_tail = &shard->waiting;
		shard->free = scratch_new(shard);
		shard->nr_made = shard->free ? 1 : 0;
		made = made && shard->free;
	}
	if (made)
		return 0;
	scratch_pool_fini(pool);
	return -ENOMEM;
}

static struct scratch *take_locked(struct scratch_shard *shard)
{
	struct scratch *scratch = shard->free;

	if (scratch) {
		shard->free = scratch->next;
	} else if (shard->nr_made < SCRATCH_PER_SHARD) {
		scratch = scratch_new(shard);
		if (scratch)
			shard->nr_made++;
	}
	return scratch;
}

struct scratch *scratch_try(struct scratch_shard *shard)
{
	struct scratch *scratch;

	(void)pthread_mutex_lock(&shard->lock);
	scratch = take_locked(shard);
	(void)pthread_mutex_unlock(&shard->lock);
	return scratch;
}

bool scratch_get(struct scratch_shard *shard, struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);
	bool got;

	(void)pthread_mutex_lock(&shard->lock);
	priv->scratch = take_locked(shard);
	got = priv->scratch != NULL;
	if (!got) {
		priv->next = NULL;
		*shard->waiting_tail = op;
		shard->waiting_tail = &priv->next;
	}
	(void)pthread_mutex_unlock(&shard->lock);
	return got;
}

struct data_op *scratch_put(struct scratch *scratch)
{
	struct scratch_shard *shard = scratch->shard;
	struct data_op *op;

	(void)pthread_mutex_lock(&shard->lock);
	op = shard->waiting;
	if (op) {
		shard->waiting = op_priv(op)->next;
		if (!shard->waiting)
			shard->waiting_tail = &shard->waiting;
		op_priv(op)->scratch = scratch;
	} else {
		scratch->next = shard->free;
		shard->free = scratch;
	}
	(void)pthread_mutex_unlock(&shard->lock);
	return op;
}
