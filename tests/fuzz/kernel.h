/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel - makes FUSE requests as the kernel does: well formed, but with names, values, sizes and
 * offsets that a hostile program may choose.
 */
#ifndef CXLFS_TESTS_FUZZ_KERNEL_H
#define CXLFS_TESTS_FUZZ_KERNEL_H

#include <linux/fuse.h>

#include "fuzz/fuzz.h"

#define KERNEL_MAX_NODES 32
#define KERNEL_MAX_OPENS 16
/* Bytes of a write, at most: more than a chunk of the fake adapter. */
#define KERNEL_MAX_DATA (96u << 10)

struct kernel_node {
	uint64_t ino, nlookup;
	unsigned nr_opens;
};

struct kernel_open {
	uint64_t ino;
	uint32_t flags;
};

/** The part of the state of a kernel that decides which requests it may send. */
struct kernel {
	struct kernel_node nodes[KERNEL_MAX_NODES];
	struct kernel_open opens[KERNEL_MAX_OPENS];
	unsigned nr_nodes, nr_opens;
	bool no_open, no_opendir; /* those requests got ENOSYS */
	uint64_t unique;

	/* The last request: */
	uint32_t opcode, open_flags;
	uint64_t ino;
	bool wants_reply;
	size_t data_bytes; /* asked for */
};

void kernel_init(struct kernel *kernel);

/** kernel_make_init() - write the INIT request. Return: its length. */
size_t kernel_make_init(struct kernel *kernel, char *request);

/**
 * kernel_make() - write a request
 * @request: room for KERNEL_MAX_DATA and a page
 * Return: its length; 0 if the input asks for one that the kernel would not send now.
 */
size_t kernel_make(struct kernel *kernel, struct fuzz_input *input, char *request);

/** kernel_take_reply() - note the inodes and open files of a reply, after checking its form */
void kernel_take_reply(struct kernel *kernel, const struct fuse_out_header *header,
		       const void *body, size_t body_bytes);

#endif
