/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a command and translates its address to a LUN and an offset. If a command has several
 * errors, the order of the checks decides its code: context, opcode, handle, chunk, direction,
 * lengths.
 */
#include "emul/afu/translate.h"

#include <endian.h>
#include <string.h>

#include "base/clock.h"
#include "emul/afu/status.h"

#define MAX_PHYSICAL_BYTES (16u << 20) /* of one command through a physical handle */

enum {
	KEY_ILLEGAL_REQUEST = 0x05,
	ASC_LBA_OUT_OF_RANGE = 0x21,
	ASC_INVALID_FIELD_IN_CDB = 0x24,
};

void emul_xlate_begin(const struct emul_engine *engine, struct emul_xlate_cache *cache)
{
	cache->valid = false;
	cache->first_lba = cache->nr_lbas = 0;
	cache->capability = atomic_load_explicit(&engine->pe->capability, memory_order_acquire);
	cache->links_down =
		atomic_load_explicit(&engine->ad->shm->fault.links_down, memory_order_relaxed);
	if (__builtin_expect(cache->links_down != 0, 0))
		cache->links_down = emul_fault_links_down(&engine->ad->shm->fault, clock_now_ns());
}

static bool fail_afu(struct emul_status *status, uint8_t afu_rc)
{
	*status = emul_status_afu(afu_rc, 0);
	return false;
}

static bool fail_check(struct emul_status *status, uint8_t asc)
{
	*status = emul_status_check(KEY_ILLEGAL_REQUEST, asc, 0);
	return false;
}

/* A user context may only READ and WRITE through a handle. */
static bool check_capability(const struct emul_batch *batch, const struct sisl_ioarcb *ioarcb,
			     const struct emul_xlate_cache *cache, bool *ret_write)
{
	unsigned kind = ioarcb->req_flags & (SISL_REQ_RES_HNDL | SISL_REQ_TMF | SISL_REQ_AFU_CMD);
	bool write = ioarcb->cdb[0] == SISL_CDB_WRITE_16;

	if (ioarcb->ctx_id != batch->engine->index || kind != SISL_REQ_RES_HNDL ||
	    ioarcb->ioadl_len)
		return false;
	if (!write && ioarcb->cdb[0] != SISL_CDB_READ_16)
		return false;
	*ret_write = write;
	return cache->capability & (write ? EMUL_PERM_WRITE : EMUL_PERM_READ);
}

/*
 * Reads an RHT entry while the driver may change it. The real AFU fetches the 16 bytes at once;
 * this function reads the count again after the pointer. The driver sets the pointer first to grow
 * and the count first to shrink, so two equal counts prove that the pointer is valid for them.
 */
static void read_rht(const struct emul_rht *rht, struct emul_xlate_cache *cache)
{
	do {
		cache->lxt_cnt = atomic_load_explicit(&rht->lxt_cnt, memory_order_acquire);
		cache->lxt = atomic_load_explicit(&rht->lxt, memory_order_acquire);
	} while (atomic_load_explicit(&rht->lxt_cnt, memory_order_relaxed) != cache->lxt_cnt);
	cache->fp = atomic_load_explicit(&rht->fp, memory_order_relaxed);
}

static bool use_physical(const struct emul_adapter *ad, const struct emul_rht *rht,
			 struct emul_xlate_cache *cache, struct emul_status *status)
{
	int lun = emul_lun_of_id(ad, atomic_load_explicit(&rht->lun_id, memory_order_relaxed));

	if (!(atomic_load_explicit(&rht->valid, memory_order_relaxed) & EMUL_RHT_VALID))
		return fail_afu(status, SISL_AFU_RC_RHT_INVALID);
	if (lun < 0)
		return fail_afu(status, SISL_AFU_RC_NO_CHANNELS);
	cache->lun = (uint8_t)lun;
	cache->ports = atomic_load_explicit(&rht->port_mask, memory_order_relaxed);
	cache->lun_blocks =
		atomic_load_explicit(&ad->shm->disk[lun].nr_blocks, memory_order_relaxed);
	return true;
}

