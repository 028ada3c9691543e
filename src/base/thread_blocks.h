/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_blocks - memory of its own for each thread that counts, so that threads share no cache
 * lines.
 *
 * A block outlives its thread, because what it has counted still counts.
 */
#ifndef CXLFS_BASE_THREAD_BLOCKS_H
#define CXLFS_BASE_THREAD_BLOCKS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct thread_block {
	struct thread_block *next; /* set before the block is in the list */
				   /* the user's memory follows, at a multiple of 64 bytes */
};

struct thread_blocks {
	uint64_t id;  /* unique in the process; never 0 */
	size_t bytes; /* of a block; these two: set by thread_blocks_init() */
	pthread_mutex_t lock;
	struct thread_block *first; /* atomic; changes under lock */
};

/** thread_blocks_init() - start without blocks; each will have @bytes bytes for the user */
void thread_blocks_init(struct thread_blocks *blocks, size_t bytes);

/** thread_blocks_fini() - free all blocks; no thread uses them any more. */
void thread_blocks_fini(struct thread_blocks *blocks);

/** thread_blocks_mine() - return the block of the calling thread, all zeros at first; NULL: no
 * memory. A thread may use it for one struct thread_blocks only. */
void *thread_blocks_mine(struct thread_blocks *blocks);

/** thread_blocks_add() - add a block, for a thread that remembers it by itself. Return: as
 *  thread_blocks_mine(). */
void *thread_blocks_add(struct thread_blocks *blocks);

/**
 * thread_blocks_next() - visit all blocks
 * @previous: what the last call returned; NULL for the first
 * Return: the user's memory of a block; NULL after the last one.
 */
void *thread_blocks_next(struct thread_blocks *blocks, void *previous);

#endif
