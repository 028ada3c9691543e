/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a volume that lie on its contexts. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/crash.h"
#include "daemon/limits.h"
#include "daemon/standby.h"
#include "daemon/volume_internal.h"

static void in_use(void *arg)
{
	struct volume *volume = arg;

	priv_helper_tune(volume->helper);
	volume_resend_state(volume);
}

/* A ring deeper than the queue gains nothing: further requests only wait, and the kernel passes
 * them on one by one. */
static unsigned ring_depth(const struct volume *volume)
{
	if (volume->options->ring_depth)
		return volume->options->ring_depth;
	return superpipe_is_synchronous(volume->superpipe) ? 8 : 32;
}

static int refuse_limits(struct volume *volume)
{
	struct data_volume_stats data;
	struct fs_usage usage;

	data_volume_get_stats(volume->data, &data);
	usage = (struct fs_usage){ .chunk_bytes = data.chunk_bytes };
	return limits_refused(&volume->explainer, -EINVAL, &volume->options->limits, &usage);
}

static int start_fs(struct volume *volume)
{
	const struct options *options = volume->options;
	struct fs_config config = {
		.volume = volume->data,
		.atime = options->atime,
		.writeback = options->writeback,
		.transport = {
			.nr_workers = options->threads,
			.ring_depth = ring_depth(volume),
			.poll_us = options->busy_poll_us,
			.synchronous = superpipe_is_synchronous(volume->superpipe),
			.idle_sched = options->idle_sched,
			.share_slots = volume->standby,
		},
		.physical = options->physical,
		.limits = options->limits,
		.root_uid = options->root_uid,
		.root_gid = options->root_gid,
		.root_mode = options->root_mode,
		.journal = standby_journal(volume->standby),
		.negotiated = volume_negotiated,
		.negotiated_arg = volume,
		.in_use = in_use,
		.in_use_arg = volume,
	};
	int err = fs_new(&config, &volume->fs);

	if (err == -EINVAL)
		return refuse_limits(volume);
	if (err)
		return volume_fail(volume, err, "cannot start the file system");
	crash_set_account(fs_account(volume->fs));
	if (!options->physical)
		return 0;
	err = fs_add_whole_luns(volume->fs, superpipe_nr_luns(volume->superpipe));
	return err ? volume_fail(volume, err, "cannot show the LUNs as files") : 0;
}

int volume_start_data(struct volume *volume)
{
	int err = data_volume_new(volume->superpipe, &volume->data);

	if (err)
		return volume_fail(volume, err, "cannot use the LUNs as one volume");
	data_volume_set_pack_bytes(volume->data, volume->options->pack_bytes);
	data_volume_set_stripe_bytes(volume->data, volume->options->stripe_bytes);
	return start_fs(volume);
}
