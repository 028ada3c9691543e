/* SPDX-License-Identifier: Apache-2.0 */
/* mount_table - reads the kernel's mount table. Sends no request to any mount. */
#ifndef CXLFS_DAEMON_MOUNT_TABLE_H
#define CXLFS_DAEMON_MOUNT_TABLE_H

#include <stdbool.h>

#define MOUNT_TABLE "/proc/self/mountinfo"

struct mount_entry {
	char device[32];     /* major:minor; all mounts of a file system share it */
	char *options;       /* of this mount, such as noatime */
	char *type, *source; /* source: still escaped, see mount_table_unescape() */
	char *fs_options;    /* of the file system, such as sync */
};

/**
 * mount_table_top() - find the top mount at @place
 * @place: absolute, without symbolic links
 * @ret_entry: free it with mount_entry_free()
 * Return: 0; -EINVAL nothing is mounted there; -ENOMEM; -errno the table cannot be read.
 */
int mount_table_top(const char *place, struct mount_entry *ret_entry);
void mount_entry_free(struct mount_entry *entry);

/** mount_entry_is_ours() - true for a cxlfs mount of any process */
bool mount_entry_is_ours(const struct mount_entry *entry);

/** mount_table_unescape() - replace octal escapes such as \040 in place */
void mount_table_unescape(char *text);

/** mount_options_have() - true if @name is in the comma-separated list @options */
bool mount_options_have(const char *options, const char *name);

#endif
