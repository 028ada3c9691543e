/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounce_buffer - the memory that an operation needs when the caller's buffer will not do.
 *
 * A bounce buffer holds partial blocks and data at unaligned addresses. It comes with an array of
 * ios, for requests of many pieces. There is a fixed number of them. An operation takes one only to
 * do I/O with it and never waits for anything else meanwhile, so each comes back; an operation
 * that finds none queues. The pool is cut into shards, each with its own lock, so that files do
 * not contend for one.
 */
#ifndef CXLFS_DATA_BOUNCE_BUFFER_H
#define CXLFS_DATA_BOUNCE_BUFFER_H

#include <pthread.h>
#include <stdint.h>

#include "superpipe/superpipe.h"

#define BOUNCE_BLOCKS    16u
#define BOUNCE_BYTES     (BOUNCE_BLOCKS * SUPERPIPE_LBA_BYTES)
#define BOUNCE_IOS       48u
#define BOUNCE_SHARDS    8u
#define BOUNCE_PER_SHARD 16u

struct data_op;

/** One piece of an operation's I/O. */
struct data_io {
	struct superpipe_io io;
	struct data_op *op;
	uint64_t pos; /* file offset of the first byte of its first block */
};

struct bounce_buffer {
	struct bounce_buffer *next; /* while free; protected by the shard's lock */
	struct bounce_shard *shard;
	uint8_t *buf; /* BOUNCE_BYTES, aligned to a block */
	struct data_io ios[BOUNCE_IOS];
};

/** A place in the queue for a buffer; the caller's memory. */
struct bounce_waiter {
	struct bounce_waiter *next;
	struct bounce_buffer *buffer; /* what it got */
};

struct bounce_shard {
	_Alignas(64) pthread_mutex_t lock;
	/* protected by lock */
	struct bounce_buffer *free;
	unsigned nr_made;
	struct bounce_waiter *waiting, **waiting_tail; /* first in, first out */
};

struct bounce_pool {
	struct bounce_shard shards[BOUNCE_SHARDS];
};

/** bounce_pool_init() - make a pool with one buffer in each shard, so that a wait for one always
 * ends. Return: 0; -ENOMEM. */
int bounce_pool_init(struct bounce_pool *pool);
void bounce_pool_fini(struct bounce_pool *pool);

/** bounce_shard_of() - return the shard that serves an object at this address */
struct bounce_shard *bounce_shard_of(struct bounce_pool *pool, const void *object);

/** bounce_buffer_try() - take a buffer; NULL: none is free */
struct bounce_buffer *bounce_buffer_try(struct bounce_shard *shard);

/**
 * bounce_buffer_get() - take a buffer, or queue for one
 * Return: true: @waiter->buffer is set. false: a later bounce_buffer_put() returns @waiter,
 * perhaps before this returns: then it may not be touched any more.
 */
bool bounce_buffer_get(struct bounce_shard *shard, struct bounce_waiter *waiter);

/**
 * bounce_buffer_put() - give a buffer back
 * Return: a waiter that got it and is to be resumed, or NULL.
 */
struct bounce_waiter *bounce_buffer_put(struct bounce_buffer *buffer);

#endif
