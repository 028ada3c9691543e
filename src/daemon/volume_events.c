/* SPDX-License-Identifier: Apache-2.0 */
/* What the adapter reports about a volume. */
#include <string.h>

#include "base/log.h"
#include "daemon/volume_internal.h"

/* Before the mount the kernel has cached no size, so there is nothing to update. */
static void lun_grew(struct volume *volume, unsigned lun)
{
	int err;

	pthread_mutex_lock(&volume->event_lock);
	err = volume->mounted ? fs_lun_grew(volume->fs, lun) : 0;
	pthread_mutex_unlock(&volume->event_lock);
	if (err)
		log_err("%s: LUN %u has grown, but its file keeps its size: %s", volume->mountpoint,
			lun, strerror(-err));
	else
		log_notice("%s: LUN %u has grown", volume->mountpoint, lun);
}

void volume_adapter_event(void *arg, enum superpipe_event event, unsigned lun, const char *why)
{
	struct volume *volume = arg;
	const char *name = volume->options->devices[lun];

	switch (event) {
	case SUPERPIPE_RECOVERED:
		log_limited(&volume->adapter_log, LOG_LEVEL_NOTICE,
			    "%s: %s; the context was recovered, no data is lost", name, why);
		break;
	case SUPERPIPE_TIMED_OUT:
		log_limited(&volume->adapter_log, LOG_LEVEL_WARNING,
			    "%s: %s; the context was reset, and they are repeated", name, why);
		break;
	case SUPERPIPE_LUN_GREW:
		lun_grew(volume, lun);
		break;
	case SUPERPIPE_FAILED:
		log_err("%s: failed for good (%s): every access to data%s returns an I/O error "
			"from now on; %s %s",
			name, why, volume->options->nr_devices > 1 ? " on it" : "",
			volume->options->nr_devices > 1 ? "new data go to the other LUNs of"
							: "unmount",
			volume->mountpoint);
		break;
	}
}
