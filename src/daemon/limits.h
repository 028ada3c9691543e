/* SPDX-License-Identifier: Apache-2.0 */
/* limits - why a volume does not accept the options size, reserve and max_inodes. */
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

#endif
