/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot - memory for one request and its answer.
 *
 * Each worker has a slot, and so has each entry of a ring. If a request is answered later, it keeps
 * the slot of its worker, and the worker takes another. The memory is described in slot_region.h.
 */
#ifndef CXLFS_FUSE_TRANSPORT_SLOT_H
#define CXLFS_FUSE_TRANSPORT_SLOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "fuse/transport/account.h"
#include "fuse/transport/slot_region.h"

struct ring;

struct slot {
	char *payload;
	struct ring *ring;      /* its thread sends the answer; NULL: any thread may */
	_Atomic unsigned refs;  /* without a ring: of the worker, and of a request that keeps it */
	struct slot_pool *pool; /* without a ring */
	struct slot *next;      /* in the list of free slots, or of ring_post() */
	uint32_t number;        /* of its pool */
	uint64_t unique;        /* of the request */
	bool is_populated;      /* without a ring: the pages of shared memory are allocated */
	bool is_recovered;      /* the request is that of a process that has died */
	/* Of the thread that serves the request, then of the one that answers it. */
	struct account_request request;
	/* For ring_post(): */
	void (*resume)(void *arg);
	void *arg;
};

/* ---- for operations ---- */

/** slot_here() - return the slot of the request that the calling thread serves, or NULL */
struct slot *slot_here(void);

/** slot_keep() - keep the slot for an answer later; on the thread that serves the request */
void slot_keep(struct slot *slot);

/** slot_resume() - call @resume on the thread that sends the answer: now if it is this thread or if
 *  any thread may. Any thread. */
void slot_resume(struct slot *slot, void (*resume)(void *arg), void *arg);

/** slot_release() - undo slot_keep() after the answer, on the thread that sent it */
void slot_release(struct slot *slot);

/**
 * slot_outcome() - return the outcome of a request that another process has executed
 * @slot: of the request that a thread serves, or NULL
 * Return: the outcome, valid until the answer; NULL: it must be executed.
 */
const struct replica_outcome *slot_outcome(const struct slot *slot);

/* What the account says of the request in slot_here(), if any. */

static inline void slot_note_error(int err)
{
	struct slot *slot = slot_here();

	if (slot)
		slot->request.error = err;
}

static inline void slot_note_moved(size_t bytes)
{
	struct slot *slot = slot_here();

	if (slot)
		slot->request.nr_moved = bytes;
}

/* ---- for transports ---- */

/** slot_begin() - note that the calling thread serves the request in @slot, and account it */
void slot_begin(struct slot *slot, struct account *account, const struct fuse_in_header *header);

/** slot_end() - note that it has served it. A request that is answered later is accounted for then.
 */
void slot_end(struct slot *slot);

/** The slots for /dev/fuse, at first all free. */
struct slot_pool {
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t released;
	struct slot *free; /* the one used last comes first: its pages are allocated */
	size_t nr_slots;   /* this and the next are set at the start */
	bool is_shared;    /* another process can map the memory */
	struct slot slots[];
};

/** slot_pool_new() - make a pool with memory from @region, which must outlive it
 *  Slots with requests that another process has left are not free: see slot_pool_next_recovered().
 *  Return: NULL if there is not enough memory. */
struct slot_pool *slot_pool_new(struct slot_region *region, size_t nr_slots);
/** slot_pool_free() - free a pool. Accepts NULL. */
void slot_pool_free(struct slot_pool *pool);
/** slot_pool_get() - take a free slot; if there is none, @wait for one, or return NULL */
struct slot *slot_pool_get(struct slot_pool *pool, bool wait);
/** slot_put() - drop the reference of a worker */
void slot_put(struct slot *slot);

/**
 * slot_pool_next_recovered() - find the next request that another process has left
 * @after: where to go on; NULL: from the first slot
 * Return: its slot, with the reference of a worker; NULL if there are no more.
 */
struct slot *slot_pool_next_recovered(struct slot_pool *pool, struct slot *after);
/** slot_await_free() - wait until the request of a slot has been answered; only one thread may
 * wait, and none in slot_pool_get() */
void slot_await_free(struct slot *slot);

/** slot_set_here() - set what slot_here() returns on the calling thread */
void slot_set_here(struct slot *slot);

#endif