static bool use_handle(const struct emul_engine *engine, uint32_t handle,
		       struct emul_xlate_cache *cache, struct emul_status *status)
{
	const struct emul_rht *rht = emul_rht_at(engine->ad, engine->pe, handle);

	cache->valid = false;
	cache->nr_lbas = 0;
	cache->index = UINT64_MAX;
	if (!rht)
		return fail_afu(status, atomic_load(&engine->pe->rht) ? SISL_AFU_RC_RHT_BOUNDS
								      : SISL_AFU_RC_RHT_INVALID);
	if (!atomic_load_explicit(&rht->nmask, memory_order_acquire))
		return fail_afu(status, SISL_AFU_RC_RHT_PERM);
	read_rht(rht, cache);
	if ((cache->fp & EMUL_RHT_FORMAT_MASK) == EMUL_RHT_FORMAT_PHYSICAL &&
	    !use_physical(engine->ad, rht, cache, status))
		return false;
	cache->handle = handle;
	cache->valid = true;
	return true;
}

/* Looks up the LUN and the ports of an LXT entry. */
static bool use_lxt(const struct emul_adapter *ad, uint64_t index, struct emul_xlate_cache *cache,
		    struct emul_status *status)
{
	const _Atomic uint64_t *lxt = emul_lxt_at(ad, cache->lxt, index);
	unsigned ports = 0;
	int lun = -1;

	cache->nr_lbas = 0;
	cache->index = UINT64_MAX;
	if (!lxt)
		return fail_afu(status, SISL_AFU_RC_LXT_DMA);
	cache->entry = atomic_load_explicit(lxt, memory_order_acquire);
	for (unsigned left = EMUL_LXT_PORTS(cache->entry); left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);
		int found = emul_lun_in_table(ad, port, EMUL_LXT_INDEX(cache->entry));

		if (found < 0)
			continue;
		ports |= 1u << port;
		lun = lun < 0 ? found : lun;
	}
	if (lun < 0)
		return fail_afu(status, SISL_AFU_RC_NO_CHANNELS);
	cache->lun = (uint8_t)lun;
	cache->ports = (uint8_t)ports;
	cache->lun_blocks =
		atomic_load_explicit(&ad->shm->disk[lun].nr_blocks, memory_order_relaxed);
	cache->index = index;
	return true;
}

static bool translate(const struct emul_engine *engine, struct emul_command *cmd, uint64_t blocks,
		      struct emul_xlate_cache *cache, struct emul_status *status,
		      uint64_t *ret_media_lba)
{
	uint64_t in_chunk = cmd->lba & (SISL_CHUNK_DEV_BLOCKS - 1);
	uint64_t index = cmd->lba >> SISL_CHUNK_SHIFT;

	if ((cache->fp & EMUL_RHT_FORMAT_MASK) == EMUL_RHT_FORMAT_PHYSICAL) {
		*ret_media_lba = cmd->lba;
		return blocks << engine->block_shift <= MAX_PHYSICAL_BYTES ||
		       fail_check(status, ASC_INVALID_FIELD_IN_CDB);
	}
	if (index >= cache->lxt_cnt || blocks << engine->block_shift > SISL_LBA_BYTES ||
	    in_chunk + blocks > SISL_CHUNK_DEV_BLOCKS)
		return fail_afu(status, SISL_AFU_RC_LXT_BOUNDS);
	if (index != cache->index && !use_lxt(engine->ad, index, cache, status))
		return false;
	if (!(EMUL_LXT_PERM(cache->entry) & (cmd->write ? EMUL_PERM_WRITE : EMUL_PERM_READ)))
		return fail_afu(status, SISL_AFU_RC_LXT_PERM);
	*ret_media_lba = EMUL_LXT_LBA(cache->entry) | in_chunk;
	return true;
}

static bool choose_port(const struct emul_xlate_cache *cache, struct emul_command *cmd,
			struct emul_status *status)
{
	unsigned up = cache->ports & ~cache->links_down;

	cmd->port = (uint8_t)__builtin_ctz((up ? up : cache->ports) | 1u << EMUL_MAX_PORTS);
	if (__builtin_expect(up != 0, 1))
		return true;
	*status = (struct emul_status){ .fc_rc = SISL_FC_RC_LINK_DOWN, .port = cmd->port };
	return false;
}

