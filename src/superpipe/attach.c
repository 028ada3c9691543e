/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/attach.h"

#include <string.h>

#include "superpipe/reaper.h"
#include "superpipe/recover.h"
#include "superpipe/session.h"
#include "superpipe/vlun.h"

#define DEFAULT_WATCHDOG_MS    20000 /* four times the timeout of the AFU */
#define DEFAULT_RETRY_DELAY_MS 100

static int start_queues(struct session *session)
{
	int rc = ioq_init(&session->ioq, session->context.ops, session->options.queue_depth);

	if (rc)
		return rc;
	session->ioq.watchdog_ms =
		session->options.watchdog_ms ? session->options.watchdog_ms : DEFAULT_WATCHDOG_MS;
	session->ioq.retry_delay_ms = session->options.retry_delay_ms
					      ? session->options.retry_delay_ms
					      : DEFAULT_RETRY_DELAY_MS;
	__atomic_store_n(&session->stop, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&session->failed, 0, __ATOMIC_RELAXED);
	return 0;
}

/* If the context is lost before its first command, the reaper recovers it. */
static int start_context(struct session *session)
{
	struct context *ctx = &session->context;
	int lost = ioq_start(&session->ioq, ctx->mmio, ctx->id, ctx->sq_mode);
	int rc = reaper_start(session);

	if (rc)
		return rc;
	session->attached = true;
	if (lost)
		return recover_await(session);
	ioq_resume(&session->ioq);
	return 0;
}

void attach_end(struct session *session)
{
	vlun_release_all(session);
	reaper_stop(session);
	context_detach(&session->context);
	ioq_fini(&session->ioq);
	session->attached = false;
}

int attach_start(struct session *session, int (*then)(struct session *session, const void *arg),
		 const void *arg)
{
	int rc = start_queues(session);

	if (rc)
		return explain_error(&session->context.explainer, rc,
				     "cannot allocate the command queues: %s", strerror(-rc));
	rc = context_attach(&session->context);
	if (rc)
		goto fini_queues;
	rc = start_context(session);
	if (rc)
		(void)explain_error(&session->context.explainer, rc, "%s: cannot start: %s",
				    session->context.names[0], strerror(-rc));
	else
		rc = then(session, arg);
	if (!rc)
		return 0;
	if (session->attached) {
		attach_end(session);
		return rc;
	}
	context_detach(&session->context);
fini_queues:
	ioq_fini(&session->ioq);
	return rc;
}
