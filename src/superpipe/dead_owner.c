/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/dead_owner.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/minmax.h"
#include "superpipe/superpipe_internal.h"

#define MAX_TRIES      12
#define FIRST_PAUSE_MS 5
#define MAX_PAUSE_MS   1000
#define FREE_IN_A_ROW  64

/* ---- in the owner ---- */

static int check_lendable(const struct session *session)
{
	if (session->options.physical)
		return explain_error(&session->context.explainer, -EOPNOTSUPP,
				     "%s: a LUN used as a whole does not outlive the process",
				     session->context.names[0]);
	if (session->context.app_closes_fd)
		return 0;
	return explain_error(&session->context.explainer, -EOPNOTSUPP,
			     "%s: the driver is too old: it closes the adapter fd itself",
			     session->context.names[0]);
}

int superpipe_send_contexts(struct superpipe *sp)
{
	struct superpipe_clone_source unused[SUPERPIPE_MAX_LUNS];
	int rc = superpipe_clone_export(sp, unused);

	for (unsigned i = 0; !rc && i < sp->nr_luns; i++) {
		rc = check_lendable(sp->sessions[i]);
		if (!rc)
			rc = context_send(&sp->sessions[i]->context);
	}
	return rc;
}

/* ---- in the proxy ---- */

static bool is_transient(int rc)
{
	return rc == -EAGAIN || rc == -EINTR || rc == -ENODEV || rc == -ENOMEM;
}

/* Repeats an ioctl that a signal, a reset or a failed AFU sync has interrupted. */
static int retry_transient(struct context *ctx, int (*once)(struct context *ctx, uint32_t handle),
			   uint32_t handle)
{
	unsigned pause_ms = FIRST_PAUSE_MS;
	int rc = once(ctx, handle);

	for (unsigned i = 1; is_transient(rc) && i < MAX_TRIES; i++) {
		const struct timespec pause = clock_timespec(pause_ms * 1000000ull);

		(void)nanosleep(&pause, NULL);
		pause_ms = min_u(pause_ms * 2, MAX_PAUSE_MS);
		rc = once(ctx, handle);
	}
	return rc;
}

static int open_context(const struct superpipe_dead_owner *dead, unsigned lun, struct context *ctx)
{
	const struct superpipe_context *context = &dead->contexts[lun];
	int rc = context_init(ctx, &dead->devices[lun], 1, dead->ops, dead->explain,
			      dead->explain_arg);

	if (rc)
		return rc;
	ctx->send_context = dead->send_context;
	ctx->send_context_arg = dead->send_context_arg;
	ctx->lun = lun;
	context_adopt(ctx, context->source.context_id, context->fd);
	return 0;
}

static int for_each_context(const struct superpipe_dead_owner *dead, int (*fn)(struct context *ctx))
{
	struct context ctx;
	int rc = 0;

	for (unsigned lun = 0; !rc && lun < dead->nr_luns; lun++) {
		rc = open_context(dead, lun, &ctx);
		if (rc)
			break;
		rc = fn(&ctx);
		dead->contexts[lun].source.context_id = ctx.id;
		dead->contexts[lun].source.adap_fd = ctx.adap_fd;
		dead->contexts[lun].fd = ctx.adap_fd;
		context_fini(&ctx);
	}
	return rc;
}

static int recover_once(struct context *ctx, uint32_t unused)
{
	bool renewed;

	(void)unused;
	return context_renew(ctx, &renewed);
}

static int recover(struct context *ctx)
{
	int rc = retry_transient(ctx, recover_once, 0);

	return rc ? explain_error(&ctx->explainer, rc,
				  "%s: cannot recover the context of a dead process: %s",
				  ctx->names[0], strerror(-rc))
		  : 0;
}

int superpipe_dead_owner_recover(const struct superpipe_dead_owner *dead)
{
	return for_each_context(dead, recover);
}

static int release_once(struct context *ctx, uint32_t handle)
{
	struct dk_release release = { .rsrc_handle = handle };

	return context_ioctl(ctx, DK_IOCTL_RELEASE, &release, &release.context_id, NULL);
}

/*
 * If DETACH fails to release a handle, the driver never frees it, so release the handles first. The
 * driver allocates the lowest free handle, so the search ends early; DETACH releases the rest.
 */
static void release_all(struct context *ctx)
{
	uint32_t nr = ctx->ops->max_handles(ctx->dp[0]), nr_free = 0;

	for (uint32_t i = 0; i < nr && nr_free < FREE_IN_A_ROW; i++) {
		int rc = retry_transient(ctx, release_once, i);

		nr_free = rc == -EINVAL ? nr_free + 1 : 0;
		if (rc && rc != -EINVAL)
			log_debug(LOGC_SUPERPIPE, "%s: res_hndl %u: release: %s", ctx->names[0], i,
				  strerror(-rc));
	}
}

static int detach_once(struct context *ctx, uint32_t unused)
{
	struct dk_detach detach = { .context_id = 0 };

	(void)unused;
	return context_ioctl(ctx, DK_IOCTL_DETACH, &detach, &detach.context_id, NULL);
}

static int detach(struct context *ctx)
{
	int rc;

	if (ctx->adap_fd < 0)
		return 0;
	/* The driver must know of a reset before an AFU sync; see context_is_lost(). */
	ctx->send_context = NULL;
	(void)recover_once(ctx, 0);
	release_all(ctx);
	rc = retry_transient(ctx, detach_once, 0);
	if (rc && rc != -EINVAL)
		return explain_error(&ctx->explainer, rc,
				     "%s: cannot detach the context of a dead process: %s",
				     ctx->names[0], strerror(-rc));
	context_close_inherited_fd(ctx, false);
	return 0;
}

int superpipe_dead_owner_detach(const struct superpipe_dead_owner *dead)
{
	return for_each_context(dead, detach);
}
