/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/driver/ctx.h"

#include <string.h>
#include <unistd.h>

#include "emul/driver/fd2.h"
#include "emul/driver/process.h"
#include "emul/store/store.h"

/* How often to check whether the process that keeps a context busy has died. */
#define BUSY_POLL_MS 100

unsigned emul_ctx_number(struct emul_adapter *ad, const struct emul_ctx *ctx)
{
	return (unsigned)(ctx - emul_shm_ctx(ad->shm, 0));
}

/* ---- lookup ---- */

static struct emul_ctx *find_live(struct emul_adapter *ad, uint64_t cookie)
{
	uint32_t pe = (uint32_t)cookie;
	struct emul_ctx *ctx;

	if (!ad->shm->pe[pe].ctx)
		return NULL;
	ctx = emul_ctx_at(ad, ad->shm->pe[pe].ctx - 1);
	return ctx->used && !ctx->on_error_list && ctx->cookie == cookie ? ctx : NULL;
}

static struct emul_ctx *find_on_error_list(struct emul_adapter *ad, uint64_t cookie)
{
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++) {
		struct emul_ctx *ctx = emul_ctx_at(ad, i);

		if (ctx->used && ctx->on_error_list && ctx->cookie == cookie)
			return ctx;
	}
	return NULL;
}

static struct emul_ctx *find(struct emul_adapter *ad, uint64_t cookie, int how)
{
	struct emul_ctx *ctx;

	if ((uint32_t)cookie >= EMUL_MAX_PES)
		return NULL;
	ctx = find_live(ad, cookie);
	if (!ctx && how & EMUL_CTX_ERROR_LIST_TOO)
		ctx = find_on_error_list(ad, cookie);
	return ctx;
}

static bool is_busy(struct emul_ctx *ctx)
{
	if (ctx->busy && !process_alive(ctx->busy_pid, ctx->busy_start)) {
		ctx->busy = 0;
		ctx->unavailable = 0;
	}
	return ctx->busy;
}

static void mark_busy(struct emul_adapter *ad, struct emul_ctx *ctx)
{
	ctx->busy = 1;
	ctx->busy_pid = (uint32_t)getpid();
	ctx->busy_start = emul_self_start(ad);
}

struct emul_ctx *emul_ctx_get_locked(struct emul_adapter *ad, uint64_t cookie, int lun, int how)
{
	uint32_t owner = (uint32_t)(how & EMUL_CTX_OF_PARENT ? getppid() : getpid());
	struct emul_ctx *ctx;

	while ((ctx = find(ad, cookie, how)) && is_busy(ctx) && !ctx->unavailable)
		(void)emul_wait_locked(ad, BUSY_POLL_MS);
	if (!ctx || ctx->unavailable)
		return NULL;
	if (ctx->owner != owner) {
		emul_audit_note(ad, EMUL_FOREIGN_IOCTL, (int)(uint32_t)cookie, ctx->owner);
		return NULL;
	}
	if (lun != EMUL_ANY_LUN && !emul_ctx_holds(ctx, (unsigned)lun))
		return NULL;
	mark_busy(ad, ctx);
	return ctx;
}

void emul_ctx_put_locked(struct emul_adapter *ad, struct emul_ctx *ctx)
{
	if (!ctx || !ctx->busy)
		return;
	ctx->busy = 0;
	emul_wake(ad);
}

struct emul_ctx *emul_ctx_by_pe(struct emul_adapter *ad, unsigned pe, uint64_t generation)
{
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++) {
		struct emul_ctx *ctx = emul_ctx_at(ad, i);

		if (ctx->used && ctx->pe == pe && ctx->generation == generation)
			return ctx;
	}
	return NULL;
}

/* ---- creation and removal ---- */

static struct emul_ctx *free_record(struct emul_adapter *ad)
{
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++)
		if (!emul_ctx_at(ad, i)->used)
			return emul_ctx_at(ad, i);
	return NULL;
}

struct emul_ctx *emul_ctx_new_locked(struct emul_adapter *ad)
{
	struct emul_shm *shm = ad->shm;
	struct emul_ctx *ctx = free_record(ad);
	uint64_t nr_handles = emul_geometry(ad)->nr_handles;
	unsigned number;

	if (!ctx)
		return NULL;
	number = emul_ctx_number(ad, ctx);
	if (emul_store_reserve(ad->file_fd, emul_shm_rht_offset(shm, number),
			       nr_handles * sizeof(struct emul_rht)) ||
	    emul_store_reserve(ad->file_fd, emul_shm_handle_offset(shm, number),
			       nr_handles * sizeof(struct emul_handle)))
		return NULL;
	memset(emul_shm_rht(shm, number, 0), 0, nr_handles * sizeof(struct emul_rht));
	memset(emul_shm_handle(shm, number, 0), 0, nr_handles * sizeof(struct emul_handle));
	memset(ctx, 0, sizeof(*ctx));
	ctx->owner = (uint32_t)getpid();
	mark_busy(ad, ctx);
	ctx->used = 1;
	return ctx;
}

