/* SPDX-License-Identifier: Apache-2.0 */
/* ATTACH, DETACH and RECOVER_AFU. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "emul/driver/driver.h"
#include "emul/driver/fd2.h"
#include "emul/driver/process.h"

/* Limits of one request of the driver's SCSI host. */
#define MAX_SECTORS      32768u
#define SECTOR_BYTES     512u
#define RECOVER_RETRIES  20
#define RECOVER_PAUSE_MS 100

/* ---- ATTACH ---- */

static int attach_reuse(struct emul_call *call, struct dk_attach *arg, struct emul_ctx **ret_ctx)
{
	struct emul_ctx *ctx =
		emul_ctx_get_locked(call->ad, arg->context_id, EMUL_ANY_LUN, EMUL_CTX_LIVE);

	if (!ctx)
		return -EINVAL;
	if (emul_ctx_holds(ctx, call->lun)) {
		emul_ctx_put_locked(call->ad, ctx);
		return -EINVAL;
	}
	emul_ctx_add_lun(ctx, call->lun);
	ctx->refs++;
	*ret_ctx = ctx;
	return 0;
}

static int attach_new(struct emul_call *call, const struct dk_attach *arg,
		      struct emul_ctx **ret_ctx, int *ret_fd)
{
	struct emul_ctx *ctx;
	unsigned pe;
	int rc;

	if (emul_is_frozen(call->ad))
		return -EIO;
	ctx = emul_ctx_new_locked(call->ad);
	if (!ctx)
		return -ENOMEM;
	rc = emul_pe_new_locked(call->ad, emul_ctx_number(call->ad, ctx), &pe, ret_fd);
	if (rc) {
		emul_ctx_free_locked(call->ad, ctx);
		return rc;
	}
	/* O_RDONLY, O_WRONLY and O_RDWR are 0, 1 and 2; adding 1 gives the permission bits. */
	ctx->perm = (uint32_t)(arg->hdr.flags + 1) & (EMUL_PERM_READ | EMUL_PERM_WRITE);
	ctx->num_interrupts = (uint32_t)arg->num_interrupts;
	ctx->refs = 1;
	emul_ctx_add_lun(ctx, call->lun);
	emul_ctx_connect_locked(call->ad, ctx, pe);
	*ret_ctx = ctx;
	return 0;
}

static void fill_attach(struct emul_call *call, struct dk_attach *arg, const struct emul_ctx *ctx,
			int fd)
{
	const struct emul_geometry *geometry = emul_geometry(call->ad);

	arg->hdr.return_flags = geometry->sq_mode ? DK_RF_CONTEXT_SQ_CMD_MODE : 0;
	if (fd >= 0 && !geometry->legacy_fd)
		arg->hdr.return_flags |= DK_RF_APP_CLOSE_ADAP_FD;
	/* A driver that closes fd2 itself also returns its number for a reused context. */
	if (fd < 0 && geometry->legacy_fd)
		fd = call->ad->shm->pe[ctx->pe].adap_fd;
	arg->adap_fd = (uint64_t)(int64_t)fd;
	arg->context_id = ctx->cookie;
	arg->block_size = geometry->block_bytes;
	arg->mmio_size = SISL_MMIO_BYTES;
	arg->last_lba = emul_call_lun(call)->max_lba;
	arg->max_xfer = MAX_SECTORS * SECTOR_BYTES / geometry->block_bytes;
}

int emul_do_attach(struct emul_call *call, struct dk_attach *arg)
{
	struct emul_ctx *ctx;
	int fd = -1, rc;

	if (arg->num_interrupts > DK_MAX_INTERRUPTS)
		return -EINVAL;
	if (!emul_call_lun(call)->max_lba && emul_read_capacity(call))
		return -ENODEV;
	if (arg->hdr.flags & DK_AF_REUSE_CONTEXT)
		rc = attach_reuse(call, arg, &ctx);
	else
		rc = attach_new(call, arg, &ctx, &fd);
	if (rc)
		return rc;
	fill_attach(call, arg, ctx, fd);
	emul_ctx_put_locked(call->ad, ctx);
	return 0;
}

/* ---- DETACH ---- */

bool emul_detach_lun_locked(struct emul_call *call, struct emul_ctx *ctx, unsigned lun)
{
	struct emul_res res;

	for (uint32_t i = 0; i < emul_geometry(call->ad)->nr_handles; i++)
		if (emul_res_find(call->ad, ctx, i, lun, &res))
			(void)emul_release(call, ctx, lun, i);
	emul_ctx_drop_lun(ctx, lun);
	if (--ctx->refs)
		return false;
	emul_ctx_free_locked(call->ad, ctx);
	return true;
}

int emul_do_detach(struct emul_call *call, struct dk_detach *arg)
{
	struct emul_adapter *ad = call->ad;
	struct emul_ctx *ctx =
		emul_ctx_get_locked(ad, arg->context_id, (int)call->lun, EMUL_CTX_ERROR_LIST_TOO);
	unsigned pe;
	int fd;

	if (!ctx)
		return -EINVAL;
	pe = ctx->pe;
	fd = ad->shm->pe[pe].adap_fd;
	if (!emul_detach_lun_locked(call, ctx, call->lun)) {
		emul_ctx_put_locked(ad, ctx);
		return 0;
	}
	ad->shm->pe[pe].awaits_close = 1;
	/* Running commands may still use a handle whose chunks are now free: wait for them. */
	emul_unlock(ad);
	emul_afu_sync(ad->afu, pe, EMUL_SYNC_HEAVY);
	emul_lock(ad);
	if (emul_geometry(ad)->legacy_fd)
		emul_pe_driver_close_locked(ad, pe, fd);
	return 0;
}

