/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/superpipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/attach.h"
#include "superpipe/recover.h"
#include "superpipe/superpipe_internal.h"
#include "superpipe/vlun.h"

/* ---- open and close ---- */

int superpipe_open(const char *const devices[], unsigned nr_devices,
		   const struct superpipe_options *options, explain_fn explain, void *explain_arg,
		   struct superpipe **ret_sp)
{
	struct superpipe *sp = aligned_alloc(IOQ_CACHE_LINE, sizeof(*sp));
	int rc;

	if (!sp)
		return -ENOMEM;
	memset(sp, 0, sizeof(*sp));
	if (options)
		sp->options = *options;
	rc = context_init(&sp->context, devices, nr_devices, sp->options.ops, explain, explain_arg);
	if (!rc) {
		rc = recover_init(sp);
		if (rc)
			context_fini(&sp->context);
	}
	if (rc) {
		free(sp);
		return rc;
	}
	(void)pthread_mutex_init(&sp->vluns.lock, NULL);
	sp->vluns.max_handles = sp->context.ops->max_handles(sp->context.dp[0]);
	*ret_sp = sp;
	return 0;
}

void superpipe_close(struct superpipe *sp)
{
	if (!sp)
		return;
	if (sp->attached)
		attach_end(sp);
	context_fini(&sp->context);
	recover_fini(sp);
	(void)pthread_mutex_destroy(&sp->vluns.lock);
	free(sp);
}

/* ---- attach ---- */

static int probe_luns(struct superpipe *sp, const void *arg)
{
	const struct explainer *to = &sp->context.explainer;

	(void)arg;
	for (unsigned lun = 0; lun < sp->context.nr_luns; lun++) {
		int rc = vlun_probe(sp, lun);

		if (!rc)
			continue;
		if (rc == -EBUSY)
			return explain_error(to, rc,
					     "%s: another program uses this LUN %s; it can be used "
					     "only one way at a time; 'cxlfsadm lun list' shows "
					     "who it is",
					     sp->context.names[lun],
					     sp->options.physical ? "for virtual LUNs"
								  : "as a whole");
		return explain_error(to, rc, "%s: cannot use the LUN: %s", sp->context.names[lun],
				     strerror(-rc));
	}
	return 0;
}

int superpipe_attach(struct superpipe *sp)
{
	int rc = context_reopen_after_fork(&sp->context);

	return rc ? rc : attach_start(sp, probe_luns, NULL);
}

/* ---- what is known ---- */

unsigned superpipe_nr_luns(const struct superpipe *sp)
{
	return sp->context.nr_luns;
}

const struct superpipe_lun_info *superpipe_lun_info(const struct superpipe *sp, unsigned lun)
{
	return &sp->context.luns[lun];
}

bool superpipe_is_synchronous(const struct superpipe *sp)
{
	return sp->context.ops->is_synchronous(sp->context.dp[0]);
}

unsigned superpipe_max_handles(const struct superpipe *sp)
{
	return __atomic_load_n(&sp->vluns.max_handles, __ATOMIC_RELAXED);
}

bool superpipe_failed(const struct superpipe *sp)
{
	return __atomic_load_n(&sp->failed, __ATOMIC_ACQUIRE) != 0;
}

void superpipe_get_stats(const struct superpipe *sp, struct superpipe_stats *ret_stats)
{
	*ret_stats = (struct superpipe_stats){
		.commands = __atomic_load_n(&sp->ioq.nr_commands, __ATOMIC_RELAXED),
		.reads = __atomic_load_n(&sp->ioq.nr_reads, __ATOMIC_RELAXED),
		.writes = __atomic_load_n(&sp->ioq.nr_writes, __ATOMIC_RELAXED),
		.retries = __atomic_load_n(&sp->ioq.nr_retries, __ATOMIC_RELAXED),
		.recoveries = __atomic_load_n(&sp->nr_recoveries, __ATOMIC_RELAXED),
		.timeouts = __atomic_load_n(&sp->nr_timeouts, __ATOMIC_RELAXED),
		.errors = __atomic_load_n(&sp->ioq.nr_errors, __ATOMIC_RELAXED),
		.interrupts = __atomic_load_n(&sp->nr_interrupts, __ATOMIC_RELAXED),
	};
}

void superpipe_submit(struct superpipe *sp, struct superpipe_io *first)
{
	ioq_submit(&sp->ioq, first);
}

void superpipe_start_polling(struct superpipe *sp)
{
	ioq_start_polling(&sp->ioq);
	sp->context.ops->add_pollers(sp->context.dp[0], 1);
}

void superpipe_stop_polling(struct superpipe *sp)
{
	sp->context.ops->add_pollers(sp->context.dp[0], -1);
	ioq_stop_polling(&sp->ioq);
}

bool superpipe_poll(struct superpipe *sp)
{
	return ioq_poll(&sp->ioq);
}

bool superpipe_is_busy(struct superpipe *sp)
{
	return ioq_is_busy(&sp->ioq);
}
