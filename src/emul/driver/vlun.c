/* SPDX-License-Identifier: Apache-2.0 */
/*
 * USER_DIRECT, USER_VIRTUAL, VLUN_RESIZE and RELEASE.
 *
 * The AFU reads the tables without a lock, and a process may die at any point. So growth sets
 * pointer, entries, owned and count in this order; shrinking sets the count, syncs, and then
 * decrements owned for each chunk. A replaced or dropped LXT is freed only after a heavy sync.
 */
#include <errno.h>

#include "emul/driver/driver.h"
#include "emul/store/chunk.h"
#include "emul/store/heap.h"

uint64_t emul_last_lba(const struct emul_adapter *ad, uint64_t nr_chunks)
{
	uint64_t bytes = nr_chunks * SISL_CHUNK_DEV_BLOCKS * emul_geometry(ad)->block_bytes;

	return bytes / SISL_LBA_BYTES - 1;
}

/** Chunks for @req_size 4 KiB blocks; the product overflows as in the real driver. */
static uint64_t chunks_for(const struct emul_adapter *ad, uint64_t req_size)
{
	uint64_t blocks = req_size * SISL_LBA_BYTES / emul_geometry(ad)->block_bytes;

	return blocks / SISL_CHUNK_DEV_BLOCKS + !!(blocks % SISL_CHUNK_DEV_BLOCKS);
}

/* ---- growing ---- */

/** Makes room for @wanted entries; *@ret_old is the replaced table, which the caller frees, or 0.
 */
static int extend_lxt(struct emul_adapter *ad, struct emul_res *res, uint64_t wanted,
		      uint64_t *ret_old)
{
	uint64_t old = atomic_load(&res->rht->lxt), lxt;

	*ret_old = 0;
	if (emul_heap_room(ad->shm, old) >= wanted)
		return 0;
	lxt = emul_heap_alloc(ad->shm, ad->file_fd, wanted);
	if (!lxt)
		return -ENOMEM;
	for (uint64_t i = 0; i < res->handle->owned; i++)
		atomic_store_explicit(&emul_shm_lxt(ad->shm, lxt)[i],
				      atomic_load(&emul_shm_lxt(ad->shm, old)[i]),
				      memory_order_relaxed);
	atomic_store_explicit(&res->rht->lxt, lxt, memory_order_release);
	*ret_old = old;
	return 0;
}

static void append_chunks(struct emul_adapter *ad, struct emul_res *res, unsigned lun,
			  uint64_t wanted)
{
	const struct emul_lun *l = &ad->shm->lun[lun];
	_Atomic uint64_t *lxt = emul_shm_lxt(ad->shm, atomic_load(&res->rht->lxt));
	uint64_t chunk;

	while (res->handle->owned < wanted) {
		chunk = emul_chunk_alloc(ad->shm, lun);
		if (chunk == EMUL_NO_CHUNK)
			break;
		atomic_store_explicit(&lxt[res->handle->owned],
				      chunk << SISL_CHUNK_SHIFT | (uint64_t)l->table_index << 8 |
					      (EMUL_PERM_READ | EMUL_PERM_WRITE) << 4 | l->port_sel,
				      memory_order_relaxed);
		res->handle->owned++;
	}
}

static int grow(struct emul_call *call, struct emul_res *res, unsigned lun, uint64_t *nr_chunks)
{
	struct emul_adapter *ad = call->ad;
	uint64_t have = atomic_load(&res->rht->lxt_cnt), old;
	uint64_t room = ad->shm->lun[lun].free_chunks;
	int rc;

	if (room > call->max_growth)
		room = call->max_growth;
	if (!room)
		return -ENOSPC;
	if (*nr_chunks - have > room)
		*nr_chunks = have + room;
	rc = extend_lxt(ad, res, *nr_chunks, &old);
	if (rc)
		return rc;
	append_chunks(ad, res, lun, *nr_chunks);
	atomic_store_explicit(&res->rht->lxt_cnt, (uint32_t)*nr_chunks, memory_order_release);
	/* New entries need a light sync; freeing the old table needs a heavy one. */
	rc = emul_sync(call, res->ctx, res->number, old ? EMUL_SYNC_HEAVY : EMUL_SYNC_LIGHT);
	emul_heap_free(ad->shm, old);
	return rc ? -EAGAIN : 0;
}

/* ---- shrinking ---- */

static void drop_chunks(struct emul_call *call, struct emul_res *res, unsigned lun, uint64_t keep)
{
	struct emul_shm *shm = call->ad->shm;
	_Atomic uint64_t *lxt = emul_shm_lxt(shm, atomic_load(&res->rht->lxt));
	uint64_t chunk;

	while (res->handle->owned > keep) {
		chunk = atomic_load(&lxt[res->handle->owned - 1]) >> SISL_CHUNK_SHIFT;
		if (res->handle->write_same)
			emul_zero_chunk(call, res->ctx, lun, chunk);
		(void)emul_chunk_free(shm, lun, chunk);
		res->handle->owned--;
	}
}

