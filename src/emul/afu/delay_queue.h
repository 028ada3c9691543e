/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delay_queue - delayed commands and interrupts in a binary heap, ordered by due time.
 *
 * Locks: none; struct emul_delay's lock protects its queue.
 */
#ifndef CXLFS_EMUL_AFU_DELAY_QUEUE_H
#define CXLFS_EMUL_AFU_DELAY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/afu/engine.h"

/** A delayed command or interrupt. */
struct delay_item {
	struct delay_item *next_free;
	struct emul_engine *engine;
	uint32_t nr_resets; /* of the context when the command was fetched */
	uint8_t lisn;       /* 0: a command */
	struct sisl_ioarcb ioarcb;
	struct emul_command cmd;
};

struct delay_entry {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	struct delay_item *item;
};

struct delay_pool;

/** All zeros is an empty queue. */
struct delay_queue {
	struct delay_entry *heap; /* the earliest first */
	unsigned nr, size;
	struct delay_item *free;
	struct delay_pool *pools;
};

/** delay_queue_fini() - frees all memory of the queue, items included */
void delay_queue_fini(struct delay_queue *queue);

/**
 * delay_queue_push() - add an item that is due at @due_ns
 * Return: the item, whose fields the caller sets; NULL without memory.
 */
struct delay_item *delay_queue_push(struct delay_queue *queue, uint64_t due_ns);

/** delay_queue_pop() - remove and free the first item; the queue must not be empty */
void delay_queue_pop(struct delay_queue *queue);

/**
 * delay_queue_drop() - remove the items of an engine
 * @older_than: only commands from before this context reset; UINT32_MAX for everything
 */
void delay_queue_drop(struct delay_queue *queue, const struct emul_engine *engine,
		      uint32_t older_than);

#endif
