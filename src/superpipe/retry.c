/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/retry.h"

#include <errno.h>

#include "superpipe/recover.h"
#include "superpipe/superpipe_internal.h"

#define MAX_TRIES      20
#define FIRST_PAUSE_MS 5
#define MAX_PAUSE_MS   1000

/*
 * What a repetition can cure:
 *
 *   EAGAIN   an AFU sync failed; tables are changed already, the next try only syncs
 *   EINTR    a signal while the adapter was being reset
 *   EINVAL   also said of a context that was lost and not yet recovered; if it was not, it is meant
 *   ENODEV   the adapter has failed; the thread that recovers has the last word on that
 */
int retry_ioctl(struct superpipe *sp, unsigned lun, unsigned long request, void *arg, uint64_t *id)
{
	unsigned pause_ms = FIRST_PAUSE_MS;
	uint64_t generation;
	int rc = -EIO;

	for (unsigned i = 0; i < MAX_TRIES; i++) {
		if (superpipe_failed(sp))
			return -EIO;
		if (context_is_lost(&sp->context) && recover_await(sp))
			return -EIO;
		rc = context_ioctl(&sp->context, lun, request, arg, id, &generation);
		if (rc == -EINVAL || rc == -ENODEV) {
			int checked = recover_check(sp, generation);

			if (checked == 0)
				continue;
			if (rc == -EINVAL)
				return checked;
		} else if (rc != -EAGAIN && rc != -EINTR) {
			return rc;
		}
		if (recover_pause(sp, pause_ms))
			return -EIO;
		pause_ms = pause_ms * 2 < MAX_PAUSE_MS ? pause_ms * 2 : MAX_PAUSE_MS;
	}
	return -EIO;
}
