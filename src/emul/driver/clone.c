/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VLUN_CLONE: copies the handles of a parent's context to a child's.
 *
 * The real driver treats every handle of the source as one of the ioctl's LUN, and adds LUNs to
 * the destination without counting them. With the option "bugs" this code does the same. A
 * physical handle in the source crashes the real driver; here it is audited and rejected.
 */
#include <errno.h>
#include <unistd.h>

#include "emul/driver/driver.h"
#include "emul/driver/fd2.h"
#include "emul/store/chunk.h"
#include "emul/store/heap.h"

struct clone {
	struct emul_call *call;
	struct emul_ctx *src, *dst;
};

static bool any_physical(const struct clone *c)
{
	struct emul_res res;

	for (uint32_t i = 0; i < emul_geometry(c->call->ad)->nr_handles; i++) {
		emul_res_at(c->call->ad, c->src, i, &res);
		if (atomic_load(&res.rht->nmask) &&
		    atomic_load(&res.rht->fp) & EMUL_RHT_FORMAT_PHYSICAL)
			return true;
	}
	return false;
}

/** The LUN whose allocator gets the new references to a handle's chunks. */
static unsigned lun_for(const struct clone *c, const struct emul_res *src)
{
	return emul_geometry(c->call->ad)->bugs ? c->call->lun : src->handle->lun - 1u;
}

/** Adds a reference to the first @nr chunks of a table, or to none of them. */
static int share_chunks(struct clone *c, unsigned lun, uint64_t lxt, uint64_t nr)
{
	struct emul_shm *shm = c->call->ad->shm;

	for (uint64_t i = 0; i < nr; i++) {
		uint64_t chunk = atomic_load(&emul_shm_lxt(shm, lxt)[i]) >> SISL_CHUNK_SHIFT;

		if (emul_chunk_clone(shm, lun, chunk))
			continue;
		while (i--)
			(void)emul_chunk_free(shm, lun,
					      atomic_load(&emul_shm_lxt(shm, lxt)[i]) >>
						      SISL_CHUNK_SHIFT);
		return -EIO;
	}
	return 0;
}

static int copy_table(struct clone *c, const struct emul_res *src, struct emul_res *dst,
		      unsigned lun)
{
	struct emul_adapter *ad = c->call->ad;
	uint64_t nr = atomic_load(&src->rht->lxt_cnt), old = atomic_load(&src->rht->lxt), lxt = 0;
	int rc;

	if (nr) {
		lxt = emul_heap_alloc(ad->shm, ad->file_fd, nr);
		if (!lxt)
			return -ENOMEM;
		for (uint64_t i = 0; i < nr; i++)
			atomic_store_explicit(&emul_shm_lxt(ad->shm, lxt)[i],
					      atomic_load(&emul_shm_lxt(ad->shm, old)[i]),
					      memory_order_relaxed);
		rc = share_chunks(c, lun, lxt, nr);
		if (rc) {
			emul_heap_free(ad->shm, lxt);
			return rc;
		}
	}
	atomic_store_explicit(&dst->rht->lxt, lxt, memory_order_release);
	dst->handle->owned = nr;
	atomic_store_explicit(&dst->rht->lxt_cnt, (uint32_t)nr, memory_order_release);
	return 0;
}

static void drop_table(struct clone *c, struct emul_res *dst, unsigned lun)
{
	struct emul_shm *shm = c->call->ad->shm;
	uint64_t lxt = atomic_load(&dst->rht->lxt);

	atomic_store(&dst->rht->lxt_cnt, 0);
	for (; dst->handle->owned; dst->handle->owned--)
		(void)emul_chunk_free(
			shm, lun,
			atomic_load(&emul_shm_lxt(shm, lxt)[dst->handle->owned - 1]) >>
				SISL_CHUNK_SHIFT);
	atomic_store(&dst->rht->lxt, 0);
	emul_heap_free(shm, lxt);
}

