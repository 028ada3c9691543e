/* SPDX-License-Identifier: Apache-2.0 */
/* Switches paths of this machine's LUNs between superpipe and legacy mode. */
#include "adm/lun.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A disk that is mounted or part of an array cannot be opened exclusively. */
int lun_sysfs_check_no_disk(const struct lun *lun)
{
	for (unsigned i = 0; i < lun->nr_paths; i++) {
		const char *node = lun->paths[i].device;
		int fd = open(node, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0 && errno == EBUSY) {
			adm_say("%s is in use as a disk (mounted, swap, or part of an array); "
				"release it first",
				node);
			return -EBUSY;
		}
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static int open_node(const struct lun_path *path)
{
	const char *node = *path->generic ? path->generic : path->device;
	int fd;

	if (!*node) {
		adm_say("port %u of %s: the path has neither a disk nor an sg node; load the "
			"sd or the sg driver",
			path->port, path->adapter);
		return -ENXIO;
	}
	fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		adm_say("cannot open %s: %s%s", node, strerror(-fd),
			fd == -EACCES || fd == -EPERM ? "; run this as root" : "");
	}
	return fd;
}

int lun_sysfs_manage(const struct lun_host *host, const struct lun *lun,
		     const struct lun_path *path, bool enable)
{
	struct dk_manage_lun arg = {
		.hdr.flags = enable ? DK_MLF_ENABLE_SUPERPIPE : DK_MLF_DISABLE_SUPERPIPE,
	};
	int fd = open_node(path), err;

	if (fd < 0)
		return fd;
	memcpy(arg.wwid, lun->wwid, DK_WWID_LEN);
	err = host->ioctl(fd, DK_IOCTL_MANAGE_LUN, &arg);
	close(fd);
	if (err == -EBUSY && !enable)
		adm_say("%s: the LUN is in use: a process holds virtual or physical handles on "
			"it; stop it first",
			path->device);
	else if (err)
		adm_say("%s: the driver refuses to switch the mode: %s", path->device,
			strerror(-err));
	return err;
}
