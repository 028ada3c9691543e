/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of fd2, the adapter fd. APP_CLOSE_ADAP_FD is a flag that ATTACH returns; drivers older
 * than the flag close fd2 themselves, and a second close could close an unrelated descriptor.
 *
 *   event                    | with APP_CLOSE_ADAP_FD         | without it
 *   -------------------------|--------------------------------|---------------------------------
 *   first ATTACH             | keep fd2, map it               | same
 *   ATTACH with REUSE        | none returned; keep the one    | same
 *   DETACH, not the last LUN | keep                           | keep
 *   DETACH of the last LUN   | detach, unmap, close fd2       | unmap, detach; driver closes it
 *   RECOVER_AFU, renewed     | unmap old, close old, map new  | unmap old, map new
 *   RECOVER_AFU, healthy     | keep                           | keep
 *   child after fork         | unmap inherited; close the     | unmap inherited; close it unless
 *                            | inherited fd2 after the clone, | VLUN_CLONE has
 *                            | or at once if none is made     |
 *   proxy, see dead_owner.h  | as its owner                   | not supported
 *   anything else            | never close: the last close destroys the context and its vLUNs
 */
#include "superpipe/context.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "superpipe/dead_owner.h"
#include "wire/sisl.h"

#define ATTACH_TRIES      3
#define ATTACH_RECOVERIES 20
#define DETACH_TRIES      100

/* ---- attach ---- */

/* Returns -ERANGE for sizes that no LUN can have. */
static int derive_lun_info(const struct dk_attach *attach, struct superpipe_lun_info *info)
{
	uint64_t nr_blocks, nr_bytes;

	if ((attach->block_size != 512 && attach->block_size != SUPERPIPE_LBA_BYTES) ||
	    __builtin_add_overflow(attach->last_lba, 1, &nr_blocks) ||
	    __builtin_mul_overflow(nr_blocks, attach->block_size, &nr_bytes))
		return -ERANGE;
	info->block_bytes = (uint32_t)attach->block_size;
	info->chunk_lbas = SISL_CHUNK_DEV_BLOCKS / (SUPERPIPE_LBA_BYTES / info->block_bytes);
	info->nr_chunks = nr_blocks >> SISL_CHUNK_SHIFT;
	info->nr_lbas = nr_bytes / SUPERPIPE_LBA_BYTES;
	info->max_xfer_lbas = 1;
	/* A transfer length has to fit the 32 bits of an IOARCB. */
	if (attach->max_xfer > SUPERPIPE_LBA_BYTES / info->block_bytes &&
	    attach->max_xfer <= UINT32_MAX / info->block_bytes)
		info->max_xfer_lbas =
			(uint32_t)(attach->max_xfer * info->block_bytes / SUPERPIPE_LBA_BYTES);
	return 0;
}

static int explain_attach(const struct context *ctx, unsigned lun, int rc)
{
	const struct explainer *to = &ctx->explainer;
	const char *name = ctx->names[lun];

	switch (rc) {
	case -EINVAL:
		if (lun)
			return explain_error(to, rc,
					     "%s: not on the same adapter as %s, the same "
					     "LUN, or not in superpipe mode",
					     name, ctx->names[0]);
		return explain_error(to, rc,
				     "%s: the driver refuses to attach; is the LUN in "
				     "superpipe mode?",
				     name);
	case -ENODEV:
		return explain_error(to, rc,
				     "%s: the adapter has failed, or all its contexts are "
				     "in use",
				     name);
	case -ERANGE:
		return explain_error(to, rc, "%s: its block size or its capacity cannot be used",
				     name);
	case -ENOTTY:
		return explain_error(to, rc, "%s: not a LUN of a CXL Flash adapter", name);
	default:
		return explain_error(to, rc, "%s: attach failed: %s", name, strerror(-rc));
	}
}

/* A logical partition has one interrupt fewer, and the driver returns EINVAL for the maximum. */
static int attach_new(struct context *ctx, struct dk_attach *attach)
{
	int rc = -EINVAL;

	for (unsigned nr_irqs = DK_MAX_INTERRUPTS; nr_irqs >= DK_MAX_INTERRUPTS - 1; nr_irqs--) {
		for (unsigned i = 0; i < ATTACH_TRIES; i++) {
			*attach = (struct dk_attach){ .hdr.flags = O_RDWR,
						      .num_interrupts = nr_irqs };
			rc = ctx->ops->ioctl(ctx->dp[0], DK_IOCTL_ATTACH, attach);
			if (rc != -EAGAIN && rc != -EINTR)
				break;
		}
		if (rc != -EINVAL)
			break;
	}
	return rc;
}

