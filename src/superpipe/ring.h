/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - the completion ring (RRQ) and the submission ring (SQ), and their memory ordering.
 *
 * RRQ: the device writes the IOASA and the data, then the entry. We read the entry, and the IOASA
 * only if the entry's toggle bit has the expected value.
 *   - ring_rrq_next() loads an entry with an acquire. It pairs with the device's store of the
 *     entry: a card writes to memory in this order, and the store in the emulator's rrq_put() is
 *     a release. The load in ring_rrq_is_empty() pairs with nothing: it is a hint.
 *   - An entry is 8 bytes, aligned, so it is new or old, never a mixture. There is no consumer
 *     register, and never more commands are in flight than the ring has entries: the device writes
 *     an entry again only after we have taken what it held. So the toggle bit tells new from old.
 *   - ring_rrq_clear() pairs with the store to RRQ_START: write64() orders it after the zeros.
 *
 * SQ: we fill slots, then store the address of the next free one to the tail register.
 *   - write64() of devport orders all earlier stores before that one. It pairs with the device,
 *     which reads the tail before the slots. So no barrier is needed here. A card gets a full
 *     barrier (sync on POWER) before the store. The emulator's registers have a lock, under
 *     which it also fetches commands. The same is true of IOARRIN.
 *   - A slot is filled again one round later. The ring has more slots than commands can be in
 *     flight, and the device fetches them in order: so it has completed the command of this slot
 *     or a later one. The thread that took that entry, with an acquire, freed the command under
 *     submit_lock, and slots are filled under submit_lock. So the device's loads come before our
 *     stores to the slot.
 *
 * `make check-tsan` finds races in the IOASA and in the slots if the acquire is missing.
 *
 * The rings have no lock: the owner's protects them.
 */
#ifndef CXLFS_SUPERPIPE_RING_H
#define CXLFS_SUPERPIPE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/sisl.h"

struct ring_rrq {
	uint64_t *entries; /* written by the device */
	uint32_t nr_entries;
	uint32_t position;
	uint64_t toggle; /* expected, 0 or 1 */
};

/** ring_rrq_clear() - empty the ring, before the device gets its address. */
static inline void ring_rrq_clear(struct ring_rrq *rrq)
{
	for (uint32_t i = 0; i < rrq->nr_entries; i++)
		__atomic_store_n(&rrq->entries[i], 0, __ATOMIC_RELAXED);
	rrq->position = 0;
	rrq->toggle = SISL_RRQ_TOGGLE;
}

/** ring_rrq_is_empty() - true if there is no completion. */
static inline bool ring_rrq_is_empty(const struct ring_rrq *rrq)
{
	uint64_t entry = __atomic_load_n(&rrq->entries[rrq->position], __ATOMIC_RELAXED);

	return (entry & SISL_RRQ_TOGGLE) != rrq->toggle;
}

/** ring_rrq_next() - take the next completion. Return: false if there is none. */
static inline bool ring_rrq_next(struct ring_rrq *rrq, uint64_t *ret_address)
{
	uint64_t entry = __atomic_load_n(&rrq->entries[rrq->position], __ATOMIC_ACQUIRE);

	if ((entry & SISL_RRQ_TOGGLE) != rrq->toggle)
		return false;
	if (++rrq->position == rrq->nr_entries) {
		rrq->position = 0;
		rrq->toggle ^= SISL_RRQ_TOGGLE;
	}
	*ret_address = entry & SISL_RRQ_ADDRESS_MASK;
	return true;
}

static inline uint64_t ring_rrq_start(const struct ring_rrq *rrq)
{
	return (uint64_t)(uintptr_t)&rrq->entries[0];
}

static inline uint64_t ring_rrq_last(const struct ring_rrq *rrq)
{
	return (uint64_t)(uintptr_t)&rrq->entries[rrq->nr_entries - 1];
}

struct ring_sq {
	struct sisl_ioarcb *slots; /* read by the device */
	uint32_t nr_slots; /* one more than commands in flight, because a full ring would look empty
			    */
	uint32_t position; /* the slot to fill next */
};

/** ring_sq_take() - take the next slot; the device reads it after the next store to the tail. */
static inline struct sisl_ioarcb *ring_sq_take(struct ring_sq *sq)
{
	struct sisl_ioarcb *slot = &sq->slots[sq->position];

	if (++sq->position == sq->nr_slots)
		sq->position = 0;
	return slot;
}

static inline uint64_t ring_sq_start(const struct ring_sq *sq)
{
	return (uint64_t)(uintptr_t)&sq->slots[0];
}

static inline uint64_t ring_sq_last(const struct ring_sq *sq)
{
	return (uint64_t)(uintptr_t)&sq->slots[sq->nr_slots - 1];
}

/** ring_sq_tail() - return the value for the tail register. */
static inline uint64_t ring_sq_tail(const struct ring_sq *sq)
{
	return (uint64_t)(uintptr_t)&sq->slots[sq->position];
}

/** ring_sq_seek() - continue at the slot with @address, or at the first if there is no such slot.
 */
static inline void ring_sq_seek(struct ring_sq *sq, uint64_t address)
{
	uint64_t offset = address - ring_sq_start(sq);

	sq->position = 0;
	if (offset % sizeof(sq->slots[0]) == 0 && offset / sizeof(sq->slots[0]) < sq->nr_slots)
		sq->position = (uint32_t)(offset / sizeof(sq->slots[0]));
}

#endif
