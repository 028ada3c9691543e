/* SPDX-License-Identifier: Apache-2.0 */
#include "replica/stream.h"

#include <errno.h>

void replica_stream_put_limits(struct record_writer *out, const struct replica_limits *limits)
{
	record_begin(out, REPLICA_STREAM_LIMITS, 0);
	record_put_u64(out, limits->size_bytes);
	record_put_u64(out, limits->reserve_bytes);
	record_put_u32(out, limits->reserve_ppm);
	record_put_u64(out, limits->max_inodes);
	record_put_u64(out, limits->max_user_inodes);
	record_end(out);
}

/* Goes to the next record. */
static int expect(struct record_reader *in, uint16_t wanted)
{
	uint16_t type;
	int err = record_next(in, &type);

	return err || type == wanted ? err : -EPROTO;
}

int replica_stream_get_limits(struct record_reader *in, struct replica_limits *ret_limits)
{
	int err = expect(in, REPLICA_STREAM_LIMITS);

	if (err)
		return err;
	*ret_limits = (struct replica_limits){ .size_bytes = record_get_u64(in) };
	ret_limits->reserve_bytes = record_get_u64(in);
	ret_limits->reserve_ppm = record_get_u32(in);
	ret_limits->max_inodes = record_get_u64(in);
	ret_limits->max_user_inodes = record_get_u64(in);
	return record_get_error(in);
}

int replica_stream_get_counts(struct record_reader *in, size_t bytes, const void **ret_counts)
{
	int err = expect(in, REPLICA_STREAM_COUNTS);

	*ret_counts = NULL;
	if (err || record_left(in) == 0)
		return err;
	*ret_counts = record_get_bytes(in, bytes);
	return *ret_counts ? 0 : -EPROTO;
}
