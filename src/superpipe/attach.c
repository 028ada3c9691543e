/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/attach.h"

#include <string.h>

#include "superpipe/reaper.h"
#include "superpipe/recover.h"
#include "superpipe/superpipe_internal.h"
#include "superpipe/vlun.h"

#define DEFAULT_WATCHDOG_MS    20000 /* four times the timeout of the AFU */
#define DEFAULT_RETRY_DELAY_MS 100

static int start_queues(struct superpipe *sp)
{
	int rc = ioq_init(&sp->ioq, sp->context.ops, sp->options.queue_depth);

	if (rc)
		return rc;
	sp->ioq.watchdog_ms =
		sp->options.watchdog_ms ? sp->options.watchdog_ms : DEFAULT_WATCHDOG_MS;
	sp->ioq.retry_delay_ms =
		sp->options.retry_delay_ms ? sp->options.retry_delay_ms : DEFAULT_RETRY_DELAY_MS;
	sp->ioq.busy_poll_us = sp->options.busy_poll_us;
	__atomic_store_n(&sp->stop, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&sp->failed, 0, __ATOMIC_RELAXED);
	return 0;
}

/* If the context is lost before its first command, the reaper recovers it. */
static int start_context(struct superpipe *sp)
{
	struct context *ctx = &sp->context;
	int lost = ioq_start(&sp->ioq, ctx->mmio, ctx->id, ctx->sq_mode);
	int rc = reaper_start(sp);

	if (rc)
		return rc;
	sp->attached = true;
	if (lost)
		return recover_await(sp);
	ioq_resume(&sp->ioq);
	return 0;
}

void attach_end(struct superpipe *sp)
{
	vlun_release_all(sp);
	reaper_stop(sp);
	context_detach(&sp->context);
	ioq_fini(&sp->ioq);
	sp->attached = false;
}

int attach_start(struct superpipe *sp, int (*then)(struct superpipe *sp, const void *arg),
		 const void *arg)
{
	int rc = start_queues(sp);

	if (rc)
		return explain_error(&sp->context.explainer, rc,
				     "cannot allocate the command queues: %s", strerror(-rc));
	rc = context_attach(&sp->context);
	if (rc)
		goto fini_queues;
	rc = start_context(sp);
	if (rc)
		(void)explain_error(&sp->context.explainer, rc, "%s: cannot start: %s",
				    sp->context.names[0], strerror(-rc));
	else
		rc = then(sp, arg);
	if (!rc)
		return 0;
	if (sp->attached) {
		attach_end(sp);
		return rc;
	}
	context_detach(&sp->context);
fini_queues:
	ioq_fini(&sp->ioq);
	return rc;
}
