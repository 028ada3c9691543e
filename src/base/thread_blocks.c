/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread_blocks.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define HEAD_BYTES 64

/* The block that this thread used last, and whose it is. The id is compared before the pointer is
 * used, because the blocks may have been freed. */
static __thread struct {
	uint64_t id;
	void *memory;
} mine;

void thread_blocks_init(struct thread_blocks *blocks, size_t bytes)
{
	static _Atomic uint64_t last_id;

	*blocks = (struct thread_blocks){ .id = atomic_fetch_add(&last_id, 1) + 1, .bytes = bytes };
	pthread_mutex_init(&blocks->lock, NULL);
}

void thread_blocks_fini(struct thread_blocks *blocks)
{
	struct thread_block *block, *next;

	for (block = blocks->first; block; block = next) {
		next = block->next;
		(void)munmap(block, HEAD_BYTES + blocks->bytes);
	}
	blocks->first = NULL;
	pthread_mutex_destroy(&blocks->lock);
}

/* Mapped, so that pages of counters that are never used cost nothing. */
void *thread_blocks_add(struct thread_blocks *blocks)
{
	struct thread_block *block = mmap(NULL, HEAD_BYTES + blocks->bytes, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	pthread_mutex_lock(&blocks->lock);
	block->next = blocks->first;
	__atomic_store_n(&blocks->first, block, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&blocks->lock);
	return (char *)block + HEAD_BYTES;
}

void *thread_blocks_mine(struct thread_blocks *blocks)
{
	if (mine.id == blocks->id)
		return mine.memory;
	mine.id = blocks->id;
	mine.memory = thread_blocks_add(blocks);
	return mine.memory;
}

void *thread_blocks_next(struct thread_blocks *blocks, void *previous)
{
	struct thread_block *block =
		previous ? ((struct thread_block *)(void *)((char *)previous - HEAD_BYTES))->next
			 : __atomic_load_n(&blocks->first, __ATOMIC_ACQUIRE);

	return block ? (char *)block + HEAD_BYTES : NULL;
}