static int shrink(struct emul_call *call, struct emul_res *res, unsigned lun, uint64_t nr_chunks)
{
	uint64_t lxt;
	int rc = 0;

	atomic_store(&res->rht->lxt_cnt, (uint32_t)nr_chunks);
	if (!res->ctx->on_error_list)
		rc = emul_sync(call, res->ctx, res->number, EMUL_SYNC_HEAVY);
	drop_chunks(call, res, lun, nr_chunks);
	if (!nr_chunks) {
		lxt = atomic_exchange(&res->rht->lxt, 0);
		emul_heap_free(call->ad->shm, lxt);
	}
	return rc ? -EAGAIN : 0;
}

/** Resizes a handle to *@nr_chunks, or grows it as far as possible and updates *@nr_chunks. */
static int resize_to(struct emul_call *call, struct emul_res *res, unsigned lun,
		     uint64_t *nr_chunks)
{
	uint64_t have = atomic_load(&res->rht->lxt_cnt);

	if (*nr_chunks > have)
		return grow(call, res, lun, nr_chunks);
	/* It owns more than it counts if a process died while it was shrinking. */
	if (*nr_chunks < have || *nr_chunks < res->handle->owned)
		return shrink(call, res, lun, *nr_chunks);
	return emul_sync(call, res->ctx, res->number, EMUL_SYNC_HEAVY) ? -EAGAIN : 0;
}

int emul_do_resize(struct emul_call *call, struct dk_resize *arg)
{
	uint64_t nr_chunks = chunks_for(call->ad, arg->req_size);
	struct emul_ctx *ctx;
	struct emul_res res;
	int rc = -EINVAL;

	if (emul_call_lun(call)->mode != EMUL_LUN_VIRTUAL)
		return rc;
	ctx = emul_ctx_get_locked(call->ad, arg->context_id, (int)call->lun,
				  EMUL_CTX_ERROR_LIST_TOO);
	if (!ctx)
		return rc;
	if (emul_res_find(call->ad, ctx, arg->rsrc_handle, call->lun, &res))
		rc = resize_to(call, &res, call->lun, &nr_chunks);
	emul_ctx_put_locked(call->ad, ctx);
	if (rc)
		return rc;
	arg->hdr.return_flags = 0;
	arg->last_lba = emul_last_lba(call->ad, nr_chunks);
	return 0;
}

/* ---- USER_VIRTUAL ---- */

/** Initializes the allocator for the first user of a LUN. */
static int prepare_lun(struct emul_call *call)
{
	struct emul_shm *shm = call->ad->shm;
	struct emul_lun *lun = emul_call_lun(call);

	if (lun->mode != EMUL_LUN_NONE)
		return 0;
	if (emul_chunk_reserve(shm, call->ad->file_fd, call->lun, lun->max_lba + 1) ||
	    emul_chunk_init(shm, call->lun, lun->max_lba + 1))
		return -ENOMEM;
	return 0;
}

static void clear_handle(struct emul_call *call, struct emul_res *res, unsigned lun)
{
	atomic_store(&res->rht->lxt_cnt, 0);
	drop_chunks(call, res, lun, 0);
	emul_heap_free(call->ad->shm, atomic_exchange(&res->rht->lxt, 0));
}

static int open_virtual(struct emul_call *call, struct emul_ctx *ctx, struct dk_uvirtual *arg)
{
	uint64_t nr_chunks = chunks_for(call->ad, arg->lun_size);
	struct emul_res res;
	int rc;

	if (!emul_res_checkout(call->ad, ctx, call->lun, &res))
		return -EMFILE;
	atomic_store(&res.rht->fp, (uint8_t)(EMUL_RHT_FORMAT_VIRTUAL | ctx->perm));
	atomic_store(&res.rht->nmask, EMUL_RHT_NMASK);
	rc = resize_to(call, &res, call->lun, &nr_chunks);
	if (rc) {
		/* The real driver leaves the table in the free handle. */
		if (!emul_geometry(call->ad)->bugs)
			clear_handle(call, &res, call->lun);
		emul_res_checkin(&res);
		return rc;
	}
	if (arg->hdr.flags & DK_UVF_NEED_WRITE_SAME) {
		emul_audit_note(call->ad, EMUL_WRITE_SAME_ASKED, (int)ctx->pe, res.number);
		res.handle->write_same = 1;
	}
	arg->rsrc_handle = res.number;
	arg->last_lba = emul_last_lba(call->ad, nr_chunks);
	return 0;
}