/* The target checks direction and lengths. */
static bool check_transfer(const struct sisl_ioarcb *ioarcb, uint64_t bytes,
			   struct emul_command *cmd, struct emul_status *status)
{
	if (!!(ioarcb->req_flags & SISL_REQ_HOST_WRITE) != cmd->write) {
		*status = (struct emul_status){ .fc_rc = SISL_FC_RC_ABORT_OK };
		return false;
	}
	if (__builtin_expect(ioarcb->data_len < bytes, 0)) {
		fail_check(status, ASC_INVALID_FIELD_IN_CDB);
		status->flags |= SISL_IOASA_OVERRUN;
		status->resid = (uint32_t)bytes - ioarcb->data_len;
		return false;
	}
	cmd->bytes = (uint32_t)bytes;
	cmd->resid = ioarcb->data_len - (uint32_t)bytes;
	return true;
}

/* The CDB is always big-endian. */
static inline uint64_t cdb_lba(const struct sisl_ioarcb *ioarcb)
{
	uint64_t lba;

	memcpy(&lba, ioarcb->cdb + 2, sizeof(lba));
	return be64toh(lba);
}

static inline uint32_t blocks_word(const struct sisl_ioarcb *ioarcb)
{
	uint32_t word;

	memcpy(&word, ioarcb->cdb + 10, sizeof(word));
	return word;
}

static inline uint32_t cdb_blocks(const struct sisl_ioarcb *ioarcb)
{
	return be32toh(blocks_word(ioarcb));
}

/* The first word of an IOARCB: context, flags, handle; without flags that do not matter here. */
static inline uint64_t first_word(const struct sisl_ioarcb *ioarcb)
{
	static const struct sisl_ioarcb ignored = {
		.req_flags = SISL_REQ_SUPPRESS_UNDERRUN | SISL_REQ_TIMEOUT_UNIT_MASK,
	};
	uint64_t word, mask;

	memcpy(&word, ioarcb, sizeof(word));
	memcpy(&mask, &ignored, sizeof(mask));
	return word & ~mask;
}

/* data_len and ioadl_len. */
static inline uint64_t lengths_word(const struct sisl_ioarcb *ioarcb)
{
	uint64_t word;

	memcpy(&word, &ioarcb->data_len, sizeof(word));
	return word;
}

/* Sets up the fast path for commands like this one, which has passed every check. */
static void remember_chunk(const struct emul_engine *engine, const struct sisl_ioarcb *ioarcb,
			   const struct emul_command *cmd, struct emul_xlate_cache *cache)
{
	unsigned perm = cache->capability & cache->fp & EMUL_LXT_PERM(cache->entry);
	struct sisl_ioarcb sample = {
		.ctx_id = (uint16_t)engine->index,
		.req_flags = SISL_REQ_RES_HNDL,
		.res_hndl = cache->handle,
	};

	if ((cache->fp & EMUL_RHT_FORMAT_MASK) == EMUL_RHT_FORMAT_PHYSICAL || !cmd->bytes ||
	    cmd->resid || EMUL_LXT_LBA(cache->entry) + SISL_CHUNK_DEV_BLOCKS > cache->lun_blocks)
		return;
	cache->wanted[0] = perm & EMUL_PERM_READ ? first_word(&sample) : UINT64_MAX;
	sample.req_flags |= SISL_REQ_HOST_WRITE;
	cache->wanted[1] = perm & EMUL_PERM_WRITE ? first_word(&sample) : UINT64_MAX;
	cache->lengths = lengths_word(ioarcb);
	cache->blocks = blocks_word(ioarcb);
	cache->bytes = cmd->bytes;
	cache->first_lba = cache->index << SISL_CHUNK_SHIFT;
	cache->nr_lbas = SISL_CHUNK_DEV_BLOCKS + 1 - cdb_blocks(ioarcb);
	cache->base = EMUL_LXT_LBA(cache->entry) << engine->block_shift;
	cache->port = cmd->port;
}

/*
 * Translates a command that has the chunk, length and flags of an earlier one. The result is the
 * same as in slow_path(), without lookups.
 */
