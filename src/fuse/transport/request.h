/* SPDX-License-Identifier: Apache-2.0 */
/* request - what a request is about, before libfuse has been asked. */
#ifndef CXLFS_FUSE_TRANSPORT_REQUEST_H
#define CXLFS_FUSE_TRANSPORT_REQUEST_H

#include <linux/fuse.h>
#include <stdbool.h>

/* Copying so much takes longer than waking somebody who does it at the same time. */
#define REQUEST_LARGE_BYTES (64u << 10)

/** request_is_large() - whether so many bytes are read or written; their sizes are in one place */
static inline bool request_is_large(const struct fuse_in_header *header)
{
	const struct fuse_read_in *in = (const void *)(header + 1);

	return (header->opcode == FUSE_READ || header->opcode == FUSE_WRITE) &&
	       in->size >= REQUEST_LARGE_BYTES;
}

#endif
