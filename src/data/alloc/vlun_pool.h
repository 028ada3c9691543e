/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vlun_pool - vLUNs of one chunk that are ready for new files.
 *
 * Opening a vLUN and growing it takes two ioctls and a visit to the worker, longer than writing a
 * small file. While new files come in quick succession, the worker makes vLUNs ahead of them. It
 * doubles their number each time a new file finds none, but keeps to a small share of what is
 * free. They count as free: they are closed as soon as anything else needs the flash, or when no
 * new file has come for a while.
 */
#ifndef CXLFS_DATA_ALLOC_VLUN_POOL_H
#define CXLFS_DATA_ALLOC_VLUN_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "data/alloc/lun_table.h"
#include "data/alloc/worker.h"

/* Enough for the small files that are written while the worker wakes and makes more. */
#define VLUN_POOL_MAX 32

struct pool_vlun {
	struct superpipe_vlun *vlun; /* of one chunk */
	unsigned lun;
};

struct vlun_pool {
	struct lun_table *luns; /* these two: set before the worker starts */
	struct worker *worker;

	pthread_mutex_t lock;
	/* all protected by lock */
	struct pool_vlun vluns[VLUN_POOL_MAX];
	unsigned nr, target;
	uint64_t last_new_ns; /* when the last new file came */
	bool filling;         /* job is queued or runs */
	struct worker_job job;
};

/** vlun_pool_init() - empty. Context: before the worker starts. */
void vlun_pool_init(struct vlun_pool *pool, struct lun_table *luns, struct worker *worker);

/** vlun_pool_fini() - close all. Sleeps in ioctls. Context: after the worker has stopped. */
void vlun_pool_fini(struct vlun_pool *pool);

/** vlun_pool_stop() - make no more vLUNs; when there are no files left */
void vlun_pool_stop(struct vlun_pool *pool);

/** vlun_pool_nr() - return how many vLUNs are in the pool. Any thread. */
unsigned vlun_pool_nr(struct vlun_pool *pool);

/**
 * vlun_pool_take() - take a vLUN, on a LUN that is not much fuller than the others
 * Any thread; a file's lock may be held. Return: false: there is none.
 */
bool vlun_pool_take(struct vlun_pool *pool, struct pool_vlun *ret_vlun);

/**
 * vlun_pool_note_new() - note that a new file has got a vLUN of one chunk
 * @found: from the pool
 * @idle_ns: files that come within this time of each other come in quick succession
 * Decides how many vLUNs there should be, and queues a job to make them. Any thread; a file's lock
 * may be held.
 */
void vlun_pool_note_new(struct vlun_pool *pool, bool found, uint64_t idle_ns);

/** vlun_pool_close_on() - close those on @lun. On the worker. Return: whether there was any. */
bool vlun_pool_close_on(struct vlun_pool *pool, unsigned lun);

/** vlun_pool_close_all() - On the worker. Return: whether there was any. */
bool vlun_pool_close_all(struct vlun_pool *pool);

/**
 * vlun_pool_close_idle() - close all when no new file has come for @idle_ns
 * On the worker. Return: when to call again, by clock_now_ns(); UINT64_MAX: the pool is empty.
 */
uint64_t vlun_pool_close_idle(struct vlun_pool *pool, uint64_t idle_ns);

#endif
