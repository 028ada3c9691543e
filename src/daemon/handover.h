/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover - the messages between a daemon and the successor that takes over its mount.
 *
 *   successor -> daemon  HELLO   it has read its options and opened the devices
 *   daemon -> successor  STATE   requests wait in the kernel; descriptors come with the message
 *   successor -> daemon  READY   it has a copy of everything, and its threads have started
 *   daemon -> successor  GO      the daemon has given up its contexts: serve
 *   successor -> daemon  FAILED  instead of HELLO or READY: why not
 *
 * Until GO the daemon can end the successor and go on. Both must be of the same
 * HANDOVER_VERSION; it changes with every struct in a message and with what they mean.
 */
#ifndef CXLFS_DAEMON_HANDOVER_H
#define CXLFS_DAEMON_HANDOVER_H

#include <limits.h>
#include <stdint.h>

#include "fuse/fs.h"
#include "superpipe/clone.h"

#define HANDOVER_VERSION 2

enum handover_kind {
	HANDOVER_HELLO = 1,
	HANDOVER_STATE,
	HANDOVER_READY,
	HANDOVER_GO,
	HANDOVER_FAILED,
};

/** The descriptors of HANDOVER_STATE. That of the rings comes only if there are rings. */
enum { HANDOVER_FD_FUSE, HANDOVER_FD_SNAPSHOT, HANDOVER_FD_RINGS, HANDOVER_NR_FDS };

struct handover_state {
	char mountpoint[PATH_MAX]; /* absolute, without symbolic links */
	char mount_device[32];     /* of struct mount_watch, as is the next one */
	char mount_atime[16];
	uint64_t started_ns;   /* clock_now_ns() of the mount */
	uint32_t generation;   /* of the daemon that sends this */
	uint32_t busy_poll_us; /* these two may have changed since the mount */
	uint32_t debug_categories;
	struct fs_connection connection;
	uint32_t nr_luns;
	struct superpipe_clone_source sources[SUPERPIPE_MAX_LUNS];
	struct superpipe_lun_stats counts[SUPERPIPE_MAX_LUNS]; /* so far */
};

struct handover_message {
	uint32_t version; /* HANDOVER_VERSION */
	uint32_t bytes;   /* of this struct */
	uint32_t kind;    /* enum handover_kind */
	char why[512];    /* FAILED */
	struct handover_state state;
};

/**
 * handover_send() - send a message
 * @message: version and bytes are filled in
 * @fds: HANDOVER_NR_FDS descriptors, of which the last may be -1; or NULL
 * Return: 0; -EPIPE the other process has ended; -errno.
 */
int handover_send(int socket, struct handover_message *message, const int *fds);

/** handover_send_kind() - send a message without contents. Return: as handover_send(). */
int handover_send_kind(int socket, enum handover_kind kind);

/**
 * handover_receive() - wait for a message of one kind
 * @deadline_ns: by clock_now_ns(); UINT64_MAX: none
 * @ret_fds: HANDOVER_NR_FDS descriptors that the caller closes, -1 for those that did not come; or
 *           NULL
 * Return: 0; -EPIPE the other process has ended; -ETIMEDOUT; -EPROTONOSUPPORT another version;
 * -ECANCELED it is HANDOVER_FAILED; -EPROTO any other kind; -errno.
 */
int handover_receive(int socket, enum handover_kind kind, uint64_t deadline_ns,
		     struct handover_message *ret_message, int *ret_fds);

#endif
