/* SPDX-License-Identifier: Apache-2.0 */
/* upgrade - the installed version of the program takes over the mount of the running one. */
#ifndef CXLFS_DAEMON_UPGRADE_H
#define CXLFS_DAEMON_UPGRADE_H

#include "control/commands.h"
#include "daemon/volume.h"

/**
 * upgrade() - start the installed program and hand the volume over to it
 * @timeout_ms: how long the program may take to start, and how long requests may then have to wait
 * @to: receives one sentence if it fails
 * Context: any thread that serves no requests. One call at a time.
 * Return: 0: the volume is the successor's, and volume_serve() returns; -errno: nothing has
 * changed.
 */
int upgrade(struct volume *volume, unsigned timeout_ms, const struct explainer *to,
	    struct control_upgraded *ret_upgraded);

#endif