static int attach_first(struct context *ctx)
{
	struct dk_attach attach;
	int rc = attach_new(ctx, &attach);

	if (rc)
		return rc;
	ctx->id = attach.context_id;
	ctx->generation++;
	ctx->attached = 1;
	ctx->adap_fd = (int)attach.adap_fd;
	ctx->app_closes_fd = (attach.hdr.return_flags & DK_RF_APP_CLOSE_ADAP_FD) != 0;
	ctx->sq_mode = (attach.hdr.return_flags & DK_RF_CONTEXT_SQ_CMD_MODE) != 0;
	ctx->mmio_bytes = attach.mmio_size;
	return derive_lun_info(&attach, &ctx->luns[0]);
}

static int recover_locked(struct context *ctx, bool *ret_renewed);

/* If a reset has removed the context, the driver returns EINVAL until it is recovered. */
static int attach_further(struct context *ctx, unsigned lun)
{
	struct dk_attach attach;
	bool renewed;
	int rc;

	for (unsigned i = 0; i < ATTACH_RECOVERIES; i++) {
		attach = (struct dk_attach){ .hdr.flags = O_RDWR | DK_AF_REUSE_CONTEXT,
					     .num_interrupts = DK_MAX_INTERRUPTS - 1,
					     .context_id = ctx->id };
		rc = ctx->ops->ioctl(ctx->dp[lun], DK_IOCTL_ATTACH, &attach);
		if (rc == -EINTR || rc == -EAGAIN)
			continue;
		if (rc != -EINVAL || recover_locked(ctx, &renewed) || !renewed)
			break;
	}
	if (rc)
		return rc;
	ctx->attached |= 1u << lun;
	return derive_lun_info(&attach, &ctx->luns[lun]);
}

static int map_locked(struct context *ctx)
{
	return ctx->ops->map(ctx->dp[0], ctx->adap_fd, (size_t)ctx->mmio_bytes, &ctx->mmio);
}

/* The driver returns EIO if the context was lost after the attach. */
static int map_first(struct context *ctx)
{
	int rc = map_locked(ctx);
	bool renewed;

	for (unsigned i = 0; rc == -EIO && i < ATTACH_RECOVERIES; i++) {
		rc = recover_locked(ctx, &renewed);
		if (!rc)
			rc = map_locked(ctx);
	}
	return rc ? explain_error(&ctx->explainer, rc,
				  "%s: cannot map the registers of the context: %s", ctx->names[0],
				  strerror(-rc))
		  : 0;
}

static void detach_locked(struct context *ctx);

int context_attach(struct context *ctx)
{
	unsigned lun = 0;
	int rc;

	pthread_mutex_lock(&ctx->lock);
	rc = attach_first(ctx);
	for (lun = 0; !rc && lun + 1 < ctx->nr_luns; lun++)
		rc = attach_further(ctx, lun + 1);
	rc = rc ? explain_attach(ctx, lun, rc) : map_first(ctx);
	if (rc)
		detach_locked(ctx);
	pthread_mutex_unlock(&ctx->lock);
	return rc;
}

/* ---- detach ---- */

static void unmap_locked(struct context *ctx)
{
	ctx->ops->unmap(ctx->mmio);
	ctx->mmio = NULL;
}

static void detach_luns(struct context *ctx)
{
	for (unsigned lun = ctx->nr_luns; lun-- > 0;) {
		struct dk_detach detach = { .context_id = ctx->id };
		int rc = -EINTR;

		if (!(ctx->attached & 1u << lun))
			continue;
		for (unsigned i = 0; rc == -EINTR && i < DETACH_TRIES; i++)
			rc = ctx->ops->ioctl(ctx->dp[lun], DK_IOCTL_DETACH, &detach);
		if (rc)
			log_debug(LOGC_SUPERPIPE, "%s: detach: %s", ctx->names[lun], strerror(-rc));
		ctx->attached &= ~(1u << lun);
	}
}

static void detach_locked(struct context *ctx)
{
	if (ctx->adap_fd < 0)
		return;
	if (!ctx->app_closes_fd)
		unmap_locked(ctx);
	detach_luns(ctx);
	unmap_locked(ctx);
	if (ctx->app_closes_fd)
		(void)ctx->ops->close_adap_fd(ctx->dp[0], ctx->adap_fd);
	ctx->adap_fd = -1;
}

void context_detach(struct context *ctx)
{
	pthread_mutex_lock(&ctx->lock);
	detach_locked(ctx);
	pthread_mutex_unlock(&ctx->lock);
}

/* ---- recover ---- */

