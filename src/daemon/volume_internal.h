/* SPDX-License-Identifier: Apache-2.0 */
/* volume_internal - struct volume, for the files that implement volume.h. */
#ifndef CXLFS_DAEMON_VOLUME_INTERNAL_H
#define CXLFS_DAEMON_VOLUME_INTERNAL_H

#include <pthread.h>

#include "base/log.h"
#include "daemon/control_socket.h"
#include "daemon/mount_watch.h"
#include "daemon/priv_helper.h"
#include "daemon/volume.h"
#include "fuse/takeover/takeover.h"
#include "superpipe/superpipe.h"

struct volume {
	struct log_limit adapter_log; /* a failing card may reset many times a second */
	const struct options *options;
	struct explainer explainer;
	char *mountpoint;
	struct priv_helper *helper; /* mounts and unmounts */
	struct superpipe *superpipe;
	struct data_volume *data;
	struct fs *fs;
	struct fuse_session *session;
	bool io_uring;
	_Atomic bool mounted;
	/* The reaper threads use fs only under this lock and only while mounted is set. */
	pthread_mutex_t event_lock;
	struct mount_watch mount; /* set when mounted; atime: the thread of signals only */
	_Atomic bool stopped;     /* by volume_stop() */
	uint64_t started_ns;      /* clock_now_ns() of the mount */
	unsigned generation;      /* upgrades since then */
	struct control_socket control;

	/* ---- moving to another process ---- */
	const struct program *program;
	pthread_mutex_t handover_lock; /* held while the volume is stopped or handed over */
	bool taking_over; /* protected by handover_lock: the predecessor still serves the mount */
	bool handed_over; /* protected by handover_lock: a successor serves the mount */
	pid_t successor;
	struct standby *standby; /* NULL: there is none */
	pthread_mutex_t state_lock;
	bool state_sent; /* protected by state_lock: the standby has a state */
	uint64_t alone;  /* fs_alone() at the last ping; used by the thread that answers pings */
	struct control_failovers failovers;
	uint64_t died_ns; /* clock_now_ns() when the replaced daemon died; 0: none did */
	int snapshot_fd;  /* during a handover: the pipe to the successor; -1: closed */
	int root_fd;      /* the root of the mount, while requests are paused */
};

/** volume_fail() - explain an error as "@what: reason". Return: @err. */
int volume_fail(struct volume *volume, int err, const char *what);

/** volume_adapter_event() - report an event of the adapter to the administrator and to the file
 *  system; a superpipe_options.notify, whose @arg is the volume. Context: a reaper thread. */
void volume_adapter_event(void *arg, enum superpipe_event event, unsigned lun, const char *why);

/** volume_start_data() - create data and file system on what is attached. Return: 0; -errno,
 *  explained. */
int volume_start_data(struct volume *volume);

/** volume_enter_sandbox() - start the helper and enter the sandbox. Return: 0; -errno, explained.
 */
int volume_enter_sandbox(struct volume *volume);

/** volume_start_control() - make the control socket. Return: 0; -errno. */
int volume_start_control(struct volume *volume);

/** volume_set_connection() - make the session serve the connection @fd, which it takes. Return: 0;
 *  -EBADF. */
int volume_set_connection(struct volume *volume, int fd);

/** volume_new_session() - create the session of the file system. Return: 0; -errno, explained. */
int volume_new_session(struct volume *volume);

/** volume_get_state() - get what a successor needs to know
 *  @ret_rings_fd: as from fs_get_connection(). Return: 0; -errno, explained. */
int volume_get_state(struct volume *volume, struct handover_state *ret_state, int *ret_rings_fd);

/** volume_send_state() - send the present state to the standby, if any. Return: 0; -errno, logged.
 */
int volume_send_state(struct volume *volume);

/** volume_resend_state() - the same after a change, if the standby has a state already */
void volume_resend_state(struct volume *volume);

/** volume_negotiated() - send the standby the state after INIT; an fs_config.negotiated, whose @arg
 *  is the volume */
void volume_negotiated(void *arg);

/** volume_send_context() - as superpipe_options.send_context; @arg is the volume */
int volume_send_context(void *arg, unsigned lun, const struct superpipe_context *context);

/** volume_listen_to_standby() - start the thread that answers the standby, if any. Return: 0;
 *  -errno, explained. */
int volume_listen_to_standby(struct volume *volume);

/** volume_adopt_standby() - connect with the standby of the predecessor
 *  @fds: those that are used are set to -1. Return: 0; -errno, explained. */
int volume_adopt_standby(struct volume *volume, const struct handover_state *state, int fds[]);

#endif
