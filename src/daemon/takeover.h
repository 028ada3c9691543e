/* SPDX-License-Identifier: Apache-2.0 */
/* takeover - this process takes over the mount of its parent: the other side of upgrade.h. */
#ifndef CXLFS_DAEMON_TAKEOVER_H
#define CXLFS_DAEMON_TAKEOVER_H

#include "daemon/volume.h"

struct takeover {
	struct volume *volume;
	int socket; /* to the parent; -1: it is closed */
	bool foreground;
};

/**
 * takeover_begin() - make a copy of the parent's volume
 * @takeover: socket is set; the volume was opened with a predecessor
 * Return: 0; -errno, explained.
 */
int takeover_begin(struct takeover *takeover);

/**
 * takeover_finish() - wait until the parent has given up the volume; for volume_serve()
 * Return: 0; -errno: the parent keeps the volume.
 */
int takeover_finish(void *takeover);

/** takeover_explain() - send the parent FAILED with a reason. Accepts a closed socket. */
void takeover_explain(const struct takeover *takeover, const char *why);

#endif
