/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the standby of a volume up to date; see standby.h. */
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

/* ---- state ---- */

static void list_fds(struct volume *volume, int *fds)
{
	handover_init_fds(fds);
	fds[HANDOVER_FD_FUSE] = fuse_session_fd(volume->session);
	fds[HANDOVER_FD_SLOTS] = fs_slots_fd(volume->fs);
}

static int send_state(struct volume *volume)
{
	struct handover_message *message = calloc(1, sizeof(*message));
	int fds[HANDOVER_NR_FDS], rings_fd;
	int err;

	if (!message)
		return -ENOMEM;
	err = volume_get_state(volume, &message->state, &rings_fd);
	if (!err) {
		list_fds(volume, fds);
		err = standby_send_state(volume->standby, message, fds);
	}
	free(message);
	return err;
}

/* Lock: state_lock, so that states arrive in order. */
static int send_state_locked(struct volume *volume)
{
	int err = send_state(volume);

	volume->state_sent |= !err;
	if (err) {
		(void)journal_close(standby_journal(volume->standby));
		log_err("%s: cannot update the standby: %s; if this process dies, the "
			"volume is lost",
			volume->mountpoint, strerror(-err));
	}
	return err;
}

int volume_send_state(struct volume *volume)
{
	int err;

	if (!volume->standby)
		return 0;
	pthread_mutex_lock(&volume->state_lock);
	err = send_state_locked(volume);
	pthread_mutex_unlock(&volume->state_lock);
	return err;
}

void volume_resend_state(struct volume *volume)
{
	if (!standby_is_following(volume->standby))
		return;
	pthread_mutex_lock(&volume->state_lock);
	if (volume->state_sent)
		(void)send_state_locked(volume);
	pthread_mutex_unlock(&volume->state_lock);
}

void volume_negotiated(void *arg)
{
	(void)volume_send_state(arg);
}

int volume_send_context(void *arg, unsigned lun, const struct superpipe_context *context)
{
	struct volume *volume = arg;

	return volume->standby ? standby_send_context(volume->standby, lun, context) : 0;
}

void volume_take_locks(struct volume *volume)
{
	struct data_volume_stats data;
	struct fs_stats fs;

	fs_get_stats(volume->fs, &fs);
	data_volume_get_stats(volume->data, &data);
}

/* All others wait for a request that is served alone: it must have ended by the next ping. */
static bool makes_progress(void *arg)
{
	struct volume *volume = arg;
	uint64_t last = volume->alone;

	volume_take_locks(volume);
	volume->alone = fs_alone(volume->fs);
	return !last || volume->alone != last;
}

int volume_listen_to_standby(struct volume *volume)
{
	const struct standby_calls calls = { .makes_progress = makes_progress, .arg = volume };
	int err = volume->standby ? standby_listen(volume->standby, &calls) : 0;

	return err ? volume_fail(volume, err, "cannot start a thread") : 0;
}

/* ---- in a successor ---- */

int volume_adopt_standby(struct volume *volume, const struct handover_state *state, int fds[])
{
	const struct journal_fds journal = { .memory = fds[HANDOVER_FD_JOURNAL],
					     .wake = fds[HANDOVER_FD_JOURNAL_WAKE] };
	int err;

	err = standby_adopt(fds[HANDOVER_FD_STANDBY], &journal, state->standby, &volume->standby);
	fds[HANDOVER_FD_STANDBY] = fds[HANDOVER_FD_JOURNAL] = fds[HANDOVER_FD_JOURNAL_WAKE] = -1;
	return err ? volume_fail(volume, err, "cannot use the standby") : 0;
}
