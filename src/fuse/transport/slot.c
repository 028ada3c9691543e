/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/slot.h"

#include <stdlib.h>

#include "fuse/transport/ring.h"

static __thread struct slot *here;

struct slot *slot_here(void)
{
	return here;
}

void slot_set_here(struct slot *slot)
{
	here = slot;
}

void slot_begin(struct slot *slot, struct account *account, const struct fuse_in_header *header)
{
	account_begin(account, &slot->request, header);
	slot->unique = header->unique;
	here = slot;
}

/* The request is done. */
static void clear(struct slot *slot)
{
	if (!slot->pool)
		return;
	slot->is_recovered = false;
	slot_header(slot->payload)->len = 0;
}

/* Only this thread sets @kept. Another one may have answered meanwhile, but the slot is still ours.
 */
void slot_end(struct slot *slot)
{
	if (!slot->request.kept) {
		account_end(&slot->request);
		clear(slot);
	}
	here = NULL;
}

/* ---- slots without a ring ---- */

/* Return: false: the slot is free. */
static bool note_recovered(struct slot *slot)
{
	struct fuse_in_header *header = slot_header(slot->payload);

	slot->is_recovered = slot_has_request(header);
	if (!slot->is_recovered)
		header->len = 0;
	slot->refs = slot->is_recovered;
	return slot->is_recovered;
}

static void add_free(struct slot *slot)
{
	slot->next = slot->pool->free;
	slot->pool->free = slot;
}

struct slot_pool *slot_pool_new(struct slot_region *region, size_t nr_slots)
{
	struct slot_pool *pool = calloc(1, sizeof(*pool) + nr_slots * sizeof(pool->slots[0]));

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->released, NULL);
	pool->nr_slots = nr_slots;
	pool->is_shared = region->fd >= 0;
	for (size_t i = 0; i < nr_slots; i++) {
		pool->slots[i].payload = slot_region_take(region);
		pool->slots[i].pool = pool;
		pool->slots[i].number = (uint32_t)i;
	}
	for (size_t i = nr_slots; i-- > 0;)
		if (!region->is_adopted || !note_recovered(&pool->slots[i]))
			add_free(&pool->slots[i]);
	return pool;
}

void slot_pool_free(struct slot_pool *pool)
{
	if (!pool)
		return;
	pthread_cond_destroy(&pool->released);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

struct slot *slot_pool_get(struct slot_pool *pool, bool wait)
{
	struct slot *slot;

	pthread_mutex_lock(&pool->lock);
	while (!pool->free && wait)
		pthread_cond_wait(&pool->released, &pool->lock);
	slot = pool->free;
	if (slot) {
		pool->free = slot->next;
		atomic_store(&slot->refs, 1);
	}
	pthread_mutex_unlock(&pool->lock);
	if (slot && pool->is_shared && !slot->is_populated) {
		slot_region_populate(slot->payload);
		slot->is_populated = true;
	}
	return slot;
}

void slot_put(struct slot *slot)
{
	struct slot_pool *pool = slot->pool;

	if (atomic_fetch_sub(&slot->refs, 1) > 1)
		return;
	pthread_mutex_lock(&pool->lock);
	add_free(slot);
	pthread_cond_signal(&pool->released);
	pthread_mutex_unlock(&pool->lock);
}

/* ---- requests that another process has left ---- */

struct slot *slot_pool_next_recovered(struct slot_pool *pool, struct slot *after)
{
	struct slot *end = pool->slots + pool->nr_slots;

	for (struct slot *slot = after ? after + 1 : pool->slots; slot < end; slot++)
		if (slot->is_recovered)
			return slot;
	return NULL;
}

void slot_await_free(struct slot *slot)
{
	struct slot_pool *pool = slot->pool;

	pthread_mutex_lock(&pool->lock);
	while (atomic_load(&slot->refs))
		pthread_cond_wait(&pool->released, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

const struct replica_outcome *slot_outcome(const struct slot *slot)
{
	const struct replica_outcome *outcome;

	if (!slot || !slot->is_recovered)
		return NULL;
	outcome = &slot_front(slot->payload)->outcome;
	return outcome->unique == slot->unique ? outcome : NULL;
}

/* ---- requests that are answered later ---- */

void slot_keep(struct slot *slot)
{
	slot->request.kept = true;
	if (slot->ring)
		ring_keep(slot->ring);
	else
		atomic_fetch_add(&slot->refs, 1);
}

void slot_release(struct slot *slot)
{
	account_end(&slot->request);
	clear(slot);
	if (slot->ring)
		ring_release(slot->ring);
	else
		slot_put(slot);
}

void slot_resume(struct slot *slot, void (*resume)(void *arg), void *arg)
{
	if (!slot->ring || ring_is_here(slot->ring)) {
		resume(arg);
		return;
	}
	slot->resume = resume;
	slot->arg = arg;
	ring_post(slot->ring, slot);
}
