/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover - the messages between a daemon and the successor that takes over its mount.
 *
 *   successor -> daemon   HELLO    it has read its options and opened the devices
 *   daemon -> successor   STATE    requests wait in the kernel; descriptors come with the message
 *   successor -> daemon   READY    it has a copy of everything, and its threads have started
 *   daemon -> successor   GO       the daemon has given up its contexts: serve
 *   successor -> daemon   FAILED   instead of HELLO or READY: why not
 *
 * Until GO the daemon can end the successor and go on. If the daemon has died, a proxy sends these
 * messages in its place; see failover.h. The daemon and its standby exchange these:
 *
 *   daemon -> standby     STATE    keep this, with its descriptors, for a successor
 *   daemon -> standby     CONTEXT  keep this context; the proxy sends it too
 *   proxy -> standby      STARTED  the successor has this pid
 *   standby -> daemon     PING     are you alive?
 *   daemon -> standby     PONG     yes
 *   daemon -> standby     LEAVING  the volume is being unmounted
 *   daemon -> standby     STARTED  a successor takes over; the socket to it comes with the message
 *
 * Both sides must be of the same HANDOVER_VERSION; it changes with every struct in a message and
 * with what they mean.
 */
#ifndef CXLFS_DAEMON_HANDOVER_H
#define CXLFS_DAEMON_HANDOVER_H

#include <limits.h>
#include <stdint.h>

#include "control/commands.h"
#include "fuse/takeover/takeover.h"
#include "replica/record.h"
#include "superpipe/dead_owner.h"

/* With that of the records: the standby of the old daemon follows the new one. */
#define HANDOVER_VERSION (5u << 8 | REPLICA_RECORD_VERSION)

enum handover_kind {
	HANDOVER_HELLO = 1,
	HANDOVER_STATE,
	HANDOVER_READY,
	HANDOVER_GO,
	HANDOVER_FAILED,
	HANDOVER_PING,
	HANDOVER_PONG,
	HANDOVER_UNMOUNTING,
	HANDOVER_CONTEXT,
	HANDOVER_STARTED,
};

/** The descriptors of a message. Each may be missing. */
enum {
	HANDOVER_FD_FUSE,
	HANDOVER_FD_SNAPSHOT,
	HANDOVER_FD_RINGS,   /* memory of the rings */
	HANDOVER_FD_SLOTS,   /* memory of the slots of /dev/fuse */
	HANDOVER_FD_JOURNAL, /* two: see struct journal_fds */
	HANDOVER_FD_JOURNAL_WAKE,
	HANDOVER_FD_STANDBY, /* the socket to the standby */
	HANDOVER_FD_ADAPTER, /* fd2 of a context, of CONTEXT */
	HANDOVER_NR_FDS
};

struct handover_state {
	char mountpoint[PATH_MAX]; /* absolute, without symbolic links */
	char mount_device[32];     /* of struct mount_watch, as is the next one */
	char mount_atime[16];
	uint64_t started_ns; /* clock_now_ns() of the mount */
	uint32_t generation; /* of the daemon that sends this */
	struct control_failovers failovers;
	uint64_t died_ns;      /* clock_now_ns(), if daemon_died */
	int32_t standby;       /* pid; 0: there is none */
	uint32_t daemon_died;  /* the sender; a proxy passes its state on */
	uint32_t read_only;    /* because several have died; see fuse/takeover/takeover.h */
	uint32_t busy_poll_us; /* these three may have changed since the mount */
	uint32_t debug_categories;
	uint32_t atime; /* enum tree_atime */
	struct fs_connection connection;
	uint32_t nr_luns;
	struct superpipe_clone_source sources[SUPERPIPE_MAX_LUNS]; /* not for the standby */
	struct superpipe_lun_stats counts[SUPERPIPE_MAX_LUNS];     /* so far */
};

struct handover_message {
	uint32_t version; /* HANDOVER_VERSION */
	uint32_t bytes;   /* of this struct */
	uint32_t kind;    /* enum handover_kind */
	uint32_t fds;     /* a bit for each descriptor that comes with it */
	char why[512];    /* FAILED */
	int32_t pid;      /* STARTED */
	uint32_t lun;     /* CONTEXT, as is the next one */
	struct superpipe_clone_source context;
	struct handover_state state;
};

/** handover_init_fds() - set all HANDOVER_NR_FDS descriptors to -1: there is none */
void handover_init_fds(int *ret_fds);

/** handover_close_fds() - close those that are not -1, and set them to -1 */
void handover_close_fds(int *fds);

/**
 * handover_send() - send a message
 * @message: version, bytes and fds are filled in
 * @fds: HANDOVER_NR_FDS descriptors, -1 for those that do not exist; or NULL
 * Return: 0; -EPIPE the other process has ended; -errno.
 */
int handover_send(int socket, struct handover_message *message, const int *fds);

/** handover_send_context() - send HANDOVER_CONTEXT. Return: as handover_send(); -ENOMEM. */
int handover_send_context(int socket, unsigned lun, const struct superpipe_context *context);

/**
 * handover_take_context() - keep the context of HANDOVER_CONTEXT instead of an older one
 * @fds: came with @message; that of the context is taken and set to -1
 * @contexts: SUPERPIPE_MAX_LUNS, by LUN; fd -1: none
 * Return: false: the message has none.
 */
bool handover_take_context(const struct handover_message *message, int *fds,
			   struct superpipe_context *contexts);

/** handover_send_started() - send HANDOVER_STARTED. @socket_to: to the successor; -1: none
 *  Return: as handover_send_context(). */
int handover_send_started(int socket, pid_t pid, int socket_to);

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

/**
 * handover_receive_next() - wait for a message of any kind
 * handover_receive_any() - the same, without waiting
 * @ret_fds: as for handover_receive()
 * Return: 0; -EAGAIN there is none; as handover_receive().
 */
int handover_receive_next(int socket, struct handover_message *ret_message, int *ret_fds);
int handover_receive_any(int socket, struct handover_message *ret_message, int *ret_fds);

#endif
