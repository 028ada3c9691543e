/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/clone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/attach.h"
#include "superpipe/recover.h"
#include "superpipe/retry.h"
#include "superpipe/superpipe_internal.h"
#include "superpipe/vlun.h"

/* ---- what can be cloned ---- */

static int check_cloneable(const struct session *session)
{
	const struct explainer *to = &session->context.explainer;

	for (const struct superpipe_vlun *vlun = session->vluns.head; vlun; vlun = vlun->next) {
		if (vlun->physical)
			return explain_error(to, -EOPNOTSUPP,
					     "%s: a LUN used as a whole cannot be handed to "
					     "another process: the driver cannot clone its handle",
					     session->context.names[0]);
	}
	return 0;
}

static int export_one(struct session *session, struct superpipe_clone_source *ret_source)
{
	struct context *ctx = &session->context;

	/* A reset may have passed unnoticed: an idle context gets no event. */
	if (!session_failed(session) && context_is_lost(ctx))
		(void)recover_await(session);
	if (session_failed(session))
		return -EIO;
	pthread_mutex_lock(&session->vluns.lock);
	/* A whole LUN needs no clone: several processes may open it. */
	ret_source->nr_handles = session->options.physical ? 0 : session->vluns.nr_open;
	pthread_mutex_unlock(&session->vluns.lock);
	pthread_mutex_lock(&ctx->lock);
	ret_source->context_id = ctx->id;
	ret_source->adap_fd = ctx->adap_fd;
	pthread_mutex_unlock(&ctx->lock);
	return 0;
}

int superpipe_clone_export(struct superpipe *sp, struct superpipe_clone_source ret_sources[])
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < sp->nr_luns; i++)
		rc = export_one(sp->sessions[i], &ret_sources[i]);
	return rc;
}

/* ---- attach and clone ---- */

static int clone_from(struct session *session, const void *arg)
{
	const struct superpipe_clone_source *source = arg;
	struct dk_clone clone = { .context_id_src = source->context_id,
				  .adap_fd_src = (uint64_t)source->adap_fd };
	int rc = retry_ioctl(session, DK_IOCTL_VLUN_CLONE, &clone, &clone.context_id_dst);

	/* The driver also refuses if nobody has a vLUN on the LUN. */
	session->clone_refused = rc == -EINVAL && source->nr_handles == SUPERPIPE_HANDLES_UNKNOWN;
	if (session->clone_refused)
		return session_probe_lun(session, NULL);
	return rc ? explain_error(&session->context.explainer, rc,
				  "%s: cannot take over the virtual LUNs: %s",
				  session->context.names[0], strerror(-rc))
		  : 0;
}

int superpipe_attach_clone(struct superpipe *sp, const struct superpipe_clone_source sources[])
{
	unsigned nr = 0;
	int rc = 0;

	context_fini(&sp->all_luns);
	while (!rc && nr < sp->nr_luns) {
		rc = attach_start(sp->sessions[nr],
				  sources[nr].nr_handles ? clone_from : session_probe_lun,
				  &sources[nr]);
		nr += rc == 0;
	}
	while (rc && nr > 0)
		attach_end(sp->sessions[--nr]);
	return rc;
}

/* ---- fork ---- */

/*
 * Moves the parent's context to @ret_inherited and unmaps it. @session is then as before the
 * attach. Its locks are initialised again, because a thread of the parent may have held them at the
 * fork.
 */
static int split_off(struct session *session, struct context *ret_inherited)
{
	*ret_inherited = session->context;
	context_drop_after_fork(ret_inherited);
	ioq_drop_after_fork(&session->ioq);
	(void)pthread_mutex_init(&session->vluns.lock, NULL);
	session->attached = false;
	memset(&session->context, 0, sizeof(session->context));
	memset(&session->recovery, 0, sizeof(session->recovery));
	return recover_init(session);
}

static int take_over(struct session *session, struct context *inherited, bool *ret_cloned)
{
	struct superpipe_clone_source source = { .context_id = inherited->id,
						 .adap_fd = inherited->adap_fd,
						 .nr_handles = session->vluns.nr_open };
	const char *device = inherited->names[0];
	int rc = context_init(&session->context, &device, 1, inherited->ops,
			      inherited->explainer.explain, inherited->explainer.arg);

	if (rc)
		return rc;
	rc = check_cloneable(session);
	if (!rc)
		rc = attach_start(session, source.nr_handles ? clone_from : session_probe_lun,
				  &source);
	*ret_cloned = rc == 0 && source.nr_handles;
	return rc;
}

static void free_vluns(struct session *session)
{
	while (session->vluns.head) {
		struct superpipe_vlun *vlun = session->vluns.head;

		session->vluns.head = vlun->next;
		free(vlun);
	}
	session->vluns.nr_open = 0;
}

static int take_over_one(struct session *session)
{
	struct context inherited;
	bool cloned = false;
	int rc;

	rc = split_off(session, &inherited);
	if (!rc)
		rc = take_over(session, &inherited, &cloned);
	context_close_inherited_fd(&inherited, cloned && !inherited.app_closes_fd);
	context_fini(&inherited);
	if (rc)
		free_vluns(session);
	return rc;
}

static void drop_one(struct session *session)
{
	struct context inherited;

	(void)split_off(session, &inherited);
	context_close_inherited_fd(&inherited, false);
	context_fini(&inherited);
	free_vluns(session);
}

int superpipe_takeover(struct superpipe *sp)
{
	unsigned nr = 0;
	int rc = 0;

	while (!rc && nr < sp->nr_luns)
		rc = take_over_one(sp->sessions[nr++]);
	if (!rc)
		return 0;
	for (unsigned i = 0; i + 1 < nr; i++)
		attach_end(sp->sessions[i]);
	for (unsigned i = nr; i < sp->nr_luns; i++)
		drop_one(sp->sessions[i]);
	return rc;
}

void superpipe_drop_after_fork(struct superpipe *sp)
{
	if (!sp)
		return;
	for (unsigned i = 0; i < sp->nr_luns; i++)
		drop_one(sp->sessions[i]);
	superpipe_close(sp);
}
