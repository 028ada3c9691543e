/* SPDX-License-Identifier: Apache-2.0 */
/* volume - creates, mounts, serves and frees all layers behind one mountpoint. */
#ifndef CXLFS_DAEMON_VOLUME_H
#define CXLFS_DAEMON_VOLUME_H

#include "daemon/options.h"

struct volume;

/**
 * volume_open() - check the mountpoint and open the devices; call it before the fork
 * @explain: receives one sentence for each error, also of volume_attach() and volume_mount()
 * Return: 0; -errno.
 */
int volume_open(const struct options *options, explain_fn explain, void *explain_arg,
		struct volume **ret_volume);

/**
 * volume_attach() - attach to the adapter and set up all layers
 * Call it in the process that serves. Return: 0; -errno.
 */
int volume_attach(struct volume *volume);

/** volume_mount() - mount the volume. Return: 0; -errno. */
int volume_mount(struct volume *volume);

/** volume_serve() - answer requests until unmounted or stopped. Return: 0; -errno. */
int volume_serve(struct volume *volume);

/**
 * volume_stop() - make volume_serve() return
 * Unmounts the volume, lazily if files are open. Requests in progress are answered first. May be
 * called from any thread that does not serve requests.
 */
void volume_stop(struct volume *volume);

/** volume_follow_mount() - update access times by the mount options; call it when the mount table
 *  changes */
void volume_follow_mount(struct volume *volume);

/** volume_close() - unmount and free everything. Accepts NULL and a volume in any state. */
void volume_close(struct volume *volume);

const char *volume_mountpoint(const struct volume *volume);

#endif
