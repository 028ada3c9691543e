/* SPDX-License-Identifier: Apache-2.0 */
/* The open devices of a context: each LUN's fd1. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "superpipe/context.h"

static int open_device(struct context *ctx, const char *device, const struct devport_ops *ops)
{
	unsigned lun = ctx->nr_luns;
	int rc;

	if (ctx->ops && ops != ctx->ops)
		return explain_error(&ctx->explainer, -EINVAL, "%s: not on the same adapter as %s",
				     device, ctx->names[0]);
	ctx->ops = ops;
	ctx->names[lun] = strdup(device);
	if (!ctx->names[lun])
		return -ENOMEM;
	rc = ops->open(device, ctx->explainer.explain, ctx->explainer.arg, &ctx->dp[lun]);
	if (rc) {
		free(ctx->names[lun]);
		ctx->names[lun] = NULL;
		return rc;
	}
	ctx->nr_luns++;
	return 0;
}

int context_init(struct context *ctx, const char *const devices[], unsigned nr_devices,
		 const struct devport_ops *ops, explain_fn explain, void *explain_arg)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->explainer = (struct explainer){ explain, explain_arg };
	ctx->adap_fd = -1;
	ctx->opener = getpid();
	if (nr_devices < 1 || nr_devices > SUPERPIPE_MAX_LUNS)
		return explain_error(&ctx->explainer, -EINVAL, "a volume has 1 to %u LUNs, not %u",
				     SUPERPIPE_MAX_LUNS, nr_devices);
	(void)pthread_mutex_init(&ctx->lock, NULL);
	for (unsigned i = 0; i < nr_devices; i++) {
		int rc = open_device(ctx, devices[i], ops ? ops : devport_find(devices[i]));

		if (rc) {
			context_fini(ctx);
			return rc;
		}
	}
	return 0;
}

void context_fini(struct context *ctx)
{
	for (unsigned i = 0; i < ctx->nr_luns; i++) {
		ctx->ops->close(ctx->dp[i]);
		free(ctx->names[i]);
		ctx->names[i] = NULL;
	}
	if (ctx->nr_luns)
		(void)pthread_mutex_destroy(&ctx->lock);
	ctx->nr_luns = 0;
}

int context_reopen_after_fork(struct context *ctx)
{
	if (ctx->opener == getpid())
		return 0;
	for (unsigned i = 0; i < ctx->nr_luns; i++) {
		int rc;

		ctx->ops->close(ctx->dp[i]);
		ctx->dp[i] = NULL;
		rc = ctx->ops->open(ctx->names[i], ctx->explainer.explain, ctx->explainer.arg,
				    &ctx->dp[i]);
		if (rc)
			return rc;
	}
	ctx->opener = getpid();
	return 0;
}
