/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/lun_table.h"

#include <errno.h>

#include "base/minmax.h"

/** Slots are counted in 32 bits; a LUN with more chunks is used in part. */
int lun_table_init(struct lun_table *table, struct superpipe *sp)
{
	table->sp = sp;
	table->max_chunks = UINT64_MAX;
	table->nr_luns = superpipe_nr_luns(sp);
	if (table->nr_luns == 0 || table->nr_luns > SUPERPIPE_MAX_LUNS)
		return -EINVAL;
	for (unsigned i = 0; i < table->nr_luns; i++) {
		const struct superpipe_lun_info *info = superpipe_lun_info(sp, i);

		if (i == 0)
			table->chunk_blocks = info->chunk_lbas;
		if (info->chunk_lbas == 0 || info->chunk_lbas != table->chunk_blocks)
			return -EINVAL;
		table->luns[i].nr_chunks = min_u64(info->nr_chunks, UINT32_MAX / 2);
	}
	return 0;
}

static void count(_Atomic uint64_t *counter, uint64_t before, uint64_t after)
{
	(void)atomic_fetch_add_explicit(counter, after - before, memory_order_relaxed);
}

void lun_table_count(struct lun_table *table, unsigned lun, uint32_t before, uint32_t after)
{
	count(&table->luns[lun].nr_used, before, after);
	count(&table->luns[lun].nr_vluns, before > 0, after > 0);
}

/* More are used than there are when a LUN has shrunk. */
uint64_t lun_table_free_chunks(struct lun_table *table, unsigned lun)
{
	uint64_t nr_chunks = table->luns[lun].nr_chunks;
	uint64_t used = atomic_load_explicit(&table->luns[lun].nr_used, memory_order_relaxed);

	if (table->failed & (1u << lun))
		return 0;
	return used < nr_chunks ? nr_chunks - used : 0;
}

unsigned lun_table_find_failed(struct lun_table *table)
{
	unsigned failed = 0;

	for (unsigned lun = 0; lun < table->nr_luns; lun++) {
		if (superpipe_lun_failed(table->sp, lun))
			failed |= 1u << lun;
	}
	if (failed == table->failed)
		return 0;
	return failed & ~atomic_fetch_or(&table->failed, failed);
}

/* ---- chunks that the volume holds ----------------------------------------------------------- */

static uint64_t nr_held(const struct lun_table *table)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < table->nr_luns; i++)
		nr += table->luns[i].nr_held;
	return nr;
}

static uint64_t left_to_limit(const struct lun_table *table)
{
	uint64_t nr = nr_held(table);

	return nr < table->max_chunks ? table->max_chunks - nr : 0;
}

/** How many more chunks a vLUN on @lun may get; whether they are free only the driver knows. */
static uint64_t nr_left(const struct lun_table *table, unsigned lun)
{
	const struct lun_entry *entry = &table->luns[lun];
	uint64_t left = left_to_limit(table);

	if (superpipe_lun_failed(table->sp, lun))
		return left;
	if (entry->is_full || entry->nr_held >= entry->nr_chunks)
		return 0;
	return min_u64(left, entry->nr_chunks - entry->nr_held);
}

static void set_held(struct lun_entry *entry, uint64_t before, uint64_t after)
{
	entry->nr_held += after - before;
	if (after < before)
		entry->is_full = false;
}

int lun_table_resize(struct lun_table *table, struct superpipe_vlun *vlun, uint32_t before,
		     uint32_t wanted, uint32_t *ret_nr)
{
	unsigned lun = superpipe_vlun_lun(vlun);
	uint64_t most = wanted, granted = before;
	int err;

	if (wanted > before)
		most = min_u64(wanted, before + nr_left(table, lun));

	if (wanted > before && most == before)
		return -ENOSPC;
	err = superpipe_vlun_resize(vlun, most, &granted);
	*ret_nr = (uint32_t)(wanted > before ? min_u64(granted, most) : granted);
	set_held(&table->luns[lun], before, *ret_nr);
	if (wanted > before && err == -ENOSPC)
		table->luns[lun].is_full = true;
	return err;
}

void lun_table_close(struct lun_table *table, struct superpipe_vlun *vlun, uint32_t nr_chunks)
{
	unsigned lun = superpipe_vlun_lun(vlun);

	(void)superpipe_vlun_close(vlun); /* fails only when the adapter has failed */
	set_held(&table->luns[lun], nr_chunks, 0);
}

void lun_table_hold(struct lun_table *table, unsigned lun, uint64_t nr_chunks)
{
	set_held(&table->luns[lun], 0, nr_chunks);
}

bool lun_table_may_grow(const struct lun_table *table, unsigned lun)
{
	return nr_left(table, lun) > 0;
}

void lun_table_forget_full(struct lun_table *table)
{
	for (unsigned i = 0; i < table->nr_luns; i++)
		table->luns[i].is_full = false;
}

bool lun_table_at_limit(const struct lun_table *table)
{
	return left_to_limit(table) == 0;
}

int lun_table_set_limit(struct lun_table *table, uint64_t max_chunks)
{
	if (nr_held(table) > max_chunks)
		return -EINVAL;
	table->max_chunks = max_chunks;
	return 0;
}

uint64_t lun_table_nr_chunks(struct lun_table *table)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < table->nr_luns; i++)
		nr += table->luns[i].nr_chunks;
	return min_u64(nr, table->max_chunks);
}

uint64_t lun_table_nr_free(struct lun_table *table)
{
	uint64_t max_chunks = table->max_chunks, nr_used = 0, nr_free = 0;

	for (unsigned i = 0; i < table->nr_luns; i++) {
		nr_used += atomic_load_explicit(&table->luns[i].nr_used, memory_order_relaxed);
		nr_free += lun_table_free_chunks(table, i);
	}
	return nr_used < max_chunks ? min_u64(nr_free, max_chunks - nr_used) : 0;
}

/* ---- handles, LUNs ---- */

uint64_t lun_table_nr_handles(const struct lun_table *table)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < table->nr_luns; i++)
		nr += superpipe_max_handles(table->sp, i);
	return nr;
}

static uint64_t free_handles_on(const struct lun_table *table, unsigned lun)
{
	uint64_t nr_handles = superpipe_max_handles(table->sp, lun);
	uint64_t used = atomic_load_explicit(&table->luns[lun].nr_vluns, memory_order_relaxed);

	if (table->failed & (1u << lun))
		return 0;
	return used < nr_handles ? nr_handles - used : 0;
}

uint64_t lun_table_free_handles(struct lun_table *table)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < table->nr_luns; i++)
		nr += free_handles_on(table, i);
	return nr;
}

unsigned lun_table_most_free(struct lun_table *table, unsigned tried)
{
	unsigned best = table->nr_luns;

	for (unsigned i = 0; i < table->nr_luns; i++) {
		if (tried & (1u << i))
			continue;
		if (best == table->nr_luns ||
		    lun_table_free_chunks(table, i) > lun_table_free_chunks(table, best))
			best = i;
	}
	return best;
}
