/* SPDX-License-Identifier: Apache-2.0 */
/* lun_table - the LUNs of a volume: how many chunks and resource handles its files use. */
#ifndef CXLFS_DATA_ALLOC_LUN_TABLE_H
#define CXLFS_DATA_ALLOC_LUN_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "superpipe/superpipe.h"

struct lun_entry {
	_Atomic uint64_t nr_chunks; /* a LUN in physical mode may grow */
	_Atomic uint64_t nr_used;   /* counted for files */
};

struct lun_table {
	struct superpipe *sp; /* these three: set once */
	uint32_t chunk_blocks;
	unsigned nr_luns;
	struct lun_entry luns[SUPERPIPE_MAX_LUNS];
	_Atomic uint64_t nr_vluns; /* files counted as having one */
};

/** lun_table_init() - Return: 0; -EINVAL no LUN, or chunks of different sizes. */
int lun_table_init(struct lun_table *table, struct superpipe *sp);

/** lun_table_count() - a file on @lun used @before chunks and uses @after. Any thread. */
void lun_table_count(struct lun_table *table, unsigned lun, uint32_t before, uint32_t after);

/** lun_table_free_chunks() - chunks of a LUN that no file of the volume uses. Any thread. */
uint64_t lun_table_free_chunks(struct lun_table *table, unsigned lun);

/** lun_table_free_handles() - how many more files may have a vLUN. Any thread. */
uint64_t lun_table_free_handles(struct lun_table *table);

/** lun_table_roomiest() - the LUN with most free chunks not in the bit mask @tried, or nr_luns */
unsigned lun_table_roomiest(struct lun_table *table, unsigned tried);

#endif
