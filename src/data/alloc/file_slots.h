/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_slots - the slots of one file on all LUNs of its volume.
 *
 * A file has at most one vLUN on each LUN, and none until it needs one there. The state of a vLUN
 * is made when the LUN is first used and stays until the end of the file.
 *
 * Not thread-safe: the file's lock protects it.
 */
#ifndef CXLFS_DATA_ALLOC_FILE_SLOTS_H
#define CXLFS_DATA_ALLOC_FILE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/alloc/slots.h"

struct file_slots {
	struct slots **on; /* by LUN; NULL: the file has had no vLUN, there or anywhere */
	uint8_t nr_luns;   /* of the volume */
	bool striped;      /* each chunk prefers the LUN behind that of the chunk before it */
	uint8_t failed;    /* bit mask: LUNs of which no more slots are taken */
	uint8_t home;      /* striped: the LUN that chunk 0 prefers; else the one to grow on */
};

void file_slots_init(struct file_slots *slots, unsigned nr_luns, bool striped);

/** file_slots_fini() - free the arrays; the slots belong to the caller */
void file_slots_fini(struct file_slots *slots);

/** file_slots_on() - return the slots on @lun, or NULL */
static inline struct slots *file_slots_on(const struct file_slots *slots, unsigned lun)
{
	return slots->on ? slots->on[lun] : NULL;
}

/** file_slots_prepare() - take the memory for file_slots_add(). Return: 0; -ENOMEM. */
int file_slots_prepare(struct file_slots *slots);

/** file_slots_add() - @added, which remains the caller's, are the slots on its LUN from now on */
void file_slots_add(struct file_slots *slots, struct slots *added);

/** file_slots_nr() - return the number of slots on all LUNs, free or not */
uint32_t file_slots_nr(const struct file_slots *slots);

/** file_slots_nr_free() - return the number of free slots on all LUNs that have not failed */
uint32_t file_slots_nr_free(const struct file_slots *slots);

/** file_slots_nr_free_on() - return the number of free slots on @lun */
uint32_t file_slots_nr_free_on(const struct file_slots *slots, unsigned lun);

/** file_slots_nr_below_tail() - return the number of free slots that count as used: taking them
 * costs nothing */
uint32_t file_slots_nr_below_tail(const struct file_slots *slots);

/** file_slots_nr_rising() - return by how many slots the tails rise if @nr are taken and vLUNs grow
 * as needed
 */
uint64_t file_slots_nr_rising(const struct file_slots *slots, uint64_t nr);

/** file_slots_has_vlun() - return true if the file has a vLUN on any LUN */
bool file_slots_has_vlun(const struct file_slots *slots);

/** file_slots_preferred() - return the LUN on which @chunk should have its slot */
static inline unsigned file_slots_preferred(const struct file_slots *slots, uint64_t chunk)
{
	return slots->striped ? (unsigned)((slots->home + chunk) % slots->nr_luns) : slots->home;
}

/** file_slots_prefer() - @chunk prefers @lun from now on; other chunks follow */
void file_slots_prefer(struct file_slots *slots, uint64_t chunk, unsigned lun);

/**
 * file_slots_pick() - choose the LUN for a slot of @chunk; one is free
 * One below a tail goes first, then one on the preferred LUN.
 */
unsigned file_slots_pick(const struct file_slots *slots, uint64_t chunk);

/** file_slots_cut_tails() - find the tail on each LUN again after slots were freed */
void file_slots_cut_tails(struct file_slots *slots);

#endif
