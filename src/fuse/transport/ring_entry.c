/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FS_WITH_LIBURING

#include "fuse/transport/ring_entry.h"

#include <errno.h>
#include <string.h>

/* The kernel counts its uniques up from 0, and no address has this bit. */
#define IS_HANDLE (1ull << 63)

/* Between the kernel's header and the copy of the request's. */
#define PARKED_AT 1024

/* libfuse needs a request in one piece. The kernel puts its header at the start of the front, so it
 * is copied to the end. */
_Static_assert(sizeof(struct uring_abi_header) <= PARKED_AT &&
		       PARKED_AT + sizeof(bool) + sizeof(struct fuse_in_header) +
				       sizeof(((struct uring_abi_header *)0)->op_in) <=
			       SLOT_FRONT_BYTES,
	       "the header is in front of its copy");

void ring_entry_init(struct ring_entry *entry, struct ring *ring, unsigned queue, char *payload)
{
	char *front = payload - SLOT_FRONT_BYTES;

	*entry = (struct ring_entry){
		.slot = { .payload = payload, .ring = ring },
		.home = ring,
		.queue = (uint16_t)queue,
		.header = (void *)front,
		.is_parked = (void *)(front + PARKED_AT),
		.memory = { { .iov_base = front, .iov_len = sizeof(struct uring_abi_header) },
			    { .iov_base = payload, .iov_len = SLOT_PAYLOAD_BYTES } },
	};
}

void ring_entry_submit(struct ring_entry *entry, struct io_uring_sqe *sqe)
{
	struct uring_abi_submission *submission = (void *)sqe->cmd;

	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, entry);
	submission->queue = entry->queue;
	if (entry->is_registered) {
		sqe->cmd_op = URING_ABI_COMMIT_AND_FETCH;
		submission->commit_id = entry->commit_id;
	} else {
		sqe->cmd_op = URING_ABI_REGISTER;
		sqe->addr = (uintptr_t)entry->memory;
		sqe->len = 2;
	}
}

struct fuse_in_header *ring_entry_request(struct ring_entry *entry, size_t *ret_bytes)
{
	const struct uring_abi_header *header = entry->header;
	const struct fuse_in_header *in = (const void *)header->in_out;
	size_t front_bytes = in->len - header->payload_bytes;
	struct fuse_in_header *request;

	entry->is_registered = true;
	entry->unique = in->unique;
	entry->commit_id = header->commit_id;
	if (header->payload_bytes > SLOT_PAYLOAD_BYTES || front_bytes < sizeof(*in) ||
	    front_bytes > sizeof(*in) + sizeof(header->op_in))
		return NULL;
	request = (void *)(entry->slot.payload - front_bytes);
	*request = *in;
	request->unique = (uintptr_t)entry | IS_HANDLE;
	memcpy(request + 1, header->op_in, front_bytes - sizeof(*in));
	*ret_bytes = in->len;
	return request;
}

struct ring_entry *ring_entry_of(uint64_t unique)
{
	if (!(unique & IS_HANDLE))
		return NULL;
	return (struct ring_entry *)(uintptr_t)(unique & ~IS_HANDLE);
}

static int fill_payload(struct ring_entry *entry, const struct iovec *iov, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++) {
		char *to = entry->slot.payload + bytes;

		if (iov[i].iov_len > SLOT_PAYLOAD_BYTES - bytes)
			return -EMSGSIZE;
		if (iov[i].iov_base != to)
			memcpy(to, iov[i].iov_base, iov[i].iov_len);
		bytes += iov[i].iov_len;
	}
	entry->header->payload_bytes = (uint32_t)bytes;
	return 0;
}

int ring_entry_fill(struct ring_entry *entry, const struct iovec *iov, int count)
{
	const struct fuse_out_header *from = iov[0].iov_base;
	struct fuse_out_header *out = (void *)entry->header->in_out;
	int err = fill_payload(entry, iov + 1, count - 1);

	if (err)
		entry->header->payload_bytes = 0;
	*out = (struct fuse_out_header){
		.len = (uint32_t)sizeof(*out) + entry->header->payload_bytes,
		.error = err ? -EIO : from->error,
		.unique = entry->unique,
	};
	return err;
}

#endif
