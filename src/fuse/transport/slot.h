/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot - memory for one request and its answer.
 *
 * All slots of a session lie in one region of memory. Each worker has one, and so has each entry of
 * a ring; a worker whose request is answered later leaves its slot to the request and takes
 * another.
 *
 *     | front: one page                      | payload                      |
 *     | ring: the kernel's header | request  | bytes to write, or to return |
 *
 * A request lies directly in front of the payload, so that the bytes of a write start on a page.
 */
#ifndef CXLFS_FUSE_TRANSPORT_SLOT_H
#define CXLFS_FUSE_TRANSPORT_SLOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define SLOT_FRONT_BYTES 4096
/* The longest read or write. The kernel's own default is the same. */
#define SLOT_PAYLOAD_BYTES ((size_t)1 << 20)

struct ring;

struct slot {
	char *payload;
	struct ring *ring;      /* whose thread sends the answer; NULL: any thread may */
	_Atomic unsigned refs;  /* without a ring: the worker's, and that of a request kept */
	struct slot_pool *pool; /* without a ring */
	struct slot *next;      /* free slots, or the inbox of the ring */
	/* Of a request in the inbox: */
	void (*resume)(void *arg);
	void *arg;
};

/* ---- for operations ---- */

/** slot_here() - the slot of the request that the calling thread serves; NULL: it serves none */
struct slot *slot_here(void);

/** slot_keep() - the request is answered later; on the thread that serves it */
void slot_keep(struct slot *slot);

/** slot_has_others_waiting() - true if the request came through a ring that has more requests; on
 *  the thread that serves it */
bool slot_has_others_waiting(const struct slot *slot);

/** slot_resume() - call @resume, now or on the thread that sends the answer. Any thread. */
void slot_resume(struct slot *slot, void (*resume)(void *arg), void *arg);

/** slot_release() - ends slot_keep(), after the answer, on the thread that sent it */
void slot_release(struct slot *slot);

/* ---- for transports ---- */

/** Slots for /dev/fuse, all free at first. */
struct slot_pool {
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t released;
	struct slot *free; /* the one used last comes first: its pages are there */
	struct slot slots[];
};

/** The memory of slots. */
struct slot_region {
	char *memory;
	size_t nr_slots, nr_used;
};

/** slot_region_init() - address space for @nr_slots; pages come with use. Return: 0; -ENOMEM. */
int slot_region_init(struct slot_region *region, size_t nr_slots);
void slot_region_fini(struct slot_region *region);
/** slot_region_take() - memory for one more slot. Return: its payload. One thread at a time. */
char *slot_region_take(struct slot_region *region);

/** slot_pool_new() - a pool with memory from @region, which must outlive it. NULL: no memory. */
struct slot_pool *slot_pool_new(struct slot_region *region, size_t nr_slots);
/** slot_pool_free() - Accepts NULL. */
void slot_pool_free(struct slot_pool *pool);
/** slot_pool_get() - a free slot; @wait: for one if there is none, else NULL */
struct slot *slot_pool_get(struct slot_pool *pool, bool wait);
/** slot_put() - drops a worker's reference */
void slot_put(struct slot *slot);

/** slot_set_here() - what slot_here() returns on the calling thread from now on; NULL: nothing */
void slot_set_here(struct slot *slot);

#endif
