/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/attach.h"
#include "superpipe/recover.h"
#include "superpipe/vlun.h"

int session_open(const char *device, const struct superpipe_options *options, explain_fn explain,
		 void *explain_arg, unsigned lun, struct session **ret_session)
{
	struct session *session = aligned_alloc(IOQ_CACHE_LINE, sizeof(*session));
	struct context *ctx;
	int rc;

	if (!session)
		return -ENOMEM;
	memset(session, 0, sizeof(*session));
	if (options)
		session->options = *options;
	session->lun = lun;
	ctx = &session->context;
	rc = context_init(ctx, &device, 1, session->options.ops, explain, explain_arg);
	ctx->send_context = session->options.send_context;
	ctx->send_context_arg = session->options.send_context_arg;
	ctx->lun = lun;
	if (!rc) {
		rc = recover_init(session);
		if (rc)
			context_fini(ctx);
	}
	if (rc) {
		free(session);
		return rc;
	}
	(void)pthread_mutex_init(&session->vluns.lock, NULL);
	session->vluns.max_handles = ctx->ops->max_handles(ctx->dp[0]);
	*ret_session = session;
	return 0;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	if (session->attached)
		attach_end(session);
	context_fini(&session->context);
	recover_fini(session);
	(void)pthread_mutex_destroy(&session->vluns.lock);
	free(session);
}

int session_probe_lun(struct session *session, const void *unused)
{
	const struct explainer *to = &session->context.explainer;
	const char *name = session->context.names[0];
	int rc = vlun_probe(session);

	(void)unused;
	if (rc == -EBUSY)
		return explain_error(to, rc,
				     "%s: another program uses this LUN %s; it can be used only "
				     "one way at a time; 'cxlfsadm lun list' shows who it is",
				     name,
				     session->options.physical ? "for virtual LUNs" : "as a whole");
	return rc ? explain_error(to, rc, "%s: cannot use the LUN: %s", name, strerror(-rc)) : 0;
}

int session_attach(struct session *session)
{
	int rc = context_reopen_after_fork(&session->context);

	return rc ? rc : attach_start(session, session_probe_lun, NULL);
}

void session_notify(const struct session *session, enum superpipe_event event, const char *why)
{
	const struct superpipe_options *options = &session->options;

	if (options->notify)
		options->notify(options->notify_arg, event, session->lun, why);
}
