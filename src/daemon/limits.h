/* SPDX-License-Identifier: Apache-2.0 */
/* limits - the options size, reserve and max_inodes of a volume. */
#ifndef CXLFS_DAEMON_LIMITS_H
#define CXLFS_DAEMON_LIMITS_H

#include "base/explain.h"
#include "fuse/fs.h"

/**
 * limits_refused() - say why a volume with @usage did not accept @wanted
 * Return: @err.
 */
int limits_refused(const struct explainer *to, int err, const struct fs_limits *wanted,
		   const struct fs_usage *usage);

/**
 * limits_change() - change the limits of a mounted volume to those that are set in @wanted
 * @place: its mountpoint
 * @ret_old: what they were; for limits_restore()
 * Return: 0; -errno after a call of @to.
 */
int limits_change(const struct explainer *to, const char *place, const struct fs_limits *wanted,
		  struct fs_limits *ret_old);

/** limits_restore() - take limits_change() back; does nothing if it changed nothing */
void limits_restore(const char *place, const struct fs_limits *old);

#endif
