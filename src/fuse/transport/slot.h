/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot - memory for one request and its answer.
 *
 * The slots of /dev/fuse are in one region of memory. Those of rings are in another, which a
 * process that takes over the rings maps at the same address, because the kernel knows it. Each
 * worker has a slot, and so has each entry of a ring. If a request is answered later, it keeps the
 * slot of its worker, and the worker takes another.
 *
 *     | front: 4 KiB                         | payload                      |
 *     | ring: the kernel's header | request  | bytes to write, or to return |
 *
 * A request ends where the payload begins, so that the bytes of a write start on a block of a LUN.
 * The kernel's pages may be larger; nothing depends on where they start.
 */
#ifndef CXLFS_FUSE_TRANSPORT_SLOT_H
#define CXLFS_FUSE_TRANSPORT_SLOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "fuse/transport/account.h"

#define SLOT_FRONT_BYTES 4096
/* The longest read or write. The kernel's own default is the same. */
#define SLOT_PAYLOAD_BYTES ((size_t)1 << 20)

struct ring;

struct slot {
	char *payload;
	struct ring *ring;      /* its thread sends the answer; NULL: any thread may */
	_Atomic unsigned refs;  /* without a ring: of the worker, and of a request that keeps it */
	struct slot_pool *pool; /* without a ring */
	struct slot *next;      /* in the list of free slots, or of resumed requests */
	uint32_t number;        /* of its pool */
	uint64_t unique;        /* of the request */
	/* Of the thread that serves the request, then of the one that answers it. */
	struct account_request request;
	/* Of a resumed request: */
	void (*resume)(void *arg);
	void *arg;
};

/* ---- for operations ---- */

/** slot_here() - the slot of the request that the calling thread serves, or NULL */
struct slot *slot_here(void);

/** slot_keep() - keep the slot for an answer later; on the thread that serves the request */
void slot_keep(struct slot *slot);

/** slot_has_others_waiting() - true if the request came through a ring that has more requests; on
 *  the thread that serves it */
bool slot_has_others_waiting(const struct slot *slot);

/** slot_resume() - call @resume on the thread that sends the answer: now if it is this thread or if
 *  any thread may. Any thread. */
void slot_resume(struct slot *slot, void (*resume)(void *arg), void *arg);

/** slot_release() - undo slot_keep() after the answer, on the thread that sent it */
void slot_release(struct slot *slot);

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

/** slot_begin() - the calling thread serves the request in @slot; account it */
void slot_begin(struct slot *slot, struct account *account, const struct fuse_in_header *header);

/** slot_end() - it has served it. A request that is answered later is accounted for then. */
void slot_end(struct slot *slot);

/** The slots for /dev/fuse, at first all free. */
struct slot_pool {
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t released;
	struct slot *free; /* the one used last comes first: its pages are allocated */
	struct slot slots[];
};

/** The memory of slots. */
struct slot_region {
	char *memory;
	size_t nr_slots, nr_used;
	int fd; /* of shared memory; -1: it is private */
};

/** slot_region_init() - reserve memory for @nr_slots; pages are allocated on first use. Return: 0;
 *  -ENOMEM. */
int slot_region_init(struct slot_region *region, size_t nr_slots);
/** slot_region_share() - the same, in memory that another process can map. Return: 0; -errno. */
int slot_region_share(struct slot_region *region, size_t nr_slots);
/**
 * slot_region_adopt() - map what slot_region_share() of another process has made
 * @memory: its address there; @fd: taken also after a failure
 * Return: 0; -EADDRINUSE this process has something else there; -errno.
 */
int slot_region_adopt(struct slot_region *region, size_t nr_slots, void *memory, int fd);
/** slot_region_fini() - Accepts all zeros. */
void slot_region_fini(struct slot_region *region);
/** slot_region_take() - take memory for a slot; one thread at a time. Return: its payload. */
char *slot_region_take(struct slot_region *region);

/** slot_pool_new() - make a pool with memory from @region, which must outlive it. Return: NULL if
 *  there is not enough memory. */
struct slot_pool *slot_pool_new(struct slot_region *region, size_t nr_slots);
/** slot_pool_free() - free a pool. Accepts NULL. */
void slot_pool_free(struct slot_pool *pool);
/** slot_pool_get() - take a free slot; if there is none, @wait for one, or return NULL */
struct slot *slot_pool_get(struct slot_pool *pool, bool wait);
/** slot_put() - drop the reference of a worker */
void slot_put(struct slot *slot);

/** slot_set_here() - set what slot_here() returns on the calling thread */
void slot_set_here(struct slot *slot);

#endif