static int begin_locked(struct context *ctx)
{
	const struct superpipe_context context = {
		.source = { .context_id = ctx->id,
			    .adap_fd = ctx->adap_fd,
			    .nr_handles = SUPERPIPE_HANDLES_UNKNOWN },
		.fd = ctx->adap_fd,
	};

	if (!ctx->send_context)
		return 0;
	return ctx->adap_fd < 0 ? -EIO
				: ctx->send_context(ctx->send_context_arg, ctx->lun, &context);
}

/* Sends it first: if this process dies while it alone has the new fd2, the vLUNs are lost. */
static void replace_locked(struct context *ctx, const struct dk_recover_afu *recover)
{
	int old_fd = ctx->adap_fd;

	ctx->id = recover->context_id;
	ctx->adap_fd = (int)recover->adap_fd;
	ctx->mmio_bytes = recover->mmio_size;
	/* A reset may load other microcode. */
	ctx->sq_mode = (recover->hdr.return_flags & DK_RF_CONTEXT_SQ_CMD_MODE) != 0;
	ctx->generation++;
	if (ctx->app_closes_fd)
		(void)begin_locked(ctx);
	unmap_locked(ctx);
	if (ctx->app_closes_fd)
		(void)ctx->ops->close_adap_fd(ctx->dp[0], old_fd);
}

static int recover_locked(struct context *ctx, bool *ret_renewed)
{
	struct dk_recover_afu recover = { .context_id = ctx->id };
	int rc = ctx->ops->ioctl(ctx->dp[0], DK_IOCTL_RECOVER_AFU, &recover);

	if (rc)
		return rc;
	*ret_renewed = (recover.hdr.return_flags & DK_RF_CONTEXT_RESET) != 0;
	if (*ret_renewed)
		replace_locked(ctx, &recover);
	return 0;
}

int context_renew(struct context *ctx, bool *ret_renewed)
{
	int rc;

	pthread_mutex_lock(&ctx->lock);
	rc = recover_locked(ctx, ret_renewed);
	pthread_mutex_unlock(&ctx->lock);
	return rc;
}

int context_recover(struct context *ctx, bool *ret_renewed)
{
	bool renewed = false;
	int rc;

	pthread_mutex_lock(&ctx->lock);
	rc = recover_locked(ctx, &renewed);
	/* The previous call renewed the context and could not map it. */
	if (!rc && !ctx->mmio) {
		renewed = true;
		rc = map_locked(ctx);
	}
	pthread_mutex_unlock(&ctx->lock);
	if (!rc)
		*ret_renewed = renewed;
	return rc;
}

/* ---- ioctls and state ---- */

int context_ioctl(struct context *ctx, unsigned long request, void *arg, uint64_t *id,
		  uint64_t *ret_generation)
{
	struct dk_hdr *hdr = arg;
	int rc;

	pthread_mutex_lock(&ctx->lock);
	if (ret_generation)
		*ret_generation = ctx->generation;
	*id = ctx->id;
	hdr->return_flags = 0; /* the driver rejects its own flags of an earlier try */
	rc = ctx->ops->ioctl(ctx->dp[0], request, arg);
	pthread_mutex_unlock(&ctx->lock);
	return rc;
}

bool context_is_lost(struct context *ctx)
{
	bool lost;

	pthread_mutex_lock(&ctx->lock);
	lost = ctx->mmio && ctx->ops->read64(ctx->mmio, SISL_INTR_STATUS) == SISL_ALL_ONES;
	pthread_mutex_unlock(&ctx->lock);
	return lost;
}

uint64_t context_generation(struct context *ctx)
{
	uint64_t generation;

	pthread_mutex_lock(&ctx->lock);
	generation = ctx->generation;
	pthread_mutex_unlock(&ctx->lock);
	return generation;
}

int context_send(struct context *ctx)
{
	int rc;

	pthread_mutex_lock(&ctx->lock);
	rc = begin_locked(ctx);
	pthread_mutex_unlock(&ctx->lock);
	return rc;
}

void context_adopt(struct context *ctx, uint64_t id, int adap_fd)
{
	ctx->id = id;
	ctx->adap_fd = adap_fd;
	ctx->app_closes_fd = true;
	ctx->attached = 1;
}

/* Takes no lock: a thread of the parent may have held it at the fork. */
void context_drop_after_fork(struct context *ctx)
{
	unmap_locked(ctx);
	ctx->attached = 0;
}

void context_close_inherited_fd(struct context *ctx, bool driver_closed)
{
	if (ctx->adap_fd >= 0 && !driver_closed)
		(void)ctx->ops->close_adap_fd(ctx->dp[0], ctx->adap_fd);
	ctx->adap_fd = -1;
}
