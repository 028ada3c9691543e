/* SPDX-License-Identifier: Apache-2.0 */
/* The volume moves from one process to another. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/sandbox.h"
#include "daemon/standby.h"
#include "daemon/volume_internal.h"
#include "data/snapshot.h"
#include "superpipe/clone.h"

/* ---- the old process ---- */

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

/* Handles are counted only when no more are opened or closed. */
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

static int save_snapshot(struct volume *volume, int *ret_fd)
{
	int fd = memfd_create("cxlfs-snapshot", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return volume_fail(volume, -errno, "cannot make the snapshot");
	err = fs_save(volume->fs, fd);
	if (!err && lseek(fd, 0, SEEK_SET))
		err = -errno;
	if (err) {
		close(fd);
		return volume_fail(volume, err, "cannot make the snapshot");
	}
	*ret_fd = fd;
	return 0;
}

int volume_describe(struct volume *volume, struct handover_state *state, int *ret_rings_fd)
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
	state->rescues = volume->rescues;
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

/* Those that this process does not need itself. */
static void close_given(int fds[])
{
	if (fds[HANDOVER_FD_SNAPSHOT] >= 0)
		close(fds[HANDOVER_FD_SNAPSHOT]);
	if (fds[HANDOVER_FD_STANDBY] >= 0)
		close(fds[HANDOVER_FD_STANDBY]);
}

static int lend_locked(struct volume *volume, uint64_t deadline_ns, struct handover_state *state,
		       int fds[])
{
	int err;

	handover_no_fds(fds);
	if (volume->stopped)
		return explain_error(&volume->explainer, -ENODEV, "the volume is being unmounted");
	err = pause_all(volume, deadline_ns);
	if (err)
		return err;
	err = volume_describe(volume, state, &fds[HANDOVER_FD_RINGS]);
	if (!err)
		err = superpipe_clone_export(volume->superpipe, state->sources);
	if (!err)
		err = standby_offer(volume->standby, fds, &state->standby);
	if (!err)
		err = save_snapshot(volume, &fds[HANDOVER_FD_SNAPSHOT]);
	if (err) {
		close_given(fds);
		resume_requests(volume);
	}
	fds[HANDOVER_FD_FUSE] = fuse_session_fd(volume->session);
	return err;
}

int volume_lend(struct volume *volume, uint64_t deadline_ns, const struct explainer *explainer,
		struct handover_state *ret_state, int ret_fds[])
{
	int err;

	pthread_mutex_lock(&volume->life_lock);
	volume->explainer = *explainer;
	err = lend_locked(volume, deadline_ns, ret_state, ret_fds);
	if (err)
		pthread_mutex_unlock(&volume->life_lock);
	return err;
}

void volume_keep(struct volume *volume, int fds[])
{
	close_given(fds);
	resume_requests(volume);
	pthread_mutex_unlock(&volume->life_lock);
}

void volume_part(struct volume *volume, int fds[], pid_t successor)
{
	close_given(fds);
	if (standby_follow(volume->standby, successor))
		log_err("%s: the standby does not follow process %ld", volume->mountpoint,
			(long)successor);
	superpipe_detach(volume->superpipe);
	if (!volume->standby)
		(void)sd_notifyf(0, "MAINPID=%ld", (long)successor);
}

void volume_leave_to(struct volume *volume, pid_t successor)
{
	volume->parted = true;
	volume->successor = successor;
	pthread_mutex_unlock(&volume->life_lock);
	fs_end_serving(volume->fs, 0);
}

int volume_start_successor(struct volume *volume, int socket, pid_t *ret_pid)
{
	return keeper_start_program(volume->keeper, socket, ret_pid);
}

bool volume_has_parted(const struct volume *volume)
{
	return volume->parted;
}

void volume_end_process(struct volume *volume)
{
	control_socket_leave(&volume->control);
	if (volume->stopped)
		(void)kill(volume->successor, SIGTERM);
	_exit(EXIT_SUCCESS);
}

/* ---- the new one ---- */

static int load_snapshot(struct volume *volume, int fd)
{
	int err;

	/* Until volume_own(): the parent may still go on with the same chunks. */
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

static int adopt_place(struct volume *volume, const struct handover_state *state)
{
	struct mount_watch *watch = &volume->mount;

	volume->mountpoint = strndup(state->mountpoint, sizeof(state->mountpoint));
	if (!volume->mountpoint)
		return volume_fail(volume, -ENOMEM, "cannot take over");
	volume->started_ns = state->started_ns;
	volume->generation = state->generation + !state->is_dead;
	volume->rescues = state->rescues;
	volume->died_ns = state->is_dead ? state->died_ns : 0;
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

/* The dead process may have done what it had no time to report. */
static int replace_the_dead(struct volume *volume, int slots_fd)
{
	int err = superpipe_reconcile(volume->superpipe);

	if (err) {
		close(slots_fd);
		return err; /* explained */
	}
	err = fs_adopt_slots(volume->fs, slots_fd);
	return err ? volume_fail(volume, err, "cannot go on with its requests") : 0;
}

static int be_followed(struct volume *volume, const struct handover_state *state)
{
	int err = superpipe_lend(volume->superpipe);

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
	struct control_rescues *rescues = &volume->rescues;

	if (!volume->died_ns)
		return;
	rescues->last_pause_ms = (clock_now_ns() - volume->died_ns) / 1000000;
	if (rescues->last_pause_ms > rescues->longest_pause_ms)
		rescues->longest_pause_ms = rescues->last_pause_ms;
}

static int take_over(struct volume *volume, const struct handover_state *state, int fds[])
{
	int err = adopt_place(volume, state);

	if (!err && state->standby)
		err = volume_adopt_standby(volume, state, fds);
	if (!err)
		err = volume_confine(volume);
	if (!err)
		err = adopt_data(volume, state);
	if (!err)
		err = load_snapshot(volume, take_descriptor(&fds[HANDOVER_FD_SNAPSHOT]));
	if (!err && state->is_dead)
		err = replace_the_dead(volume, take_descriptor(&fds[HANDOVER_FD_SLOTS]));
	if (!err && state->standby)
		err = be_followed(volume, state);
	if (!err)
		err = adopt_session(volume, state, take_descriptor(&fds[HANDOVER_FD_FUSE]),
				    take_descriptor(&fds[HANDOVER_FD_RINGS]));
	return err ? err : volume_hold(volume);
}

int volume_take_over(struct volume *volume, const struct handover_state *state, int fds[])
{
	int err = take_over(volume, state, fds);

	handover_close_fds(fds);
	return err;
}

/* A signal that arrives meanwhile waits for the lock, and then stops the volume of this process. */
int volume_own(struct volume *volume, int (*agree)(void *arg), void *arg)
{
	int err;

	pthread_mutex_lock(&volume->life_lock);
	err = volume->stopped ? -ECANCELED : agree(arg);
	if (!err) {
		volume->borrowed = false;
		volume->mounted = true;
		note_pause(volume);
		data_volume_resume(volume->data);
		volume_start_control(volume);
		err = volume_listen_to_standby(volume);
		if (volume->options->sandbox)
			sandbox_limit_calls();
	}
	pthread_mutex_unlock(&volume->life_lock);
	return err;
}
