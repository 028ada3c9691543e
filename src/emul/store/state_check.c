/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks the numbers in a state file that code uses as indexes, offsets and counts. Does not check
 * derived state, because emul_state_prepare() recomputes it.
 */
#include <stddef.h>

#include "emul/store/heap.h"
#include "emul/store/layout.h"
#include "emul/store/state.h"

#define MAX_GENERATION (1ull << 38) /* limited by the file position of an fd2 */

static bool disk_is_valid(const struct emul_shm *shm, unsigned i)
{
	const struct emul_geometry *geometry = &shm->head.geometry;
	uint64_t nr_blocks = atomic_load(&shm->disk[i].nr_blocks);

	if (nr_blocks < geometry->lun_blocks[i] || nr_blocks > INT64_MAX / geometry->block_bytes)
		return false;
	for (unsigned port = 0; port < EMUL_MAX_PORTS; port++)
		if (shm->disk[i].record[port] > EMUL_MAX_RECORDS)
			return false;
	return true;
}

static bool disks_are_valid(const struct emul_shm *shm)
{
	for (unsigned i = 0; i < shm->head.geometry.nr_luns; i++)
		if (!disk_is_valid(shm, i))
			return false;
	return true;
}

static bool lun_is_valid(const struct emul_shm *shm, const struct emul_lun *lun)
{
	uint64_t max_chunks = emul_layout_max_chunks(&shm->head.geometry);

	if (lun->mode > EMUL_LUN_PHYSICAL || lun->table_index >= EMUL_LUN_TABLE ||
	    lun->port_sel >> shm->head.geometry.nr_ports)
		return false;
	if (lun->allocator_ready && (!lun->nr_chunks || lun->nr_chunks > max_chunks))
		return false;
	for (unsigned port = 0; port < EMUL_MAX_PORTS; port++)
		if (lun->disk[port] > shm->head.geometry.nr_luns)
			return false;
	return true;
}

static bool luns_are_valid(const struct emul_shm *shm)
{
	for (unsigned i = 0; i < EMUL_MAX_RECORDS; i++)
		if (!lun_is_valid(shm, &shm->lun[i]))
			return false;
	for (unsigned port = 0; port < EMUL_MAX_PORTS; port++)
		for (unsigned i = 0; i < EMUL_LUN_TABLE; i++)
			if (atomic_load(&shm->lun_table[port][i]) > shm->head.geometry.nr_luns)
				return false;
	return true;
}

static bool driver_is_valid(const struct emul_shm *shm)
{
	const struct emul_driver *driver = &shm->driver;

	if (atomic_load(&driver->state) > EMUL_FROZEN || driver->next_generation > MAX_GENERATION)
		return false;
	/* Table indexes are allocated from both ends until they meet. */
	for (unsigned port = 0; port < EMUL_MAX_PORTS; port++)
		if (driver->next_single_port[port] >= EMUL_LUN_TABLE ||
		    driver->next_single_port[port] < 0 ||
		    driver->next_multi_port > (uint32_t)driver->next_single_port[port])
			return false;
	for (unsigned class = 0; class < EMUL_LXT_CLASSES; class ++) {
		uint64_t start = emul_layout_class_start(&shm->head, class);
		uint64_t next = driver->heap_next[class];

		if (next < start || next > emul_layout_class_start(&shm->head, class + 1) ||
		    (next - start) % emul_layout_class_bytes(class))
			return false;
	}
	return true;
}

static bool pes_are_valid(const struct emul_shm *shm)
{
	for (unsigned i = 0; i < EMUL_MAX_PES; i++) {
		const struct emul_pe *pe = &shm->pe[i];
		uint64_t rht = atomic_load(&pe->rht);

		if (pe->ctx > EMUL_MAX_CTXS ||
		    atomic_load(&pe->rht_count) > shm->head.geometry.nr_handles)
			return false;
		if (rht && (!pe->ctx || rht != emul_shm_rht_offset(shm, pe->ctx - 1)))
			return false;
	}
	return true;
}

/** Checks what repair keeps. emul_release() relies on the format matching the mode of the LUN. */
static bool handle_is_valid(struct emul_shm *shm, unsigned ctx, uint32_t number)
{
	const struct emul_handle *handle = emul_shm_handle(shm, ctx, number);
	const struct emul_rht *rht = emul_shm_rht(shm, ctx, number);
	unsigned format = atomic_load(&rht->fp) & EMUL_RHT_FORMAT_MASK;
	uint64_t lxt = atomic_load(&rht->lxt), room;

	if (!handle->lun || !atomic_load(&rht->nmask))
		return true;
	if (handle->lun > EMUL_MAX_RECORDS)
		return false;
	if (format == EMUL_RHT_FORMAT_PHYSICAL)
		return !handle->owned && shm->lun[handle->lun - 1].mode == EMUL_LUN_PHYSICAL;
	if (format != EMUL_RHT_FORMAT_VIRTUAL || (lxt && !emul_heap_has(shm, lxt)))
		return false;
	room = emul_heap_room(shm, lxt);
	return handle->owned <= room && atomic_load(&rht->lxt_cnt) <= room;
}

static bool context_is_valid(struct emul_shm *shm, unsigned number)
{
	const struct emul_ctx *ctx = emul_shm_ctx(shm, number);

	if (ctx->pe >= EMUL_MAX_PES || ctx->prev_pe > EMUL_MAX_PES ||
	    ctx->perm > (EMUL_PERM_READ | EMUL_PERM_WRITE))
		return false;
	for (uint32_t i = 0; ctx->used && i < shm->head.geometry.nr_handles; i++)
		if (!handle_is_valid(shm, number, i))
			return false;
	return true;
}

static bool contexts_are_valid(struct emul_shm *shm)
{
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++)
		if (!context_is_valid(shm, i))
			return false;
	return true;
}

const char *emul_state_check(struct emul_shm *shm)
{
	if (!disks_are_valid(shm))
		return "a disk";
	if (!emul_fault_is_valid(&shm->fault))
		return "a fault rule";
	if (!emul_state_is_of_this_boot(shm))
		return NULL;
	if (!driver_is_valid(shm))
		return "the driver";
	if (!luns_are_valid(shm))
		return "a LUN";
	if (!pes_are_valid(shm))
		return "a process element";
	if (!contexts_are_valid(shm))
		return "a context";
	return NULL;
}