static int clone_handle(struct clone *c, const struct emul_res *src, struct emul_res *dst)
{
	unsigned lun = lun_for(c, src);
	int rc;

	dst->handle->lun = src->handle->lun;
	atomic_store(&dst->rht->fp, (uint8_t)(atomic_load(&src->rht->fp) & (0xfcu | c->dst->perm)));
	atomic_store(&dst->rht->nmask, EMUL_RHT_NMASK);
	rc = copy_table(c, src, dst, lun);
	if (!rc && emul_sync(c->call, c->dst, dst->number, EMUL_SYNC_LIGHT)) {
		drop_table(c, dst, lun);
		rc = -EAGAIN;
	}
	if (rc) {
		emul_res_checkin(dst);
		return rc;
	}
	return emul_lun_attach_locked(&c->call->ad->shm->lun[lun], EMUL_LUN_VIRTUAL);
}

/** With "bugs" this leaves handles of other LUNs open, as the real driver does. */
static void release_cloned(struct clone *c, uint32_t nr)
{
	struct emul_res res;

	for (uint32_t i = 0; i < nr; i++) {
		emul_res_at(c->call->ad, c->dst, i, &res);
		if (!atomic_load(&res.rht->nmask))
			continue;
		(void)emul_release(
			c->call, c->dst,
			emul_geometry(c->call->ad)->bugs ? c->call->lun : res.handle->lun - 1u, i);
	}
}

static int clone_handles(struct clone *c)
{
	struct emul_res src, dst;
	int rc;

	for (uint32_t i = 0; i < emul_geometry(c->call->ad)->nr_handles; i++) {
		emul_res_at(c->call->ad, c->src, i, &src);
		if (!atomic_load(&src.rht->nmask))
			continue;
		emul_res_at(c->call->ad, c->dst, i, &dst);
		rc = clone_handle(c, &src, &dst);
		if (rc) {
			release_cloned(c, i);
			return rc;
		}
	}
	return 0;
}

static void merge_luns(struct clone *c)
{
	for (unsigned lun = 0; lun < EMUL_MAX_RECORDS; lun++) {
		if (!emul_ctx_holds(c->src, lun) || emul_ctx_holds(c->dst, lun))
			continue;
		emul_ctx_add_lun(c->dst, lun);
		if (!emul_geometry(c->call->ad)->bugs)
			c->dst->refs++;
	}
}

static int clone_context(struct clone *c, const struct dk_clone *arg)
{
	struct emul_adapter *ad = c->call->ad;
	const struct emul_pe *src_pe = &ad->shm->pe[c->src->pe];
	int rc;

	if (emul_geometry(ad)->legacy_fd && arg->adap_fd_src != (uint64_t)src_pe->adap_fd)
		return -EINVAL;
	if (emul_res_nr_open(ad, c->dst))
		return -EINVAL;
	if (any_physical(c)) {
		emul_audit_note(ad, EMUL_CLONE_PHYSICAL, (int)c->src->pe, c->dst->pe);
		return -EINVAL;
	}
	if (emul_ctx_nr_luns(c->src) > 1)
		emul_audit_note(ad, EMUL_CLONE_MULTI_LUN, (int)c->src->pe, c->dst->pe);
	rc = clone_handles(c);
	if (rc)
		return rc;
	merge_luns(c);
	if (emul_geometry(ad)->legacy_fd)
		emul_pe_driver_close_locked(ad, c->src->pe, (int)arg->adap_fd_src);
	return 0;
}

int emul_do_clone(struct emul_call *call, struct dk_clone *arg)
{
	struct clone c = { .call = call };
	int rc = -EINVAL;

	if (arg->context_id_src == arg->context_id_dst ||
	    emul_call_lun(call)->mode != EMUL_LUN_VIRTUAL)
		return rc;
	c.src = emul_ctx_get_locked(call->ad, arg->context_id_src, (int)call->lun,
				    EMUL_CTX_OF_PARENT);
	c.dst = emul_ctx_get_locked(call->ad, arg->context_id_dst, (int)call->lun, EMUL_CTX_LIVE);
	if (c.src && c.dst)
		rc = clone_context(&c, arg);
	emul_ctx_put_locked(call->ad, c.src);
	emul_ctx_put_locked(call->ad, c.dst);
	return rc;
}
