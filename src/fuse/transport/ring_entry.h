/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_entry - room for one request over io_uring and its answer, in the kernel's terms.
 *
 * Nothing is locked: whoever has an entry is alone with it.
 */
#ifndef CXLFS_FUSE_TRANSPORT_RING_ENTRY_H
#define CXLFS_FUSE_TRANSPORT_RING_ENTRY_H

#include <liburing.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fuse/transport/uring_abi.h"

struct fs_io;
struct ring;

/**
 * struct ring_entry - room for one request and its answer
 *
 * With the kernel, or with the thread of one ring, or on the way from one to another.
 */
struct ring_entry {
	struct ring *home; /* whose queue it is of */
	struct ring *at;   /* who has it */
	uint16_t queue;
	struct uring_abi_header *header;
	char *payload; /* starts on a page */
	size_t payload_bytes;
	struct iovec memory[2]; /* the two, for the kernel */
	bool is_registered;
	bool is_large; /* the request that it holds, and it is counted in home->nr_large */
	uint64_t unique, commit_id; /* of the request that it holds */

	/* in the inbox of a ring: */
	struct ring_entry *next;
	struct fs_io *io; /* that can be answered; NULL: the request is still to be served */
};

/** Return: 0; -ENOMEM. A failed entry needs no ring_entry_fini(). */
int ring_entry_init(struct ring_entry *entry, struct ring *home, unsigned queue,
		    size_t payload_bytes);
void ring_entry_fini(struct ring_entry *entry);

/** ring_entry_submit() - give it to the kernel: at first, and then with an answer, in @sqe */
void ring_entry_submit(struct ring_entry *entry, struct io_uring_sqe *sqe);

/**
 * ring_entry_request() - the request that it holds, as /dev/fuse would have it
 * Its unique is a handle for ring_entry_of() instead of the kernel's.
 * @ret_bytes: of the request
 * Return: valid until there is an answer; NULL: it makes no sense.
 */
struct fuse_in_header *ring_entry_request(struct ring_entry *entry, size_t *ret_bytes);

/** ring_entry_of() - the entry with that handle; NULL: it is a unique of the kernel's */
struct ring_entry *ring_entry_of(uint64_t unique);

/**
 * ring_entry_fill() - put in an answer
 * @iov: a struct fuse_out_header, then what follows it; not copied where it is the payload itself
 * Return: 0; -EMSGSIZE there is no room for it.
 */
int ring_entry_fill(struct ring_entry *entry, const struct iovec *iov, int count);

#endif
