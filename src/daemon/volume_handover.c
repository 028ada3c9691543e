/* SPDX-License-Identifier: Apache-2.0 */
/* Hands the volume over to another process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/standby.h"
#include "daemon/volume_internal.h"
#include "data/snapshot.h"
#include "replica/snapshot_pipe.h"
#include "superpipe/clone.h"

/* The kernel always sends statfs(2), and never answers it from a cache. */
static void ask(void *arg)
{
	const struct volume *volume = arg;
	struct statfs unused;

	(void)!fstatfs(volume->root_fd, &unused);
}

static int open_root(struct volume *volume)
{
	int fd = -EBUSY;

	if (mount_watch_is_on_top(&volume->mount)) {
		fd = open(volume->mountpoint, O_PATH | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return volume_fail(volume, fd, "cannot open the mountpoint");
	volume->root_fd = fd;
	return 0;
}

static int pause_requests(struct volume *volume, uint64_t deadline_ns)
{
	int err = open_root(volume);

	if (err)
		return err;
	err = fs_pause(volume->fs, ask, volume, deadline_ns);
	if (err)
		close(volume->root_fd);
	switch (err) {
	case -EPERM:
		return explain_error(&volume->explainer, err,
				     "cxlfs may not run on all processors, and so cannot hand over "
				     "its rings; mount with no_io_uring");
	case -ETIMEDOUT:
		return explain_error(&volume->explainer, err, "requests were not answered in time");
	case 0:
		return 0;
	default:
		return volume_fail(volume, err, "cannot pause");
	}
}

/* Also stops background jobs, so that no handle is opened or closed. */
static int pause_all(struct volume *volume, uint64_t deadline_ns)
{
	int err = pause_requests(volume, deadline_ns);

	if (!err)
		data_volume_quiesce(volume->data);
	return err;
}

static void resume_requests(struct volume *volume)
{
	data_volume_resume(volume->data);
	fs_resume(volume->fs);
	close(volume->root_fd);
}

static int open_snapshot(struct volume *volume, int fds[])
{
	int err = snapshot_pipe_new(&fds[HANDOVER_FD_SNAPSHOT], &volume->snapshot_fd);

	return err ? volume_fail(volume, err, "cannot make the snapshot") : 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Closes the read end first, so that a write fails once the successor has ended. */
int volume_send_snapshot(struct volume *volume, uint64_t deadline_ns, int fds[])
{
	struct snapshot_pipe_end end = { volume->snapshot_fd, deadline_ns };
	int err;

	close_one(&fds[HANDOVER_FD_SNAPSHOT]);
	err = fs_save(volume->fs, snapshot_pipe_write, &end);
	close_one(&volume->snapshot_fd);
	return err && err != -EPIPE ? volume_fail(volume, err, "cannot send the snapshot") : 0;
}

int volume_get_state(struct volume *volume, struct handover_state *state, int *ret_rings_fd)
{
	int err = fs_get_connection(volume->fs, &state->connection, ret_rings_fd);
	struct fs_stats stats;

	if (err)
		return volume_fail(volume, err, "the connection cannot be handed over");
	snprintf(state->mountpoint, sizeof(state->mountpoint), "%s", volume->mountpoint);
	memcpy(state->mount_device, volume->mount.device, sizeof(state->mount_device));
	memcpy(state->mount_atime, volume->mount.atime, sizeof(state->mount_atime));
	state->started_ns = volume->started_ns;
	state->generation = volume->generation;
	state->failovers = volume->failovers;
	state->busy_poll_us = fs_poll_us(volume->fs);
	state->debug_categories = log_debug_categories();
	state->atime = fs_atime(volume->fs);
	fs_get_stats(volume->fs, &stats);
	state->read_only = stats.read_only;
	state->nr_luns = superpipe_nr_luns(volume->superpipe);
	for (unsigned i = 0; i < state->nr_luns; i++)
		superpipe_get_lun_stats(volume->superpipe, i, &state->counts[i]);
	return 0;
}

/* Closes the descriptors that were made for the successor only. */
static void close_fds(struct volume *volume, int fds[])
{
	close_one(&volume->snapshot_fd);
	close_one(&fds[HANDOVER_FD_SNAPSHOT]);
	close_one(&fds[HANDOVER_FD_STANDBY]);
}

static int begin_locked(struct volume *volume, uint64_t deadline_ns, struct handover_state *state,
			int fds[])
{
	int err;

	handover_init_fds(fds);
	volume->snapshot_fd = -1;
	if (volume->stopped)
		return explain_error(&volume->explainer, -ENODEV, "the volume is being unmounted");
	err = pause_all(volume, deadline_ns);
	if (err)
		return err;
	err = volume_get_state(volume, state, &fds[HANDOVER_FD_RINGS]);
	if (!err && !state->connection.init.nr_bytes)
		err = explain_error(&volume->explainer, -EAGAIN, "it has only just been mounted");
	if (!err)
		err = superpipe_clone_export(volume->superpipe, state->sources);
	if (!err)
		err = standby_offer(volume->standby, fds, &state->standby);
	if (!err)
		err = open_snapshot(volume, fds);
	if (err) {
		close_fds(volume, fds);
		resume_requests(volume);
	}
	fds[HANDOVER_FD_FUSE] = fuse_session_fd(volume->session);
	return err;
}

int volume_handover_begin(struct volume *volume, uint64_t deadline_ns,
			  const struct explainer *explainer, struct handover_state *ret_state,
			  int ret_fds[])
{
	int err;

	pthread_mutex_lock(&volume->handover_lock);
	volume->explainer = *explainer;
	err = begin_locked(volume, deadline_ns, ret_state, ret_fds);
	if (err)
		pthread_mutex_unlock(&volume->handover_lock);
	return err;
}

void volume_handover_abort(struct volume *volume, int fds[])
{
	close_fds(volume, fds);
	resume_requests(volume);
	pthread_mutex_unlock(&volume->handover_lock);
}

void volume_handover_commit(struct volume *volume, int fds[], pid_t successor)
{
	close_fds(volume, fds);
	if (standby_announce_successor(volume->standby, successor))
		log_err("%s: the standby does not follow process %ld", volume->mountpoint,
			(long)successor);
	superpipe_detach(volume->superpipe);
	if (!volume->standby)
		(void)sd_notifyf(0, "MAINPID=%ld", (long)successor);
}

void volume_stop_for_successor(struct volume *volume, pid_t successor)
{
	volume->handed_over = true;
	volume->successor = successor;
	pthread_mutex_unlock(&volume->handover_lock);
	fs_end_serving(volume->fs, 0);
}

int volume_start_successor(struct volume *volume, int socket, pid_t *ret_pid)
{
	return priv_helper_start_program(volume->helper, socket, ret_pid);
}

bool volume_is_handed_over(const struct volume *volume)
{
	return volume->handed_over;
}

void volume_end_process(struct volume *volume)
{
	control_socket_hand_over(&volume->control);
	if (volume->stopped)
		(void)kill(volume->successor, SIGTERM);
	_exit(EXIT_SUCCESS);
}