static inline bool fast_path(unsigned block_shift, const struct sisl_ioarcb *ioarcb,
			     const struct emul_xlate_cache *cache, struct emul_command *cmd)
{
	uint64_t lba = cdb_lba(ioarcb), in_chunk = lba - cache->first_lba;
	bool write = ioarcb->cdb[0] == SISL_CDB_WRITE_16;

	if (in_chunk >= cache->nr_lbas || (!write && ioarcb->cdb[0] != SISL_CDB_READ_16) ||
	    first_word(ioarcb) != cache->wanted[write] || lengths_word(ioarcb) != cache->lengths ||
	    blocks_word(ioarcb) != cache->blocks)
		return false;
	cmd->write = write;
	cmd->lba = lba;
	cmd->lun = cache->lun;
	cmd->port = cache->port;
	cmd->bytes = cache->bytes;
	cmd->resid = 0;
	cmd->offset = cache->base + (in_chunk << block_shift);
	return true;
}

/* Not inlined, so that the fast path needs few registers. */
static __attribute__((noinline)) bool slow_path(struct emul_batch *batch,
						const struct sisl_ioarcb *ioarcb,
						struct emul_command *cmd,
						struct emul_xlate_cache *cache,
						struct emul_status *status)
{
	const struct emul_engine *engine = batch->engine;
	uint64_t blocks = cdb_blocks(ioarcb);
	uint64_t media_lba = 0;
	bool write;

	if (!check_capability(batch, ioarcb, cache, &write))
		return fail_afu(status, SISL_AFU_RC_CAP_VIOLATION);
	cmd->write = write;
	cmd->lba = cdb_lba(ioarcb);
	if ((!cache->valid || cache->handle != ioarcb->res_hndl) &&
	    !use_handle(engine, ioarcb->res_hndl, cache, status))
		return false;
	if (!(cache->fp & (write ? EMUL_PERM_WRITE : EMUL_PERM_READ)))
		return fail_afu(status, SISL_AFU_RC_RHT_PERM);
	if (!translate(engine, cmd, blocks, cache, status, &media_lba) ||
	    !choose_port(cache, cmd, status))
		return false;
	if (media_lba >= cache->lun_blocks || blocks > cache->lun_blocks - media_lba)
		return fail_check(status, ASC_LBA_OUT_OF_RANGE);
	cmd->lun = cache->lun;
	cmd->offset = media_lba << engine->block_shift;
	if (!check_transfer(ioarcb, blocks << engine->block_shift, cmd, status))
		return false;
	if (cmd + 1 < batch->cmd + batch->nr)
		remember_chunk(engine, ioarcb, cmd, cache);
	return true;
}

bool emul_xlate(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
		struct emul_status *status)
{
	const struct sisl_ioarcb *ioarcb = &batch->ioarcb[i];
	struct emul_command *cmd = &batch->cmd[i];

	return fast_path(batch->engine->block_shift, ioarcb, cache, cmd) ||
	       slow_path(batch, ioarcb, cmd, cache, status);
}

unsigned emul_xlate_run(struct emul_batch *batch, unsigned i, const struct emul_xlate_cache *cache)
{
	unsigned block_shift = batch->engine->block_shift;

	while (i < batch->nr && !batch->cmd[i].expired &&
	       fast_path(block_shift, &batch->ioarcb[i], cache, &batch->cmd[i]))
		i++;
	return i;
}

bool emul_xlate_is_valid(const struct emul_batch *batch, unsigned i)
{
	const struct emul_engine *engine = batch->engine;
	const struct emul_rht *rht = emul_rht_at(engine->ad, engine->pe, batch->ioarcb[i].res_hndl);
	uint8_t fp;

	if (!rht || !atomic_load_explicit(&rht->nmask, memory_order_acquire))
		return false;
	fp = atomic_load_explicit(&rht->fp, memory_order_relaxed);
	return (fp & EMUL_RHT_FORMAT_MASK) == EMUL_RHT_FORMAT_PHYSICAL ||
	       batch->cmd[i].lba >> SISL_CHUNK_SHIFT <
		       atomic_load_explicit(&rht->lxt_cnt, memory_order_acquire);
}
