/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lun_table - the LUNs of a volume: how many chunks and resource handles its files use.
 *
 * A volume may have a limit: fewer chunks than its LUNs. What it holds ahead of need counts as
 * free, but towards the limit, so it must be taken back before the limit stops a file.
 *
 * The driver is not asked for chunks of a LUN when it cannot have any: the volume holds them all,
 * or the driver has just refused one. Others may use the LUN too, so each operation that finds too
 * little asks again: see lun_table_forget_full().
 */
#ifndef CXLFS_DATA_ALLOC_LUN_TABLE_H
#define CXLFS_DATA_ALLOC_LUN_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "superpipe/superpipe.h"

struct lun_entry {
	_Atomic uint64_t nr_chunks; /* a LUN in physical mode may grow */
	_Atomic uint64_t nr_used;   /* counted for files */
	_Atomic uint64_t nr_vluns;  /* that have a used chunk */
	uint64_t nr_held;           /* chunks of all vLUNs; worker only */
	bool is_full;               /* others use what the volume does not hold; worker only */
};

struct lun_table {
	struct superpipe *sp; /* these three: set once */
	uint32_t chunk_blocks;
	unsigned nr_luns;
	struct lun_entry luns[SUPERPIPE_MAX_LUNS];
	_Atomic unsigned failed;     /* bit mask: LUNs that have failed for good */
	_Atomic uint64_t max_chunks; /* UINT64_MAX: no limit; written by the worker */
};

/** lun_table_init() - Return: 0; -EINVAL no LUN, or chunks of different sizes. */
int lun_table_init(struct lun_table *table, struct superpipe *sp);

/** lun_table_count() - update the counts: a vLUN on @lun had @before used chunks and has @after.
 * Any thread. */
void lun_table_count(struct lun_table *table, unsigned lun, uint32_t before, uint32_t after);

/**
 * lun_table_resize() - change the size of a vLUN from @before to @wanted chunks
 * At the limit, or when the LUN is full, it grows by less, or not at all. On the worker.
 * @ret_nr: what the vLUN has now, at most @wanted; also written when growth was partly granted
 * Return: as superpipe_vlun_resize().
 */
int lun_table_resize(struct lun_table *table, struct superpipe_vlun *vlun, uint32_t before,
		     uint32_t wanted, uint32_t *ret_nr);

/** lun_table_close() - close a vLUN of @nr_chunks. On the worker, or after it has stopped. */
void lun_table_close(struct lun_table *table, struct superpipe_vlun *vlun, uint32_t nr_chunks);

/** lun_table_hold() - a vLUN on @lun already has @nr_chunks. On the worker, or while it is paused.
 */
void lun_table_hold(struct lun_table *table, unsigned lun, uint64_t nr_chunks);

/** lun_table_may_grow() - may there be a chunk for a vLUN on @lun? Also true if the LUN has failed:
 *  an ioctl says so. On the worker. */
bool lun_table_may_grow(const struct lun_table *table, unsigned lun);

/** lun_table_forget_full() - ask the driver again, because others may have freed chunks. On the
 *  worker. */
void lun_table_forget_full(struct lun_table *table);

/** lun_table_at_limit() - return true if the volume has all the chunks that it may have. On the
 * worker. */
bool lun_table_at_limit(const struct lun_table *table);

/** lun_table_set_limit() - On the worker. Return: 0; -EINVAL the volume has more than that. */
int lun_table_set_limit(struct lun_table *table, uint64_t max_chunks);

/** lun_table_nr_chunks() - return how many chunks the volume may have. Any thread. */
uint64_t lun_table_nr_chunks(struct lun_table *table);

/** lun_table_nr_free() - return how many of them no file uses. Any thread. */
uint64_t lun_table_nr_free(struct lun_table *table);

/** lun_table_free_chunks() - return how many chunks of a LUN no file of the volume uses, whatever
 * the limit of the volume; 0 if the LUN has failed. Any thread. */
uint64_t lun_table_free_chunks(struct lun_table *table, unsigned lun);

/** lun_table_find_failed() - return the LUNs that have failed since the last call, as a bit mask.
 * Any thread.
 */
unsigned lun_table_find_failed(struct lun_table *table);

/** lun_table_nr_handles() - return the number of resource handles of all LUNs. Any thread. */
uint64_t lun_table_nr_handles(const struct lun_table *table);

/** lun_table_free_handles() - return how many more files may have a vLUN; those of a LUN that has
 * failed do not count. Any thread. */
uint64_t lun_table_free_handles(struct lun_table *table);

/** lun_table_most_free() - return the LUN with most free chunks, without those in the bit mask
 * @tried, or nr_luns */
unsigned lun_table_most_free(struct lun_table *table, unsigned tried);

#endif
