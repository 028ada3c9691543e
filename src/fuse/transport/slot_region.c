/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/slot_region.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/core_dump.h"

/* Since Linux 5.14. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* What the address of shared memory is a multiple of: any kernel's page size. */
#define PLACE_BYTES ((uintptr_t)1 << 21)

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

/* The other process must not get a SIGBUS, whatever this one does. */
static int set_size(int fd, size_t bytes)
{
	if (ftruncate(fd, (off_t)bytes) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	return 0;
}

int slot_region_share(struct slot_region *region, size_t nr_slots)
{
	int fd = memfd_create("cxlfs-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (fd < 0)
		return -errno;
	err = set_size(fd, nr_slots * SLOT_BYTES);
	if (!err)
		err = map_shared(region, nr_slots, any_place(), 0, fd);
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

int slot_region_map(struct slot_region *region, int fd)
{
	struct stat st;
	int err = fstat(fd, &st) ? -errno : 0;

	if (!err && (st.st_size <= 0 || (size_t)st.st_size % SLOT_BYTES))
		err = -EINVAL;
	if (!err)
		err = map_shared(region, (size_t)st.st_size / SLOT_BYTES, NULL, 0, fd);
	if (err)
		close(fd);
	else
		region->is_adopted = true;
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

/* ---- pages ---- */

int slot_region_lock(struct slot_region *region)
{
	return mlock2(region->memory, region->nr_slots * SLOT_BYTES, MLOCK_ONFAULT) ? -errno : 0;
}

/* Reading is enough in shared memory, and the first page may belong to the slot before it too. */
static void touch(const char *memory, size_t bytes, size_t page_bytes)
{
	for (size_t at = 0; at < bytes; at += page_bytes)
		(void)*(const volatile char *)(memory + at);
}

void slot_region_populate(char *payload)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)slot_front(payload) & ~(uintptr_t)(page_bytes - 1);
	size_t bytes = (uintptr_t)payload + SLOT_PAYLOAD_BYTES - start;

	if (madvise((void *)start, bytes, MADV_POPULATE_WRITE) && errno == EINVAL)
		touch((void *)start, bytes, page_bytes);
}
