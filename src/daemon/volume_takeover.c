/* SPDX-License-Identifier: Apache-2.0 */
/* Takes over the volume of another process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/sandbox.h"
#include "daemon/standby.h"
#include "daemon/volume_internal.h"
#include "data/snapshot.h"
#include "superpipe/clone.h"

static int load_snapshot(struct volume *volume, int fd)
{
	int err;

	/* Until volume_takeover_finish(), the parent may still use the same chunks. */
	data_volume_quiesce(volume->data);
	err = fs_load(volume->fs, fd);
	close(fd);
	if (err == -EPROTO || err == -EPROTONOSUPPORT || err == -EBADMSG)
		return explain_error(&volume->explainer, err,
				     "the snapshot is of another version: %s", strerror(-err));
	return err ? volume_fail(volume, err, "cannot read the snapshot") : 0;
}

static int adopt_session(struct volume *volume, const struct handover_state *state, int fd,
			 int rings_fd)
{
	int err = volume_new_session(volume);

	if (err) {
		close(fd);
		return err;
	}
	err = volume_set_connection(volume, fd);
	if (!err)
		err = fs_adopt_connection(volume->fs, &state->connection, rings_fd);
	if (err == -EADDRINUSE)
		return explain_error(&volume->explainer, err,
				     "the address of the rings is in use by chance; try again");
	if (err == -EPROTO)
		return explain_error(&volume->explainer, err,
				     "this version of cxlfs or libfuse uses the kernel in another "
				     "way; unmount and mount again to use it");
	return err ? volume_fail(volume, err, "cannot take over the connection") : 0;
}

static int adopt_mount(struct volume *volume, const struct handover_state *state)
{
	struct mount_watch *watch = &volume->mount;

	volume->mountpoint = strndup(state->mountpoint, sizeof(state->mountpoint));
	if (!volume->mountpoint)
		return volume_fail(volume, -ENOMEM, "cannot take over");
	volume->started_ns = state->started_ns;
	volume->generation = state->generation + !state->daemon_died;
	volume->failovers = state->failovers;
	volume->died_ns = state->daemon_died ? state->died_ns : 0;
	watch->mountpoint = volume->mountpoint;
	memcpy(watch->device, state->mount_device, sizeof(watch->device));
	mount_watch_note_connection(watch);
	memcpy(watch->atime, state->mount_atime, sizeof(watch->atime));
	return 0;
}

static int adopt_data(struct volume *volume, const struct handover_state *state)
{
	int err;

	if (state->nr_luns != superpipe_nr_luns(volume->superpipe))
		return explain_error(&volume->explainer, -EINVAL, "the number of LUNs has changed");
	err = superpipe_attach_clone(volume->superpipe, state->sources);
	if (!err)
		err = volume_start_data(volume);
	if (err)
		return err;
	for (unsigned i = 0; i < state->nr_luns; i++)
		superpipe_add_counts(volume->superpipe, i, &state->counts[i]);
	fs_set_poll_us(volume->fs, state->busy_poll_us);
	log_set_debug_categories(state->debug_categories);
	fs_set_atime(volume->fs, (enum tree_atime)state->atime);
	return 0;
}

/* The dead process may have opened or resized vLUNs without reporting it. */
static int reconcile(struct volume *volume, int slots_fd)
{
	int err = superpipe_reconcile(volume->superpipe);

	if (err) {
		close(slots_fd);
		return err; /* explained */
	}
	err = fs_adopt_slots(volume->fs, slots_fd);
	return err ? volume_fail(volume, err, "cannot go on with its requests") : 0;
}

static int attach_standby(struct volume *volume, const struct handover_state *state)
{
	int err = superpipe_send_contexts(volume->superpipe);

	if (err)
		return err;
	fs_start_journal(volume->fs, false);
	if (state->read_only)
		fs_make_read_only(volume->fs);
	return 0;
}

static int take_descriptor(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Requests are served from now on. */
static void note_pause(struct volume *volume)
{
	struct control_failovers *failovers = &volume->failovers;

	if (!volume->died_ns)
		return;
	failovers->last_pause_ms = (clock_now_ns() - volume->died_ns) / 1000000;
	if (failovers->last_pause_ms > failovers->longest_pause_ms)
		failovers->longest_pause_ms = failovers->last_pause_ms;
}

/* If a process has died, its volume goes on even without a socket. */
static int start_control(struct volume *volume, bool daemon_died)
{
	int err = volume_start_control(volume);

	if (err && !daemon_died)
		return volume_fail(volume, err, "cannot offer the control socket");
	if (err)
		control_socket_log_failure(volume->mountpoint, err);
	return 0;
}

static int take_over(struct volume *volume, const struct handover_state *state, int fds[])
{
	int err = adopt_mount(volume, state);

	if (!err && state->standby)
		err = volume_adopt_standby(volume, state, fds);
	if (!err)
		err = volume_enter_sandbox(volume);
	if (!err)
		err = adopt_data(volume, state);
	if (!err)
		err = load_snapshot(volume, take_descriptor(&fds[HANDOVER_FD_SNAPSHOT]));
	if (!err && state->daemon_died)
		err = reconcile(volume, take_descriptor(&fds[HANDOVER_FD_SLOTS]));
	if (!err && state->standby)
		err = attach_standby(volume, state);
	if (!err)
		err = adopt_session(volume, state, take_descriptor(&fds[HANDOVER_FD_FUSE]),
				    take_descriptor(&fds[HANDOVER_FD_RINGS]));
	if (!err)
		err = start_control(volume, state->daemon_died);
	return err ? err : volume_send_state(volume);
}

int volume_takeover_begin(struct volume *volume, const struct handover_state *state, int fds[])
{
	int err = take_over(volume, state, fds);

	handover_close_fds(fds);
	return err;
}

/* A signal that arrives meanwhile waits for the lock, and then stops the volume in this process. */
int volume_takeover_finish(struct volume *volume, int (*await_go)(void *arg), void *arg)
{
	int err;

	pthread_mutex_lock(&volume->handover_lock);
	err = volume->stopped ? -ECANCELED : await_go(arg);
	if (!err) {
		volume->taking_over = false;
		volume->mounted = true;
		note_pause(volume);
		data_volume_resume(volume->data);
		control_socket_publish(&volume->control);
		err = volume_listen_to_standby(volume);
		if (volume->options->sandbox)
			sandbox_limit_calls();
	}
	pthread_mutex_unlock(&volume->handover_lock);
	return err;
}
