/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remount - change the flags of a mounted volume, as mount(8) asks with "remount".
 *
 * The kernel keeps the flags. What the daemon was told stays as it was until the unmount.
 */
#ifndef CXLFS_DAEMON_REMOUNT_H
#define CXLFS_DAEMON_REMOUNT_H

#include "daemon/options.h"

/**
 * remount_take_flag() - set or clear the flag of mount(2) that an option stands for
 * Options that stand for none are left alone.
 */
void remount_take_flag(const char *option, unsigned long *flags);

/**
 * remount() - give a mounted volume the flags of @options
 * Refuses a device, and options of the daemon, that are not those the volume was mounted with.
 * Return: 0; -errno after @explain has said why.
 */
int remount(const struct options *options, explain_fn explain, void *explain_arg);

#endif
