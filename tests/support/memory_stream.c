/* SPDX-License-Identifier: Apache-2.0 */
#include "support/memory_stream.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"

int memory_stream_write(void *arg, const void *data, size_t bytes)
{
	struct memory_stream *stream = arg;

	if (stream->room && stream->bytes + bytes > stream->room)
		return -ENOSPC;
	if (stream->bytes + bytes > stream->max_bytes) {
		stream->max_bytes = 2 * (stream->bytes + bytes);
		stream->data = realloc(stream->data, stream->max_bytes);
		ck_assert_ptr_nonnull(stream->data);
	}
	if (bytes)
		memcpy(stream->data + stream->bytes, data, bytes);
	stream->bytes += bytes;
	return 0;
}

ssize_t memory_stream_read(void *arg, void *buf, size_t bytes)
{
	struct memory_stream *stream = arg;
	size_t n = min_u64(bytes, stream->bytes - stream->at);

	if (stream->most)
		n = min_u64(n, stream->most);
	if (n)
		memcpy(buf, stream->data + stream->at, n);
	stream->at += n;
	return (ssize_t)n;
}

void memory_stream_fini(struct memory_stream *stream)
{
	free(stream->data);
	*stream = (struct memory_stream){ .bytes = 0 };
}
