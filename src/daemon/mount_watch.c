/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/mount_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/mount_table.h"

#define REMAINS_TRIES 100 /* of 10 ms */

static enum tree_atime atime_of(const char *option)
{
	if (!strcmp(option, "noatime"))
		return TREE_ATIME_NEVER;
	return strcmp(option, "relatime") ? TREE_ATIME_STRICT : TREE_ATIME_RELATIVE;
}

/* Only a change counts, because the table does not show what an unprivileged user asked for. */
static bool note_atime(struct mount_watch *watch, const struct mount_entry *mount)
{
	const char *option = mount_options_have(mount->options, "noatime")    ? "noatime"
			     : mount_options_have(mount->options, "relatime") ? "relatime"
									      : "strictatime";

	if (!strcmp(watch->atime, option))
		return false;
	strcpy(watch->atime, option);
	return true;
}

/* Unprivileged users may not do this, and old kernels cannot. */
void mount_watch_show_strictatime(const char *mountpoint)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_STRICTATIME,
				   .attr_clr = MOUNT_ATTR__ATIME };

	if (syscall(SYS_mount_setattr, AT_FDCWD, mountpoint, 0, &attr, sizeof(attr)))
		log_debug(LOGC_DAEMON, "strictatime in the mount table: %s", strerror(errno));
}

/* The device number of a mount may belong to the next mount as soon as it is gone. The connection
 * in fusectl has an inode number of its own. Return: it; 0: there is none, or no fusectl. */
static ino_t find_connection(const char *device)
{
	const char *minor = strchr(device, ':');
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%s", minor ? minor + 1 : "");
	return minor && !stat(path, &st) ? st.st_ino : 0;
}

void mount_watch_note_connection(struct mount_watch *watch)
{
	watch->connection = find_connection(watch->device);
}

static bool is_same(const struct mount_watch *watch, const struct mount_entry *mount)
{
	if (!watch->device[0])
		return true;
	return !strcmp(mount->device, watch->device) &&
	       (!watch->connection || find_connection(watch->device) == watch->connection);
}

void mount_watch_start(struct mount_watch *watch, const char *mountpoint)
{
	struct mount_entry mount;
	int err;

	*watch = (struct mount_watch){ .mountpoint = mountpoint };
	err = mount_table_top(mountpoint, &mount);
	if (err) {
		log_warning("cannot find %s in " MOUNT_TABLE ": %s", mountpoint, strerror(-err));
		return;
	}
	memcpy(watch->device, mount.device, sizeof(watch->device));
	mount_watch_note_connection(watch);
	(void)note_atime(watch, &mount);
	mount_entry_free(&mount);
}

bool mount_watch_atime(struct mount_watch *watch, enum tree_atime *ret_atime)
{
	struct mount_entry mount;
	bool changed;

	if (!watch->device[0] || mount_table_top(watch->mountpoint, &mount))
		return false;
	changed = is_same(watch, &mount) && note_atime(watch, &mount);
	mount_entry_free(&mount);
	if (changed)
		*ret_atime = atime_of(watch->atime);
	return changed;
}

bool mount_watch_is_on_top(const struct mount_watch *watch)
{
	struct mount_entry mount;
	int err = mount_table_top(watch->mountpoint, &mount);
	bool same;

	if (err)
		return err != -EINVAL;
	same = mount_entry_is_ours(&mount) && is_same(watch, &mount);
	mount_entry_free(&mount);
	return same;
}

/* After umount -f the connection ends a moment before the mount is gone. */
bool mount_watch_remains(const struct mount_watch *watch)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int tries = 0; watch->device[0] && tries < REMAINS_TRIES; tries++) {
		if (!mount_watch_is_on_top(watch))
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return watch->device[0];
}
