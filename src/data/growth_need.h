/* SPDX-License-Identifier: Apache-2.0 */
/*
 * growth_need - what the blocks of a range need that have no place: extents or slots, and where.
 *
 * With the file's lock.
 */
#ifndef CXLFS_DATA_GROWTH_NEED_H
#define CXLFS_DATA_GROWTH_NEED_H

#include "data/file.h"

/** How much a growth insists on. */
enum growth_how {
	GROWTH_ON_PREFERRED_LUNS,
	GROWTH_ON_ANY_LUN,
	GROWTH_IN_ORDER, /* and without stripes in groups of which a part is enough */
};

/** Blocks of one unit of the mapping that lie, or are to lie, in extents. */
struct packed {
	uint64_t start, end;
	uint64_t nr_blocks; /* without a place */
};

/** What the blocks of a range need. Only its first and last unit may be packed: another one is used
 * as a whole. */
struct need {
	struct packed head, tail;
	uint64_t first,
		last;      /* the chunks between, those with slots included; first > last: none */
	uint64_t nr_slots; /* for these */
};

static inline uint64_t growth_nr_packed(const struct need *need)
{
	return need->head.nr_blocks + need->tail.nr_blocks;
}

/** growth_part_of() - return the part of [start, end) in @unit */
struct packed growth_part_of(const struct mapping *map, const struct stripe_group *unit,
			     uint64_t start, uint64_t end);

/** growth_need_of() - find what [start, end) needs; slots on LUNs that have failed do not count */
struct need growth_need_of(struct data_file *file, uint64_t start, uint64_t end,
			   enum growth_how how);

/** growth_fits() - return true if enough slots are free, where @how wants them. @ret_more: how many
 * more on each LUN */
bool growth_fits(const struct data_file *file, const struct need *need, enum growth_how how,
		 uint64_t ret_more[SUPERPIPE_MAX_LUNS]);

#endif
