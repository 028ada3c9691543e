/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume - the stack of layers behind one mountpoint, built from the bottom and taken down from
 * the top.
 */
#ifndef CXLFS_DAEMON_VOLUME_H
#define CXLFS_DAEMON_VOLUME_H

#include "daemon/options.h"

struct volume;

/**
 * volume_open() - check the mountpoint and open the devices; to be called before the fork
 * @explain: receives one sentence for whatever fails, here and in the next two
 * Return: 0; -errno.
 */
int volume_open(const struct options *options, explain_fn explain, void *explain_arg,
		struct volume **ret_volume);

/** volume_attach() - all but the mount. In the process that will serve. Return: 0; -errno. */
int volume_attach(struct volume *volume);

/** volume_mount() - show the volume at its mountpoint. Return: 0; -errno. */
int volume_mount(struct volume *volume);

/** volume_serve() - answer requests until unmounted or stopped. Return: 0; -errno. */
int volume_serve(struct volume *volume);

/**
 * volume_stop() - make volume_serve() return: unmount, or if files are open detach the mount
 * From any thread but those that serve. What is under way is answered first.
 */
void volume_stop(struct volume *volume);

/** volume_follow_mount() - the mount table has changed; access times move as it says now */
void volume_follow_mount(struct volume *volume);

/** volume_close() - give everything back. Accepts NULL and a volume in any state. */
void volume_close(struct volume *volume);

const char *volume_mountpoint(const struct volume *volume);

#endif
