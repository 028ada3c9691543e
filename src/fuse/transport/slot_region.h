/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_region - the memory of slots, which other processes can map.
 *
 * The slots of /dev/fuse are in one region. Those of rings are in another, which a process that
 * takes over the rings maps at the same address, because the kernel knows it.
 *
 *     | front: 4 KiB                                    | payload                      |
 *     | of /dev/fuse: struct slot_front     | request   | bytes to write, or to return |
 *     | of a ring: the kernel's header      | request   |                              |
 *
 * A request ends where the payload begins, so that the bytes of a write start on a block of a LUN.
 * The kernel's pages may be larger; nothing depends on where they start.
 *
 * In a slot of /dev/fuse, the length in the header of the request is 0 unless the slot holds a
 * request that has been read and is not done. So another process finds the requests that a dead one
 * has left.
 *
 * No two processes access such a slot at the same time, so nothing in it is atomic. A process that
 * was killed has done all stores before the instruction at which it ended, and none after it. The
 * system call that tells of its end orders these stores before the loads of the caller. The
 * compiler leaves the stores where they are, because system calls stand between them.
 */
#ifndef CXLFS_FUSE_TRANSPORT_SLOT_REGION_H
#define CXLFS_FUSE_TRANSPORT_SLOT_REGION_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replica/record.h"

#define SLOT_FRONT_BYTES 4096
/* The longest read or write. The kernel's own default is the same. */
#define SLOT_PAYLOAD_BYTES ((size_t)1 << 20)
#define SLOT_BYTES         (SLOT_FRONT_BYTES + SLOT_PAYLOAD_BYTES)
/* What comes before the bytes of a write, which start on a block. */
#define SLOT_HEADER_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))

/** At the start of a slot of /dev/fuse. The last process that served has left it to the next. */
struct slot_front {
	/* Written by the standby while nobody serves: */
	struct replica_outcome outcome; /* of the request that the slot holds; unique 0: none */
	uint64_t suspect;               /* unique of a request; 0: none */
	uint64_t nr_deaths;             /* of processes that served @suspect and nothing else */
	/* Written by the process that serves: */
	uint64_t executing; /* unique of the request that it serves and nothing else; 0: none */
};

/** The header of the request in a slot of /dev/fuse. */
static inline struct fuse_in_header *slot_header(char *payload)
{
	return (struct fuse_in_header *)(payload - SLOT_HEADER_BYTES);
}

static inline struct slot_front *slot_front(char *payload)
{
	return (struct slot_front *)(payload - SLOT_FRONT_BYTES);
}

/** slot_has_request() - true if the length in @header can be that of a request */
static inline bool slot_has_request(const struct fuse_in_header *header)
{
	return header->len >= sizeof(*header) &&
	       header->len <= SLOT_HEADER_BYTES + SLOT_PAYLOAD_BYTES;
}

struct slot_region {
	char *memory;
	size_t nr_slots, nr_used;
	int fd;          /* of shared memory; -1: it is private */
	bool is_adopted; /* another process may have left requests */
};

/** slot_region_init() - reserve memory for @nr_slots; pages are allocated on first use. Return: 0;
 *  -ENOMEM. */
int slot_region_init(struct slot_region *region, size_t nr_slots);
/** slot_region_share() - the same, in memory that another process can map. Its size is fixed.
 *  Return: 0; -errno. */
int slot_region_share(struct slot_region *region, size_t nr_slots);
/**
 * slot_region_adopt() - map what slot_region_share() of another process has made
 * @memory: its address there; @fd: taken also after a failure
 * Return: 0; -EADDRINUSE this process has something else there; -errno.
 */
int slot_region_adopt(struct slot_region *region, size_t nr_slots, void *memory, int fd);
/**
 * slot_region_map() - the same, at any address and with as many slots as there are
 * @fd: taken also after a failure
 * Return: 0; -EINVAL it does not consist of slots; -errno.
 */
int slot_region_map(struct slot_region *region, int fd);
/** slot_region_fini() - Accepts all zeros. */
void slot_region_fini(struct slot_region *region);
/** slot_region_take() - take memory for a slot; one thread at a time. Return: its payload. */
char *slot_region_take(struct slot_region *region);

/** slot_region_lock() - keep pages in memory once they are allocated; call it before threads start
 *  Return: 0; -EPERM, -ENOMEM RLIMIT_MEMLOCK is too low: pages may be swapped out; -errno. */
int slot_region_lock(struct slot_region *region);

/**
 * slot_region_populate() - allocate the pages of a slot
 * The kernel then copies requests without a page fault. In a process that is being killed such a
 * fault fails, and the program that waits for the request gets EIO.
 */
void slot_region_populate(char *payload);

#endif
