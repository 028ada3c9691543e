/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/successor.h"

static int start(void *arg, int socket, pid_t *ret_pid)
{
	return volume_start_successor(arg, socket, ret_pid);
}

/* Once the successor is ready, it takes over even if this process dies. */
static int hand_over(struct volume *volume, const struct successor *next, unsigned timeout_ms,
		     struct handover_message *message)
{
	uint64_t until = clock_after_ms_ns(timeout_ms);
	int fds[HANDOVER_NR_FDS];
	int err = volume_handover_begin(volume, until, next->explainer, &message->state, fds);

	if (err)
		return err;
	err = successor_send_state(next, message, fds);
	if (!err)
		err = volume_send_snapshot(volume, until, fds);
	if (!err)
		err = successor_await(next, HANDOVER_READY, until, message);
	if (err) {
		volume_handover_abort(volume, fds);
		return err;
	}
	volume_handover_commit(volume, fds, next->pid);
	successor_go(next, message);
	return 0;
}

static int run(struct volume *volume, unsigned timeout_ms, struct successor *next,
	       unsigned *ret_pause_ms)
{
	struct handover_message *message = calloc(1, sizeof(*message));
	uint64_t paused_ns;
	int err;

	if (!message)
		return explain_error(next->explainer, -ENOMEM, "out of memory");
	err = successor_start(next, start, volume);
	if (!err) {
		err = successor_await(next, HANDOVER_HELLO, clock_after_ms_ns(timeout_ms), message);
		paused_ns = clock_now_ns();
		if (!err)
			err = hand_over(volume, next, timeout_ms, message);
		if (err)
			successor_end(next, err, message);
		*ret_pause_ms = (unsigned)((clock_now_ns() - paused_ns) / 1000000);
	}
	free(message);
	return err;
}

struct refusal {
	const struct volume *volume;
	const struct explainer *to;
};

static void refuse(void *arg, const char *why)
{
	const struct refusal *refusal = arg;

	log_notice("%s: the upgrade was refused: %s", volume_mountpoint(refusal->volume), why);
	(void)explain_error(refusal->to, -EIO, "%s", why);
}

int upgrade(struct volume *volume, unsigned timeout_ms, const struct explainer *to,
	    struct control_upgraded *ret_upgraded)
{
	struct refusal refusal = { volume, to };
	const struct explainer explainer = { refuse, &refusal };
	struct successor next = { .explainer = &explainer, .name = "the installed version" };
	int err = run(volume, timeout_ms, &next, &ret_upgraded->pause_ms);

	if (err)
		return err;
	ret_upgraded->pid = next.pid;
	log_notice("%s: process %ld takes over; requests waited %u ms", volume_mountpoint(volume),
		   (long)next.pid, ret_upgraded->pause_ms);
	volume_stop_for_successor(volume, next.pid);
	return 0;
}
