/* SPDX-License-Identifier: Apache-2.0 */
/* volume - creates, mounts, serves and frees all layers behind one mountpoint. */
#ifndef CXLFS_DAEMON_VOLUME_H
#define CXLFS_DAEMON_VOLUME_H

#include "daemon/handover.h"
#include "daemon/options.h"
#include "daemon/program.h"

struct standby;
struct volume;

/**
 * volume_open() - check the mountpoint and open the devices; call it before the fork
 * @program: how this process was started. If it has a predecessor, call volume_takeover_begin(),
 * and then volume_takeover_finish(); until then the predecessor serves the mount.
 * @explain: receives one sentence for each error, also of the functions below
 * Return: 0; -errno.
 */
int volume_open(const struct options *options, const struct program *program, explain_fn explain,
		void *explain_arg, struct volume **ret_volume);

/** volume_set_standby() - set the standby, which may be NULL; the volume takes it. Call it after
 *  volume_open(). */
void volume_set_standby(struct volume *volume, struct standby *standby);

/** volume_await_standby() - as standby_await_go(); returns 0 if the volume has no standby */
int volume_await_standby(struct volume *volume);

/**
 * volume_attach() - attach to the adapter and set up all layers
 * Call it in the process that serves. Return: 0; -errno.
 */
int volume_attach(struct volume *volume);

/** volume_mount() - mount the volume. Return: 0; -errno. */
int volume_mount(struct volume *volume);

/**
 * volume_serve() - answer requests until unmounted or stopped
 * @started, @arg: as for fs_serve()
 * Return: 0; -errno.
 */
int volume_serve(struct volume *volume, int (*started)(void *arg), void *arg);

/**
 * volume_stop() - make volume_serve() return
 * Unmounts the volume, lazily if files are open. Requests in progress are answered first. May be
 * called from any thread that does not serve requests.
 */
void volume_stop(struct volume *volume);

/** volume_follow_mount() - update access times by the mount options; call it when the mount table
 *  changes */
void volume_follow_mount(struct volume *volume);

/** volume_take_locks() - wait for the locks that requests need: if it returns, the volume does not
 * hang
 */
void volume_take_locks(struct volume *volume);

/** volume_close() - unmount and free everything. Accepts NULL and a volume in any state. */
void volume_close(struct volume *volume);

const char *volume_mountpoint(const struct volume *volume);

/* ---- handover to a successor: see handover.h ---- */

/**
 * volume_handover_begin() - pause requests and describe the volume for a successor
 * @deadline_ns: by clock_now_ns()
 * @explain: receives one sentence for each error from now on
 * @ret_fds: HANDOVER_NR_FDS descriptors, for the functions below
 * Return: 0: call volume_handover_abort() or volume_handover_commit(); -errno: requests are
 * resumed.
 */
int volume_handover_begin(struct volume *volume, uint64_t deadline_ns,
			  const struct explainer *explainer, struct handover_state *ret_state,
			  int ret_fds[]);

/**
 * volume_send_snapshot() - write the snapshot to the pipe that the successor reads
 * @fds: from volume_handover_begin(); the successor has them
 * Return: 0, also if the successor stops reading, and says why; -errno, explained.
 */
int volume_send_snapshot(struct volume *volume, uint64_t deadline_ns, int fds[]);

/**
 * volume_start_successor() - start the installed program as a child of this process
 * @socket: see program.predecessor
 * Return: 0; as priv_helper_start_program().
 */
int volume_start_successor(struct volume *volume, int socket, pid_t *ret_pid);

/** volume_handover_abort() - resume requests in this process. @fds: from volume_handover_begin() */
void volume_handover_abort(struct volume *volume, int fds[]);

/**
 * volume_handover_commit() - detach the contexts, after the successor has cloned them
 * Then call volume_stop_for_successor().
 */
void volume_handover_commit(struct volume *volume, int fds[], pid_t successor);

/** volume_stop_for_successor() - make volume_serve() return
 *  volume_end_process() forwards signals that arrive too late to @successor. */
void volume_stop_for_successor(struct volume *volume, pid_t successor);

/** volume_is_handed_over() - if true after volume_serve(), call volume_end_process() at once */
bool volume_is_handed_over(const struct volume *volume);

/** volume_end_process() - answer the last request of the control socket and exit */
void __attribute__((noreturn)) volume_end_process(struct volume *volume);

/**
 * volume_takeover_begin() - attach, and load the volume of the parent process
 * @fds: HANDOVER_NR_FDS descriptors, which this function takes
 * Return: 0; -errno, explained.
 */
int volume_takeover_begin(struct volume *volume, const struct handover_state *state, int fds[]);

/**
 * volume_takeover_finish() - take the volume from the parent process
 * @await_go: called with @arg while no signal can stop the volume; returns 0 when the parent has
 *         given up the volume
 * Return: 0; -ECANCELED the volume was stopped; that of @await_go.
 */
int volume_takeover_finish(struct volume *volume, int (*await_go)(void *arg), void *arg);

#endif
