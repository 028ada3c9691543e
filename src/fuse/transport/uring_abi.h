/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of FUSE over io_uring, as of Linux 6.14: a distribution's headers may be older.
 * Source: <linux/fuse.h> of the kernel, version 7.42 of the protocol.
 */
#ifndef CXLFS_FUSE_TRANSPORT_URING_ABI_H
#define CXLFS_FUSE_TRANSPORT_URING_ABI_H

#include <stdint.h>

/* Flags of the INIT request and its answer: flags2 exists; FUSE over io_uring. */
#define URING_ABI_INIT_EXTENDED (1u << 30)
#define URING_ABI_INIT2_RING    (1u << 9)

enum uring_abi_command {
	URING_ABI_REGISTER = 1,         /* register an entry, and fetch a request into it */
	URING_ABI_COMMIT_AND_FETCH = 2, /* send an answer, and fetch the next request */
};

/** The headers of an entry, in memory separate from its payload. */
struct uring_abi_header {
	char in_out[128]; /* struct fuse_in_header, then struct fuse_out_header */
	char op_in[128];  /* the request's own header */
	uint64_t flags;
	uint64_t commit_id;     /* the answer must repeat it */
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
