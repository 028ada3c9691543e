/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that outlives its daemon; see standby.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/standby.h"
#include "daemon/volume_internal.h"

void volume_set_standby(struct volume *volume, struct standby *standby)
{
	volume->standby = standby;
}

int volume_await_standby(struct volume *volume)
{
	return volume->standby ? standby_await_go(volume->standby) : 0;
}

/* ---- for the standby ---- */

static void list_fds(struct volume *volume, int *fds)
{
	handover_no_fds(fds);
	fds[HANDOVER_FD_FUSE] = fuse_session_fd(volume->session);
	fds[HANDOVER_FD_SLOTS] = fs_slots_fd(volume->fs);
}

static int hold(struct volume *volume)
{
	struct handover_message *message = calloc(1, sizeof(*message));
	int fds[HANDOVER_NR_FDS], rings_fd;
	int err;

	if (!message)
		return -ENOMEM;
	err = volume_describe(volume, &message->state, &rings_fd);
	if (!err) {
		list_fds(volume, fds);
		err = standby_hold(volume->standby, message, fds);
	}
	free(message);
	return err;
}

/* Lock: hold_lock, so that the standby does not get an older state after a newer one. */
static int hold_locked(struct volume *volume)
{
	int err = hold(volume);

	volume->is_held |= !err;
	if (err) {
		(void)journal_close(standby_journal(volume->standby));
		log_err("%s: the standby has not got what it needs: %s; if this process dies, the "
			"volume is lost",
			volume->mountpoint, strerror(-err));
	}
	return err;
}

int volume_hold(struct volume *volume)
{
	int err;

	if (!volume->standby)
		return 0;
	pthread_mutex_lock(&volume->hold_lock);
	err = hold_locked(volume);
	pthread_mutex_unlock(&volume->hold_lock);
	return err;
}

void volume_hold_anew(struct volume *volume)
{
	if (!standby_is_there(volume->standby))
		return;
	pthread_mutex_lock(&volume->hold_lock);
	if (volume->is_held)
		(void)hold_locked(volume);
	pthread_mutex_unlock(&volume->hold_lock);
}

void volume_negotiated(void *arg)
{
	(void)volume_hold(arg);
}

int volume_lend_context(void *arg, unsigned lun, const struct superpipe_context *context)
{
	struct volume *volume = arg;

	return volume->standby ? standby_lend(volume->standby, lun, context) : 0;
}

void volume_touch(struct volume *volume)
{
	struct data_volume_stats data;
	struct fs_stats fs;

	fs_get_stats(volume->fs, &fs);
	data_volume_get_stats(volume->data, &data);
}

static void touch(void *arg)
{
	volume_touch(arg);
}

int volume_listen_to_standby(struct volume *volume)
{
	const struct standby_calls calls = { .touch = touch, .arg = volume };
	int err = volume->standby ? standby_listen(volume->standby, &calls) : 0;

	return err ? volume_fail(volume, err, "cannot start a thread") : 0;
}

/* ---- in a successor of a daemon that has died ---- */

int volume_adopt_standby(struct volume *volume, const struct handover_state *state, int fds[])
{
	const struct journal_fds journal = { .memory = fds[HANDOVER_FD_JOURNAL],
					     .wake = fds[HANDOVER_FD_JOURNAL_WAKE] };
	int err;

	err = standby_adopt(fds[HANDOVER_FD_STANDBY], &journal, state->standby, &volume->standby);
	fds[HANDOVER_FD_STANDBY] = fds[HANDOVER_FD_JOURNAL] = fds[HANDOVER_FD_JOURNAL_WAKE] = -1;
	return err ? volume_fail(volume, err, "cannot use the standby") : 0;
}
