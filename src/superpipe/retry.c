/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/retry.h"

#include <errno.h>

#include "base/minmax.h"
#include "superpipe/recover.h"
#include "superpipe/session.h"

#define MAX_TRIES      20
#define FIRST_PAUSE_MS 5
#define MAX_PAUSE_MS   1000

/*
 * Errors that a retry can cure:
 *
 *   EAGAIN   an AFU sync failed; the tables are changed already, and the next try only syncs
 *   EINTR    a signal arrived during a reset of the adapter
 *   EINVAL   the context may be lost and not yet recovered; otherwise the request is invalid
 *   ENODEV   the adapter may have failed; the reaper thread decides
 */
int retry_ioctl(struct session *session, unsigned long request, void *arg, uint64_t *id)
{
	unsigned pause_ms = FIRST_PAUSE_MS;
	uint64_t generation;
	int rc = -EIO;

	for (unsigned i = 0; i < MAX_TRIES; i++) {
		if (session_failed(session))
			return -EIO;
		if (context_is_lost(&session->context) && recover_await(session))
			return -EIO;
		rc = context_ioctl(&session->context, request, arg, id, &generation);
		if (rc == -EINVAL || rc == -ENODEV) {
			int checked = recover_check(session, generation);

			if (checked == 0)
				continue;
			if (rc == -EINVAL)
				return checked;
		} else if (rc != -EAGAIN && rc != -EINTR) {
			return rc;
		}
		if (recover_pause(session, pause_ms))
			return -EIO;
		pause_ms = min_u(pause_ms * 2, MAX_PAUSE_MS);
	}
	return -EIO;
}
