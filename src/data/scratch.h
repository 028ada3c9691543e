/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch - the memory an operation needs when the caller's own will not do.
 *
 * A scratch is an aligned buffer for partial blocks and unaligned addresses, and an array of ios
 * for requests of many pieces. There is a fixed number of them. An operation takes one only to do
 * I/O with it, never while it waits for anything else, so each comes back; who needs one and finds
 * none queues. The pool is cut into shards, each with its own lock, so that files do not share one.
 */
#ifndef CXLFS_DATA_SCRATCH_H
#define CXLFS_DATA_SCRATCH_H

#include <pthread.h>
#include <stdint.h>

#include "superpipe/superpipe.h"

#define SCRATCH_BLOCKS 16u
#define SCRATCH_BYTES (SCRATCH_BLOCKS * SUPERPIPE_LBA_BYTES)
#define SCRATCH_IOS 48u
#define SCRATCH_SHARDS 8u
#define SCRATCH_PER_SHARD 16u

struct data_op;

/** One piece of an operation's I/O. */
struct data_io {
	struct superpipe_io io;
	struct data_op *op;
	uint64_t pos; /* file offset of the first byte of its first block */
};

struct scratch {
	struct scratch *next; /* while free; protected by the shard's lock */
	struct scratch_shard *shard;
	uint8_t *buf;
	struct data_io ios[SCRATCH_IOS];
};

struct scratch_shard {
	_Alignas(64) pthread_mutex_t lock;
	struct scratch *free;      /* protected by lock */
	unsigned nr_made;          /* protected by lock */
	struct data_op *waiting;   /* protected by lock; FIFO, linked in the ops */
	struct data_op **waiting_tail;
};

struct scratch_pool {
	struct scratch_shard shards[SCRATCH_SHARDS];
};

/** scratch_pool_init() - with one scratch in each shard, so that waiting for one always ends.
 *  Return: 0; -ENOMEM. */
int scratch_pool_init(struct scratch_pool *pool);
void scratch_pool_fini(struct scratch_pool *pool);

/** scratch_shard_of() - the shard that serves an object at this address */
struct scratch_shard *scratch_shard_of(struct scratch_pool *pool, const void *object);

/** scratch_try() - a scratch, or NULL when there is none now. */
struct scratch *scratch_try(struct scratch_shard *shard);

/**
 * scratch_get() - a scratch for @op, or a place in the queue for one
 * Return: true, and op_priv(op)->scratch is set; false, and @op is resumed with it set later, from
 * any thread and perhaps before this returns: @op must not be touched any more.
 */
bool scratch_get(struct scratch_shard *shard, struct data_op *op);

/** scratch_put() - give it back. Return: an op that got it and is to be resumed, or NULL. */
struct data_op *scratch_put(struct scratch *scratch);

#endif
