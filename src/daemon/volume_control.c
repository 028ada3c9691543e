/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket of a volume can do. */
#include <errno.h>

#include "daemon/settings.h"
#include "daemon/standby.h"
#include "daemon/upgrade.h"
#include "daemon/volume_internal.h"

static int upgrade_volume(void *arg, unsigned timeout_ms, const struct explainer *to,
			  struct control_upgraded *ret_upgraded)
{
	const struct volume *volume = arg;

	if (volume->options->survive == SURVIVE_NO)
		return explain_error(to, -EPERM, "the volume was mounted with survive=no");
	return upgrade(arg, timeout_ms, to, ret_upgraded);
}

static int set_options(void *arg, const struct control_change *change, const struct explainer *to)
{
	return settings_change(arg, change, to);
}

static bool has_standby(void *arg)
{
	const struct volume *volume = arg;

	return standby_is_following(volume->standby);
}

static const char *survive_name(enum survive_choice survive)
{
	switch (survive) {
	case SURVIVE_NO:
		return "no";
	case SURVIVE_CRASH:
		return "crash";
	default:
		return "upgrade";
	}
}

int volume_start_control(struct volume *volume)
{
	const struct options *options = volume->options;
	const struct control_volume for_control = {
		.mountpoint = volume->mountpoint,
		.device = volume->mount.device,
		.source = options->device_list,
		.luns = (const char *const *)options->devices,
		.physical = options->physical,
		.started_ns = volume->started_ns,
		.generation = volume->generation,
		.survive = survive_name(options->survive),
		.has_standby = has_standby,
		.failovers = &volume->failovers,
		.fs = volume->fs,
		.data = volume->data,
		.superpipe = volume->superpipe,
		.upgrade = upgrade_volume,
		.set = set_options,
		.arg = volume,
	};

	return control_socket_open(&volume->control, &for_control);
}
