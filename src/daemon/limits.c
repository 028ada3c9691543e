/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

int limits_refused(const struct explainer *to, int err, const struct fs_limits *wanted,
		   const struct fs_usage *usage)
{
	uint64_t size = wanted->data.size_bytes;
	bool has_size = wanted->which & FS_LIMIT_SIZE && size > 0;

	if (err == -EOPNOTSUPP)
		return explain_error(to, err, "whole LUNs have neither a size nor a reserve");
	if (err != -EINVAL)
		return explain_error(to, err, "cannot change what the volume may use: %s",
				     strerror(-err));
	if (has_size && size < usage->chunk_bytes)
		return explain_error(to, err, "option size is less than a chunk, %" PRIu64 " MiB",
				     mib(usage->chunk_bytes));
	if (has_size && size < usage->used_bytes)
		return explain_error(to, err,
				     "option size is too small: files use chunks of %" PRIu64
				     " MiB in all; delete some first",
				     mib(usage->used_bytes));
	if (wanted->which & FS_LIMIT_INODES && wanted->max_inodes < usage->nr_inodes)
		return explain_error(to, err,
				     "option max_inodes is too small: there are %" PRIu64
				     " files and directories",
				     usage->nr_inodes);
	return explain_error(to, err, "option reserve is larger than the volume");
}
