/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/afu/delay_queue.h"

#include <stdlib.h>

#define POOL_ITEMS 256

struct delay_pool {
	struct delay_pool *next;
	struct delay_item items[POOL_ITEMS];
};

static void sift_up(struct delay_queue *queue, unsigned i)
{
	struct delay_entry entry = queue->heap[i];

	for (; i && queue->heap[(i - 1) / 2].due_ns > entry.due_ns; i = (i - 1) / 2)
		queue->heap[i] = queue->heap[(i - 1) / 2];
	queue->heap[i] = entry;
}

static void sift_down(struct delay_queue *queue, unsigned i)
{
	struct delay_entry entry = queue->heap[i];

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= queue->nr)
			break;
		if (child + 1 < queue->nr &&
		    queue->heap[child + 1].due_ns < queue->heap[child].due_ns)
			child++;
		if (queue->heap[child].due_ns >= entry.due_ns)
			break;
		queue->heap[i] = queue->heap[child];
		i = child;
	}
	queue->heap[i] = entry;
}

static bool refill(struct delay_queue *queue)
{
	struct delay_pool *pool = malloc(sizeof(*pool));

	if (!pool)
		return false;
	pool->next = queue->pools;
	queue->pools = pool;
	for (unsigned i = 0; i < POOL_ITEMS; i++) {
		pool->items[i].next_free = queue->free;
		queue->free = &pool->items[i];
	}
	return true;
}

static bool make_room(struct delay_queue *queue)
{
	unsigned size = queue->size ? 2 * queue->size : POOL_ITEMS;
	struct delay_entry *heap;

	if (queue->nr < queue->size)
		return true;
	heap = realloc(queue->heap, size * sizeof(*heap));
	if (!heap)
		return false;
	queue->heap = heap;
	queue->size = size;
	return true;
}

static void free_item(struct delay_queue *queue, struct delay_item *item)
{
	item->next_free = queue->free;
	queue->free = item;
}

struct delay_item *delay_queue_push(struct delay_queue *queue, uint64_t due_ns)
{
	struct delay_item *item;

	if ((!queue->free && !refill(queue)) || !make_room(queue))
		return NULL;
	item = queue->free;
	queue->free = item->next_free;
	queue->heap[queue->nr] = (struct delay_entry){ due_ns, item };
	sift_up(queue, queue->nr++);
	return item;
}

void delay_queue_pop(struct delay_queue *queue)
{
	free_item(queue, queue->heap[0].item);
	queue->heap[0] = queue->heap[--queue->nr];
	if (queue->nr)
		sift_down(queue, 0);
}

void delay_queue_drop(struct delay_queue *queue, const struct emul_engine *engine,
		      uint32_t older_than)
{
	bool all = older_than == UINT32_MAX;
	unsigned kept = 0;

	for (unsigned i = 0; i < queue->nr; i++) {
		struct delay_item *item = queue->heap[i].item;

		if (item->engine == engine &&
		    (all || (!item->lisn && item->nr_resets < older_than)))
			free_item(queue, item);
		else
			queue->heap[kept++] = queue->heap[i];
	}
	queue->nr = kept;
	for (unsigned i = kept / 2; i-- > 0;)
		sift_down(queue, i);
}

void delay_queue_fini(struct delay_queue *queue)
{
	while (queue->pools) {
		struct delay_pool *pool = queue->pools;

		queue->pools = pool->next;
		free(pool);
	}
	free(queue->heap);
}
