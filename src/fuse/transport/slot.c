/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/slot.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/core_dump.h"
#include "fuse/transport/ring.h"

#define SLOT_BYTES (SLOT_FRONT_BYTES + SLOT_PAYLOAD_BYTES)

/* What the address of shared memory is a multiple of: any kernel's page size. */
#define PLACE_BYTES ((uintptr_t)1 << 21)

static __thread struct slot *here;

struct slot *slot_here(void)
{
	return here;
}

void slot_set_here(struct slot *slot)
{
	here = slot;
}

void slot_begin(struct slot *slot, struct account *account, const struct fuse_in_header *header)
{
	account_begin(account, &slot->request, header);
	slot->unique = header->unique;
	here = slot;
}

/* Only this thread sets @kept. Another one may have answered meanwhile, but the slot is still ours.
 */
void slot_end(struct slot *slot)
{
	if (!slot->request.kept)
		account_end(&slot->request);
	here = NULL;
}

/* ---- memory ---- */

int slot_region_init(struct slot_region *region, size_t nr_slots)
{
	void *memory = mmap(NULL, nr_slots * SLOT_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	core_dump_exclude(memory, nr_slots * SLOT_BYTES);
	*region = (struct slot_region){ .memory = memory, .nr_slots = nr_slots, .fd = -1 };
	return 0;
}

/*
 * A random address where the kernel maps nothing by itself, so that it is free in the process that
 * adopts the memory. The addresses that the kernel chooses lie close together in all processes: on
 * POWER with pages of 64 KiB within a GiB.
 */
static void *any_place(void)
{
	const uintptr_t first = (uintptr_t)1 << 45, nr_places = (uintptr_t)1 << 24;
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), 0);
	return (void *)(first + random % nr_places * PLACE_BYTES);
}

/* @flags: whether @place must be that address, or is a hint */
static int map_shared(struct slot_region *region, size_t nr_slots, void *place, int flags, int fd)
{
	void *memory = mmap(place, nr_slots * SLOT_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE | flags, fd, 0);

	if (memory == MAP_FAILED)
		return errno == EEXIST ? -EADDRINUSE : -errno;
	core_dump_exclude(memory, nr_slots * SLOT_BYTES);
	*region = (struct slot_region){ .memory = memory, .nr_slots = nr_slots, .fd = fd };
	return 0;
}

int slot_region_share(struct slot_region *region, size_t nr_slots)
{
	int fd = memfd_create("cxlfs-rings", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = ftruncate(fd, (off_t)(nr_slots * SLOT_BYTES))
		      ? -errno
		      : map_shared(region, nr_slots, any_place(), 0, fd);
	if (err)
		close(fd);
	return err;
}

int slot_region_adopt(struct slot_region *region, size_t nr_slots, void *memory, int fd)
{
	int err = map_shared(region, nr_slots, memory, MAP_FIXED_NOREPLACE, fd);

	if (err)
		close(fd);
	return err;
}

void slot_region_fini(struct slot_region *region)
{
	if (!region->memory)
		return;
	(void)munmap(region->memory, region->nr_slots * SLOT_BYTES);
	if (region->fd >= 0)
		close(region->fd);
	*region = (struct slot_region){ .memory = NULL };
}

char *slot_region_take(struct slot_region *region)
{
	return region->memory + region->nr_used++ * SLOT_BYTES + SLOT_FRONT_BYTES;
}

/* ---- slots without a ring ---- */

struct slot_pool *slot_pool_new(struct slot_region *region, size_t nr_slots)
{
	struct slot_pool *pool = calloc(1, sizeof(*pool) + nr_slots * sizeof(pool->slots[0]));

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->released, NULL);
	for (size_t i = 0; i < nr_slots; i++) {
		pool->slots[i].payload = slot_region_take(region);
		pool->slots[i].pool = pool;
		pool->slots[i].number = (uint32_t)i;
		pool->slots[i].next = i + 1 < nr_slots ? &pool->slots[i + 1] : NULL;
	}
	pool->free = pool->slots;
	return pool;
}

void slot_pool_free(struct slot_pool *pool)
{
	if (!pool)
		return;
	pthread_cond_destroy(&pool->released);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

struct slot *slot_pool_get(struct slot_pool *pool, bool wait)
{
	struct slot *slot;

	pthread_mutex_lock(&pool->lock);
	while (!pool->free && wait)
		pthread_cond_wait(&pool->released, &pool->lock);
	slot = pool->free;
	if (slot) {
		pool->free = slot->next;
		atomic_store(&slot->refs, 1);
	}
	pthread_mutex_unlock(&pool->lock);
	return slot;
}

void slot_put(struct slot *slot)
{
	struct slot_pool *pool = slot->pool;

	if (atomic_fetch_sub(&slot->refs, 1) > 1)
		return;
	pthread_mutex_lock(&pool->lock);
	slot->next = pool->free;
	pool->free = slot;
	pthread_cond_signal(&pool->released);
	pthread_mutex_unlock(&pool->lock);
}

/* ---- requests that are answered later ---- */

void slot_keep(struct slot *slot)
{
	slot->request.kept = true;
	if (slot->ring)
		ring_keep(slot->ring);
	else
		atomic_fetch_add(&slot->refs, 1);
}

void slot_release(struct slot *slot)
{
	account_end(&slot->request);
	if (slot->ring)
		ring_release(slot->ring);
	else
		slot_put(slot);
}

bool slot_has_others_waiting(const struct slot *slot)
{
	return slot->ring && ring_has_requests(slot->ring);
}

void slot_resume(struct slot *slot, void (*resume)(void *arg), void *arg)
{
	if (!slot->ring || ring_is_here(slot->ring)) {
		resume(arg);
		return;
	}
	slot->resume = resume;
	slot->arg = arg;
	ring_post(slot->ring, slot);
}
