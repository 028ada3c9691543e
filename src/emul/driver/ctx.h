/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctx - the driver's context table, and the resource handles of a context.
 *
 * A context record is found through its PE or, while it is on the error list, by its cookie. From
 * emul_ctx_get_locked() to emul_ctx_put_locked() a record belongs to one ioctl, even while that
 * ioctl drops the adapter lock for an AFU sync. All functions need the adapter lock.
 */
#ifndef CXLFS_EMUL_DRIVER_CTX_H
#define CXLFS_EMUL_DRIVER_CTX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "emul/adapter.h"
#include "emul/store/layout.h"

#define EMUL_ANY_LUN (-1)

enum emul_ctx_lookup {
	EMUL_CTX_LIVE = 0,           /* only contexts that are not on the error list */
	EMUL_CTX_ERROR_LIST_TOO = 1, /* search the error list as well */
	EMUL_CTX_OF_PARENT = 2,      /* the caller's parent owns it (clone source) */
};

static inline struct emul_ctx *emul_ctx_at(struct emul_adapter *ad, unsigned ctx)
{
	return emul_shm_ctx(ad->shm, ctx);
}

unsigned emul_ctx_number(struct emul_adapter *ad, const struct emul_ctx *ctx);

/**
 * emul_ctx_get_locked() - find a context by its cookie and mark it busy
 * @lun:  number of the LUN record it must hold, or EMUL_ANY_LUN
 * @how:  enum emul_ctx_lookup bits
 * May drop the lock and wait for another ioctl. Audits an attempt on another process's context.
 * Return: the record, for emul_ctx_put_locked(); NULL when the driver would return EINVAL.
 */
struct emul_ctx *emul_ctx_get_locked(struct emul_adapter *ad, uint64_t cookie, int lun, int how);

/** emul_ctx_put_locked() - end its use by this ioctl. Accepts NULL and a freed record. */
void emul_ctx_put_locked(struct emul_adapter *ad, struct emul_ctx *ctx);

/** emul_ctx_by_pe() - find the record of an fd2, even on the error list; or NULL */
struct emul_ctx *emul_ctx_by_pe(struct emul_adapter *ad, unsigned pe, uint64_t generation);

/** emul_ctx_new_locked() - make a busy record with an empty RHT; NULL: none is free */
struct emul_ctx *emul_ctx_new_locked(struct emul_adapter *ad);

/** emul_ctx_free_locked() - free a record and disconnect its PE */
void emul_ctx_free_locked(struct emul_adapter *ad, struct emul_ctx *ctx);

/** emul_ctx_connect_locked() - connect a record to a PE, which gives it a new cookie */
void emul_ctx_connect_locked(struct emul_adapter *ad, struct emul_ctx *ctx, unsigned pe);

/* ---- LUNs of a context ---- */

static inline bool emul_ctx_holds(const struct emul_ctx *ctx, unsigned lun)
{
	return ctx->luns[lun / 64] >> lun % 64 & 1;
}

void emul_ctx_add_lun(struct emul_ctx *ctx, unsigned lun);
void emul_ctx_drop_lun(struct emul_ctx *ctx, unsigned lun);
unsigned emul_ctx_nr_luns(const struct emul_ctx *ctx);

/* ---- resource handles ---- */

/** One resource handle of a busy context. */
struct emul_res {
	struct emul_ctx *ctx;
	uint32_t number;
	struct emul_rht *rht;
	struct emul_handle *handle;
};

/** emul_res_find() - find handle @number; false if it is not open on @lun */
bool emul_res_find(struct emul_adapter *ad, struct emul_ctx *ctx, uint64_t number, unsigned lun,
		   struct emul_res *ret_res);

/** emul_res_at() - handle @number, open or free */
void emul_res_at(struct emul_adapter *ad, struct emul_ctx *ctx, uint32_t number,
		 struct emul_res *ret_res);

/** emul_res_checkout() - take the lowest free handle for @lun; false when all are open */
bool emul_res_checkout(struct emul_adapter *ad, struct emul_ctx *ctx, unsigned lun,
		       struct emul_res *ret_res);

/** emul_res_checkin() - free a handle, but not its LXT */
void emul_res_checkin(struct emul_res *res);

/** emul_res_nr_open() - return number of open handles of a context */
uint32_t emul_res_nr_open(struct emul_adapter *ad, struct emul_ctx *ctx);

#endif