int emul_do_user_virtual(struct emul_call *call, struct dk_uvirtual *arg)
{
	struct emul_lun *lun = emul_call_lun(call);
	struct emul_ctx *ctx = NULL;
	int rc = prepare_lun(call);

	if (!rc)
		rc = emul_lun_attach_locked(lun, EMUL_LUN_VIRTUAL);
	if (rc)
		return rc;
	rc = emul_lun_enter_table(call);
	if (!rc) {
		ctx = emul_ctx_get_locked(call->ad, arg->context_id, (int)call->lun, EMUL_CTX_LIVE);
		rc = ctx ? open_virtual(call, ctx, arg) : -EINVAL;
	}
	emul_ctx_put_locked(call->ad, ctx);
	if (rc) {
		emul_lun_detach_locked(call->ad, call->lun);
		return rc;
	}
	arg->hdr.return_flags = __builtin_popcount(lun->port_sel) > 1 ? DK_RF_ALL_PORTS_ACTIVE : 0;
	return 0;
}

/* ---- RELEASE ---- */

static int release_virtual(struct emul_call *call, struct emul_res *res, unsigned lun)
{
	uint64_t none = 0;

	return resize_to(call, res, lun, &none);
}

static void release_physical(struct emul_call *call, struct emul_res *res)
{
	atomic_store(&res->rht->valid, 0);
	atomic_store(&res->rht->lun_id, 0);
	atomic_store(&res->rht->fp, 0);
	if (!res->ctx->on_error_list)
		(void)emul_sync(call, res->ctx, res->number, EMUL_SYNC_HEAVY);
}

int emul_release(struct emul_call *call, struct emul_ctx *ctx, unsigned lun, uint64_t handle)
{
	struct emul_res res;
	int rc = 0;

	if (!emul_res_find(call->ad, ctx, handle, lun, &res))
		return -EINVAL;
	switch (call->ad->shm->lun[lun].mode) {
	case EMUL_LUN_VIRTUAL:
		rc = release_virtual(call, &res, lun);
		if (rc)
			return rc;
		break;
	case EMUL_LUN_PHYSICAL:
		release_physical(call, &res);
		break;
	default:
		return 0;
	}
	emul_res_checkin(&res);
	emul_lun_detach_locked(call->ad, lun);
	return 0;
}

int emul_do_release(struct emul_call *call, struct dk_release *arg)
{
	struct emul_ctx *ctx = emul_ctx_get_locked(call->ad, arg->context_id, (int)call->lun,
						   EMUL_CTX_ERROR_LIST_TOO);
	int rc;

	if (!ctx)
		return -EINVAL;
	rc = emul_release(call, ctx, call->lun, arg->rsrc_handle);
	emul_ctx_put_locked(call->ad, ctx);
	return rc;
}

/* ---- USER_DIRECT ---- */

static void fill_physical(struct emul_call *call, struct emul_res *res)
{
	uint64_t lun_id = call->ad->shm->disk[call->path->lun].lun_id;

	/* The valid bit and the port mask come last: they make the entry usable. */
	atomic_store(&res->rht->lxt_cnt, 0);
	atomic_store(&res->rht->fp, EMUL_RHT_FORMAT_PHYSICAL);
	atomic_store(&res->rht->lun_id, lun_id);
	atomic_store(&res->rht->fp, (uint8_t)(EMUL_RHT_FORMAT_PHYSICAL | res->ctx->perm));
	atomic_store(&res->rht->valid, EMUL_RHT_VALID);
	atomic_store(&res->rht->port_mask, (uint8_t)(1u << call->path->port));
}

static int open_direct(struct emul_call *call, struct emul_ctx *ctx, struct dk_udirect *arg,
		       struct emul_res *ret_res)
{
	if (!emul_res_checkout(call->ad, ctx, call->lun, ret_res))
		return -EMFILE;
	fill_physical(call, ret_res);
	arg->last_lba = emul_call_lun(call)->max_lba;
	arg->rsrc_handle = ret_res->number;
	return 0;
}

int emul_do_user_direct(struct emul_call *call, struct dk_udirect *arg)
{
	struct emul_ctx *ctx;
	struct emul_res res;
	int rc = emul_lun_attach_locked(emul_call_lun(call), EMUL_LUN_PHYSICAL);

	if (rc)
		return rc;
	ctx = emul_ctx_get_locked(call->ad, arg->context_id, (int)call->lun, EMUL_CTX_LIVE);
	rc = ctx ? open_direct(call, ctx, arg, &res) : -EINVAL;
	if (rc) {
		emul_lun_detach_locked(call->ad, call->lun);
	} else {
		rc = emul_sync(call, ctx, res.number, EMUL_SYNC_LIGHT);
		if (rc)
			(void)emul_release(call, ctx, call->lun, res.number);
	}
	emul_ctx_put_locked(call->ad, ctx);
	return rc;
}
