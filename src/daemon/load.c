/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuse/save.h"

int load_open(const char *name, const struct explainer *explainer, int *ret_fd)
{
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC)
				   : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0)
		return explain_error(explainer, -errno, "cannot load %s: %s", name,
				     strerror(errno));
	*ret_fd = fd;
	return 0;
}

static const char *reason(int err)
{
	switch (err) {
	case -EBADMSG:
		return "it is damaged or incomplete, or it is not a saved volume";
	case -EPROTO:
		return "its records contradict each other";
	case -EPROTONOSUPPORT:
		return "a newer version of cxlfs has saved it";
	case -ENOSPC:
		return "the volume has too little space, too few resource handles, or a lower "
		       "max_inodes";
	default:
		return strerror(-err);
	}
}

int load_run(struct fs *fs, int fd, const char *name, const struct explainer *explainer)
{
	int err = fs_load_volume(fs, record_read_fd, &fd);

	return err ? explain_error(explainer, err, "cannot load %s: %s", name, reason(err)) : 0;
}
