/* SPDX-License-Identifier: Apache-2.0 */
/* memory_stream - a stream of records in memory. */
#ifndef CXLFS_TESTS_SUPPORT_MEMORY_STREAM_H
#define CXLFS_TESTS_SUPPORT_MEMORY_STREAM_H

#include "base/record_reader.h"
#include "base/record_writer.h"

/** All zeros: empty and without limits. */
struct memory_stream {
	uint8_t *data;
	size_t bytes, max_bytes; /* in use, allocated */
	size_t at;               /* where the next read begins */
	size_t most;             /* that a read returns; 0: no limit */
	size_t room;             /* after so many bytes there is no space; 0: no limit */
};

/* The sink and the source; @arg is the stream. */
record_write_fn memory_stream_write;
record_read_fn memory_stream_read;

void memory_stream_fini(struct memory_stream *stream);

#endif
