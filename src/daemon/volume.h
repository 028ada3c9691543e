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
 * @program: how this one was started. If it has a predecessor, call volume_take_over(): the mount
 * is that process's until volume_own().
 * @explain: receives one sentence for each error, also of the functions below
 * Return: 0; -errno.
 */
int volume_open(const struct options *options, const struct program *program, explain_fn explain,
		void *explain_arg, struct volume **ret_volume);

/** volume_set_standby() - @standby, which may be NULL, gets what it needs when the volume is
 * mounted, and ends with the volume; after volume_open() */
void volume_set_standby(struct volume *volume, struct standby *standby);

/** volume_await_standby() - as standby_await_go(); 0: the volume has no standby */
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

/** volume_touch() - wait for the locks that requests need: if it returns, the volume does not hang
 */
void volume_touch(struct volume *volume);

/** volume_close() - unmount and free everything. Accepts NULL and a volume in any state. */
void volume_close(struct volume *volume);

const char *volume_mountpoint(const struct volume *volume);

/* ---- the volume moves to a successor: see handover.h ---- */

/**
 * volume_lend() - take no more requests and describe the volume for a successor
 * @deadline_ns: by clock_now_ns()
 * @explain: receives one sentence for each error from now on
 * @ret_fds: HANDOVER_NR_FDS descriptors, for one of the two functions below
 * Return: 0: end with volume_keep() or volume_part(); -errno: the volume goes on.
 */
int volume_lend(struct volume *volume, uint64_t deadline_ns, const struct explainer *explainer,
		struct handover_state *ret_state, int ret_fds[]);

/**
 * volume_start_successor() - start the installed program as a child of this process
 * @socket: see program.predecessor
 * Return: 0; as keeper_start_program().
 */
int volume_start_successor(struct volume *volume, int socket, pid_t *ret_pid);

/** volume_keep() - there is no successor: go on. @fds: from volume_lend() */
void volume_keep(struct volume *volume, int fds[]);

/**
 * volume_part() - the successor has everything: give up the contexts
 * Then end the volume with volume_leave_to().
 */
void volume_part(struct volume *volume, int fds[], pid_t successor);

/** volume_leave_to() - make volume_serve() return; signals that came too late go to @successor */
void volume_leave_to(struct volume *volume, pid_t successor);

/** volume_has_parted() - after volume_serve(): call volume_end_process() at once */
bool volume_has_parted(const struct volume *volume);

/** volume_end_process() - answer the last request of the control socket and exit */
void __attribute__((noreturn)) volume_end_process(struct volume *volume);

/**
 * volume_take_over() - attach, and make a copy of the volume of the parent process
 * @fds: HANDOVER_NR_FDS descriptors, which this function takes
 * Return: 0; -errno, explained.
 */
int volume_take_over(struct volume *volume, const struct handover_state *state, int fds[]);

/**
 * volume_own() - from now on the volume is this process's, not its parent's
 * @agree: called with @arg, without a signal stopping the volume meanwhile; returns 0 when the
 *         parent has parted with the volume
 * Return: 0; -ECANCELED the volume was stopped; that of @agree.
 */
int volume_own(struct volume *volume, int (*agree)(void *arg), void *arg);

#endif
