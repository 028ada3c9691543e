/* SPDX-License-Identifier: Apache-2.0 */
/* load - fill a volume from a file that cxlfsadm save has written. */
#ifndef CXLFS_DAEMON_LOAD_H
#define CXLFS_DAEMON_LOAD_H

#include "base/explain.h"
#include "fuse/fs.h"

/**
 * load_open() - open what option load= names
 * @name: "-" is the standard input
 * Call it while this process may open any file. Return: 0; -errno, explained.
 */
int load_open(const char *name, const struct explainer *explainer, int *ret_fd);

/** load_run() - fill the empty @fs. Sleeps. Before the mount. Return: 0; -errno, explained. */
int load_run(struct fs *fs, int fd, const char *name, const struct explainer *explainer);

#endif
