/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_entry - a slot that the kernel fills and empties over io_uring, in the kernel's layout.
 *
 * There is no lock: an entry belongs either to the kernel or to the thread of its ring.
 */
#ifndef CXLFS_FUSE_TRANSPORT_RING_ENTRY_H
#define CXLFS_FUSE_TRANSPORT_RING_ENTRY_H

#include <liburing.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fuse/transport/slot.h"
#include "fuse/transport/uring_abi.h"

/** An entry of a queue: room for one request and its answer. */
struct ring_entry {
	struct slot slot; /* its ring is the one that has the entry, @home or the helper */
	struct ring *home;
	uint16_t queue;
	struct uring_abi_header *header; /* at the start of the slot's front */
	struct iovec memory[2];          /* header and payload, for the kernel */
	bool is_registered;
	/* It holds a request that is not served yet. In the slot's front, where another process
	 * finds it. */
	bool *is_parked;
	uint64_t unique, commit_id; /* of the request that it holds */
};

/** ring_entry_init() - @payload: from slot_region_take(), with zeros or what another process has
 * left;
 *  @ring: its home */
void ring_entry_init(struct ring_entry *entry, struct ring *ring, unsigned queue, char *payload);

/** ring_entry_submit() - fill @sqe so that it passes the entry to the kernel, the first time
 * without an answer */
void ring_entry_submit(struct ring_entry *entry, struct io_uring_sqe *sqe);

/**
 * ring_entry_request() - return the request in the entry, in the layout of /dev/fuse
 * Its unique is a handle for ring_entry_of() instead of the kernel's.
 * @ret_bytes: length of the request
 * Return: valid until the answer; NULL: the lengths contradict each other.
 */
struct fuse_in_header *ring_entry_request(struct ring_entry *entry, size_t *ret_bytes);

/** ring_entry_of() - return the entry with that handle; NULL if @unique comes from the kernel */
struct ring_entry *ring_entry_of(uint64_t unique);

/**
 * ring_entry_fill() - put an answer into the entry
 * @iov: a struct fuse_out_header and what follows it; data in the payload itself is not copied
 * Return: 0; -EMSGSIZE too long: the answer is EIO instead.
 */
int ring_entry_fill(struct ring_entry *entry, const struct iovec *iov, int count);

#endif