void emul_detach_all_locked(struct emul_adapter *ad, struct emul_ctx *ctx)
{
	struct emul_call call = {
		.ad = ad, .running = -1, .no_sync = true, .max_growth = UINT64_MAX
	};

	/* Prevents a second release if the lock is dropped meanwhile. */
	ctx->busy = 1;
	ctx->busy_pid = (uint32_t)getpid();
	ctx->busy_start = emul_self_start(ad);
	for (unsigned lun = 0; lun < EMUL_MAX_RECORDS; lun++)
		if (emul_ctx_holds(ctx, lun) && emul_detach_lun_locked(&call, ctx, lun))
			return;
	emul_ctx_free_locked(ad, ctx);
}

/* ---- RECOVER_AFU ---- */

/** Waits until no other recovery runs. While it waits, the call does not delay a reset. */
static int begin_recovery(struct emul_call *call)
{
	struct emul_driver *driver = &call->ad->shm->driver;
	int rc = 0;

	driver->recoverers++;
	while (!rc && driver->recovering_pid) {
		if (!process_alive(driver->recovering_pid, driver->recovering_start)) {
			driver->recovering_pid = 0;
			driver->recoverers--;
			break;
		}
		emul_running_leave_locked(call);
		rc = emul_wait_locked(call->ad, RECOVER_PAUSE_MS);
	}
	if (call->running < 0)
		emul_running_enter_locked(call);
	if (rc) {
		driver->recoverers--;
		return rc;
	}
	driver->recovering_pid = (uint32_t)getpid();
	driver->recovering_start = emul_self_start(call->ad);
	return 0;
}

static void end_recovery(struct emul_call *call)
{
	struct emul_driver *driver = &call->ad->shm->driver;

	driver->recovering_pid = 0;
	driver->recoverers--;
	emul_wake(call->ad);
}

/** Waits for a free PE: one may become free when another program closes an old fd2. */
static int new_pe_for(struct emul_call *call, struct emul_ctx *ctx, unsigned *ret_pe, int *ret_fd)
{
	struct emul_adapter *ad = call->ad;
	int rc, left = RECOVER_RETRIES;

	while ((rc = emul_pe_new_locked(ad, emul_ctx_number(ad, ctx), ret_pe, ret_fd)) == -ENODEV) {
		if (ad->shm->driver.recoverers <= 1 && !left--)
			break;
		if (emul_wait_locked(ad, RECOVER_PAUSE_MS))
			return -EINTR;
		emul_pe_reap_locked(ad);
	}
	return rc;
}

/*
 * A program must close the old fd2 after a recovery; the next recovery reports an open one. Another
 * process that was given a copy may take longer.
 */
static void audit_previous_fd2(struct emul_adapter *ad, struct emul_ctx *ctx)
{
	struct emul_pe *pe;

	if (!ctx->prev_pe || emul_geometry(ad)->legacy_fd)
		return;
	pe = &ad->shm->pe[ctx->prev_pe - 1];
	if (atomic_load(&pe->flags) & EMUL_PE_USED &&
	    atomic_load(&pe->generation) == ctx->prev_generation && !pe->owner_dropped &&
	    process_alive(atomic_load(&pe->owner), pe->owner_start))
		emul_audit_note(ad, EMUL_FD2_LEFT_OPEN, (int)ctx->prev_pe - 1, ctx->owner);
}

static int recover_context(struct emul_call *call, struct emul_ctx *ctx, struct dk_recover_afu *arg)
{
	struct emul_adapter *ad = call->ad;
	const struct emul_geometry *geometry = emul_geometry(ad);
	unsigned old = ctx->pe, pe;
	int fd, rc;

	audit_previous_fd2(ad, ctx);
	rc = new_pe_for(call, ctx, &pe, &fd);
	if (rc)
		return rc;
	/* Commands of the old PE must not reach the media once the handles are valid again. */
	emul_unlock(ad);
	emul_afu_sync(ad->afu, old, EMUL_SYNC_HEAVY);
	emul_lock(ad);
	ad->shm->pe[old].awaits_close = 1;
	ctx->prev_pe = old + 1;
	ctx->prev_generation = ctx->generation;
	emul_ctx_connect_locked(ad, ctx, pe);
	ad->shm->driver.nr_recoveries++;
	if (geometry->legacy_fd)
		emul_pe_driver_close_locked(ad, old, ad->shm->pe[old].adap_fd);
	arg->hdr.return_flags = DK_RF_CONTEXT_RESET;
	if (!geometry->legacy_fd)
		arg->hdr.return_flags |= DK_RF_APP_CLOSE_ADAP_FD;
	if (geometry->sq_mode)
		arg->hdr.return_flags |= DK_RF_CONTEXT_SQ_CMD_MODE;
	arg->context_id = ctx->cookie;
	arg->mmio_size = SISL_MMIO_BYTES;
	arg->adap_fd = (uint64_t)fd;
	return 0;
}

static int recover_alone(struct emul_call *call, struct dk_recover_afu *arg)
{
	struct emul_ctx *ctx;
	int rc = 0;

	if (emul_check_state_locked(call))
		return -ENODEV;
	if (emul_detect_freeze_locked(call))
		return -ENODEV;
	ctx = emul_ctx_get_locked(call->ad, arg->context_id, (int)call->lun,
				  EMUL_CTX_ERROR_LIST_TOO);
	if (!ctx)
		return -EINVAL;
	if (ctx->on_error_list)
		rc = recover_context(call, ctx, arg);
	emul_ctx_put_locked(call->ad, ctx);
	return rc;
}

int emul_do_recover(struct emul_call *call, struct dk_recover_afu *arg)
{
	int rc = begin_recovery(call);

	if (rc)
		return rc;
	rc = recover_alone(call, arg);
	end_recovery(call);
	return rc;
}
