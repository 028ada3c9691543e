/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remount - changes the mount flags and the options of a mounted volume: "mount -o remount".
 *
 * The kernel keeps the flags. The daemon changes the options: see settings.h.
 */
#ifndef CXLFS_DAEMON_REMOUNT_H
#define CXLFS_DAEMON_REMOUNT_H

#include "daemon/options.h"

/**
 * remount_take_flag() - set or clear the flag of mount(2) that @option names
 * Ignores an option that names no flag.
 */
void remount_take_flag(const char *option, unsigned long *flags);

/**
 * remount() - set the mount flags of a mounted volume to those in @options, and the options given
 * there. Fails if the device, or an option that cannot change, differs from the mounted volume's.
 * Return: 0; -errno after a call of @explain.
 */
int remount(const struct options *options, explain_fn explain, void *explain_arg);

#endif
