/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bdi_tuning.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/mount_table.h"

static const struct {
	const char *name, *value;
} tunings[] = {
	/* Lets one sequential reader keep a few requests of 1 MiB in flight. */
	{ "read_ahead_kb", "4096" },
	/* max_ratio: percent of the dirty memory; 1 for FUSE. With less a writer waits for the
	 * flash; with more the flash is idle until the writer has ended. */
	{ "strict_limit", "1" },
	{ "max_ratio", "25" },
};

static void set(const char *device, const char *name, const char *value)
{
	char path[128];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/bdi/%s/%s", device, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = fd < 0 ? -1 : write(fd, value, strlen(value));
	if (written < 0)
		log_debug(LOGC_DAEMON, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

void bdi_tune(const char *mountpoint)
{
	struct mount_entry mount;
	int err = mount_table_top(mountpoint, &mount);

	if (err) {
		log_debug(LOGC_DAEMON, "cannot find %s in " MOUNT_TABLE ": %s", mountpoint,
			  strerror(-err));
		return;
	}
	for (size_t i = 0; i < sizeof(tunings) / sizeof(tunings[0]); i++)
		set(mount.device, tunings[i].name, tunings[i].value);
	mount_entry_free(&mount);
}
