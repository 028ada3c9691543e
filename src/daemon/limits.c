/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static uint64_t mib(uint64_t bytes)
{
	return bytes >> 20;
}

int limits_refused(const struct explainer *to, int err, const struct fs_limits *wanted,
		   const struct fs_usage *usage)
{
	uint64_t size = wanted->data.size_bytes;
	bool has_size = wanted->which & FS_LIMIT_SIZE && size > 0;

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

static int call(const char *place, unsigned long request, void *arg)
{
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (!err && ioctl(fd, request, arg))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int limits_change(const struct explainer *to, const char *place, const struct fs_limits *wanted,
		  struct fs_limits *ret_old)
{
	struct fs_limits limits = *wanted;
	struct fs_usage usage;
	int err;

	*ret_old = (struct fs_limits){ .which = 0 };
	if (!wanted->which)
		return 0;
	err = call(place, FS_IOC_USAGE, &usage);
	if (err)
		return explain_error(to, err, "cannot read what the volume on %s uses: %s", place,
				     strerror(-err));
	err = call(place, FS_IOC_SET_LIMITS, &limits);
	if (err)
		return limits_refused(to, err, wanted, &usage);
	*ret_old = usage.limits;
	ret_old->which = wanted->which;
	return 0;
}

void limits_restore(const char *place, const struct fs_limits *old)
{
	struct fs_limits limits = *old;

	if (old->which)
		(void)call(place, FS_IOC_SET_LIMITS, &limits);
}
