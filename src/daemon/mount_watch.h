/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_watch - reads from the mount table whether our mount is still on top of its mountpoint and
 * how it updates access times. Sends no request to the mount.
 */
#ifndef CXLFS_DAEMON_MOUNT_WATCH_H
#define CXLFS_DAEMON_MOUNT_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "tree/tree.h"

struct mount_watch {
	const char *mountpoint; /* absolute; borrowed */
	char device[32];        /* major:minor of the mount; empty: not known */
	ino_t connection;       /* of its connection in fusectl; 0: not known */
	char atime[16];         /* the option in the table when last seen */
};

/** mount_watch_show_strictatime() - set strictatime on the mount that was just made, which libfuse
 *  cannot */
void mount_watch_show_strictatime(const char *mountpoint);

/**
 * mount_watch_start() - find the mount that was just made
 * @mountpoint: absolute, without symbolic links; must outlive the watch
 */
void mount_watch_start(struct mount_watch *watch, const char *mountpoint);

/** mount_watch_note_connection() - find the connection of a watch whose device was set without
 * mount_watch_start() */
void mount_watch_note_connection(struct mount_watch *watch);

/** mount_watch_atime() - read the table. Return: true if access times have changed to *ret_atime.
 */
bool mount_watch_atime(struct mount_watch *watch, enum tree_atime *ret_atime);

/** mount_watch_is_on_top() - false if the mount is gone, or another mount is on top of it. True if
 *  the table cannot be read. */
bool mount_watch_is_on_top(const struct mount_watch *watch);

/** mount_watch_remains() - wait up to a second for the mount to go away, as it does after an
 * unmount. Return: true if it is still there; false also if it was never found. */
bool mount_watch_remains(const struct mount_watch *watch);

#endif
