/* SPDX-License-Identifier: Apache-2.0 */
/* settings - changes mount options of a volume in use. */
#ifndef CXLFS_DAEMON_SETTINGS_H
#define CXLFS_DAEMON_SETTINGS_H

#include "control/commands.h"
#include "daemon/volume.h"

/**
 * settings_change() - change all options, or none
 * Options that cannot change are accepted if the volume was mounted with them. Sleeps.
 * Return: 0; -errno, explained.
 */
int settings_change(struct volume *volume, const struct control_change *change,
		    const struct explainer *to);

#endif
