/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots - the chunks of one vLUN of a file, and which of them are in use.
 *
 * The lowest free slot is taken first, so that the tail of the vLUN tends to be free and can be
 * given back by shrinking it. Free slots below the tail are kept and reused.
 *
 * Not thread-safe: the file's lock protects it.
 */
#ifndef CXLFS_DATA_ALLOC_SLOTS_H
#define CXLFS_DATA_ALLOC_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct superpipe_vlun;

struct slots {
	struct superpipe_vlun *vlun; /* NULL: none; then there are no slots either */
	uint64_t *used;              /* bit per slot */
	uint32_t nr;                 /* chunks of the vLUN that may be used */
	uint32_t max;                /* bits allocated in used */
	uint32_t nr_used;
	uint32_t nr_tail; /* one more than the highest slot in use */
	uint32_t nr_full; /* no slot below this one is free */
	unsigned lun;     /* of the vLUN */
};

void slots_init(struct slots *slots);
void slots_fini(struct slots *slots);

/** slots_make_room() - take the memory to note @nr slots. Return: 0; -ENOMEM. */
int slots_make_room(struct slots *slots, uint64_t nr);

/** slots_nr_free() - return the number of free slots */
static inline uint32_t slots_nr_free(const struct slots *slots)
{
	return slots->nr - slots->nr_used;
}

/** slots_take() - take the lowest free slot; there is one */
uint32_t slots_take(struct slots *slots);

/** slots_adopt() - note that a slot is in use. Return: false: it is already, or there is none. */
bool slots_adopt(struct slots *slots, uint32_t slot);

/** slots_put() - free a slot; call slots_cut_tail() after the last one */
void slots_put(struct slots *slots, uint32_t slot);

/** slots_clear() - forget the vLUN and its slots, which the file no longer owns */
void slots_clear(struct slots *slots);

/** slots_cut_tail() - find nr_tail again */
void slots_cut_tail(struct slots *slots);

#endif
