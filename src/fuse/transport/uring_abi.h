/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Linux and who serves FUSE over io_uring have agreed on since Linux 6.14; a distribution's
 * headers may be older. Source: the kernel's <linux/fuse.h>, version 7.42 of the protocol.
 */
#ifndef CXLFS_FUSE_TRANSPORT_URING_ABI_H
#define CXLFS_FUSE_TRANSPORT_URING_ABI_H

#include <stdint.h>

/* In flags and flags2 of INIT, both ways: there are 64 flags; requests may come over io_uring. */
#define URING_ABI_INIT_EXTENDED (1u << 30)
#define URING_ABI_INIT2_RING    (1u << 9)

enum uring_abi_command {
	URING_ABI_REGISTER = 1,         /* an entry, and fetch a request into it */
	URING_ABI_COMMIT_AND_FETCH = 2, /* an answer, and fetch the next request */
};

/** What is in front of the payload of an entry, in memory of its own. */
struct uring_abi_header {
	char in_out[128]; /* struct fuse_in_header, then struct fuse_out_header */
	char op_in[128];  /* the request's own header */
	uint64_t flags;
	uint64_t commit_id;     /* to be given back with the answer */
	uint32_t payload_bytes; /* of the request, then of the answer */
	uint32_t padding;
	uint64_t reserved;
};

/** In the 80 bytes for a command of a submission. */
struct uring_abi_submission {
	uint64_t flags;
	uint64_t commit_id;
	uint16_t queue;
	uint8_t padding[6];
};

_Static_assert(sizeof(struct uring_abi_header) == 288, "the kernel checks it");
_Static_assert(sizeof(struct uring_abi_submission) == 24, "the kernel reads it");

#endif