void emul_ctx_free_locked(struct emul_adapter *ad, struct emul_ctx *ctx)
{
	struct emul_pe *pe = &ad->shm->pe[ctx->pe];

	if (pe->ctx == emul_ctx_number(ad, ctx) + 1)
		emul_pe_disconnect_locked(ad, ctx->pe);
	memset(ctx, 0, sizeof(*ctx));
	emul_wake(ad);
}

/** Upper half of a cookie: the real driver puts bits 4 to 35 of a kernel address there. */
static uint64_t cookie_high(struct emul_adapter *ad, const struct emul_ctx *ctx)
{
	return (ad->shm->head.cookie_high + ctx->serial * 64) & UINT32_MAX;
}

void emul_ctx_connect_locked(struct emul_adapter *ad, struct emul_ctx *ctx, unsigned number)
{
	struct emul_pe *pe = &ad->shm->pe[number];

	if (!ctx->serial)
		ctx->serial = pe->generation;
	ctx->cookie = cookie_high(ad, ctx) << 32 | number;
	ctx->pe = number;
	ctx->generation = pe->generation;
	ctx->on_error_list = 0;
	pe->ctx = emul_ctx_number(ad, ctx) + 1;
	atomic_store(&pe->rht_count, emul_geometry(ad)->nr_handles);
	atomic_store(&pe->rht, emul_shm_rht_offset(ad->shm, emul_ctx_number(ad, ctx)));
	atomic_store(&pe->capability, EMUL_PERM_READ | EMUL_PERM_WRITE);
}

/* ---- LUNs ---- */

void emul_ctx_add_lun(struct emul_ctx *ctx, unsigned lun)
{
	ctx->luns[lun / 64] |= 1ull << lun % 64;
}

void emul_ctx_drop_lun(struct emul_ctx *ctx, unsigned lun)
{
	ctx->luns[lun / 64] &= ~(1ull << lun % 64);
}

unsigned emul_ctx_nr_luns(const struct emul_ctx *ctx)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < EMUL_MAX_RECORDS / 64; i++)
		nr += (unsigned)__builtin_popcountll(ctx->luns[i]);
	return nr;
}

/* ---- resource handles ---- */

void emul_res_at(struct emul_adapter *ad, struct emul_ctx *ctx, uint32_t number,
		 struct emul_res *ret_res)
{
	unsigned record = emul_ctx_number(ad, ctx);

	*ret_res = (struct emul_res){
		.ctx = ctx,
		.number = number,
		.rht = emul_shm_rht(ad->shm, record, number),
		.handle = emul_shm_handle(ad->shm, record, number),
	};
}

bool emul_res_find(struct emul_adapter *ad, struct emul_ctx *ctx, uint64_t number, unsigned lun,
		   struct emul_res *ret_res)
{
	struct emul_res res;

	/* The driver ignores the upper 32 bits of a handle. */
	if ((uint32_t)number >= emul_geometry(ad)->nr_handles)
		return false;
	emul_res_at(ad, ctx, (uint32_t)number, &res);
	if (res.handle->lun != lun + 1 || !atomic_load(&res.rht->nmask))
		return false;
	*ret_res = res;
	return true;
}

bool emul_res_checkout(struct emul_adapter *ad, struct emul_ctx *ctx, unsigned lun,
		       struct emul_res *ret_res)
{
	for (uint32_t i = ctx->first_free; i < emul_geometry(ad)->nr_handles; i++) {
		emul_res_at(ad, ctx, i, ret_res);
		ctx->first_free = i;
		if (atomic_load(&ret_res->rht->nmask))
			continue;
		ret_res->handle->lun = (uint8_t)(lun + 1);
		return true;
	}
	return false;
}

void emul_res_checkin(struct emul_res *res)
{
	atomic_store(&res->rht->nmask, 0);
	atomic_store(&res->rht->fp, 0);
	res->handle->lun = 0;
	res->handle->write_same = 0;
	if (res->number < res->ctx->first_free)
		res->ctx->first_free = res->number;
}

uint32_t emul_res_nr_open(struct emul_adapter *ad, struct emul_ctx *ctx)
{
	struct emul_rht *rht = emul_shm_rht(ad->shm, emul_ctx_number(ad, ctx), 0);
	uint32_t nr = 0;

	for (uint32_t i = 0; i < emul_geometry(ad)->nr_handles; i++)
		nr += !!atomic_load(&rht[i].nmask);
	return nr;
}
