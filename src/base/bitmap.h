/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bitmap - ranges of bits in an array of 64-bit words.
 *
 * Bit n is bit n % 64 of word n / 64. Ranges are half-open. Nothing is locked: the caller must hold
 * a lock.
 */
#ifndef CXLFS_BASE_BITMAP_H
#define CXLFS_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORD_BITS      64u
#define BITMAP_WORDS(nr_bits) (((nr_bits) + BITMAP_WORD_BITS - 1) / BITMAP_WORD_BITS)

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
	return (map[bit / BITMAP_WORD_BITS] >> (bit % BITMAP_WORD_BITS)) & 1;
}

/** bitmap_mask() - return the bits of [from, to), not empty, that lie in the word of @from */
static inline uint64_t bitmap_mask(size_t from, size_t to)
{
	size_t low = from % BITMAP_WORD_BITS;
	uint64_t mask = ~UINT64_C(0) << low;

	if (to - from < BITMAP_WORD_BITS - low)
		mask &= ~(~UINT64_C(0) << (low + (to - from)));
	return mask;
}

/** bitmap_next_word() - return the first bit of the word after that of @bit */
static inline size_t bitmap_next_word(size_t bit)
{
	return (bit / BITMAP_WORD_BITS + 1) * BITMAP_WORD_BITS;
}

/** bitmap_set() / bitmap_clear() - change [from, to). Return: how many bits changed. */
size_t bitmap_set(uint64_t *map, size_t from, size_t to);
size_t bitmap_clear(uint64_t *map, size_t from, size_t to);

/** bitmap_next_set() / bitmap_next_clear() - first such bit in [from, to), or @to. */
size_t bitmap_next_set(const uint64_t *map, size_t from, size_t to);
size_t bitmap_next_clear(const uint64_t *map, size_t from, size_t to);

/** bitmap_last_set() - return one more than the highest set bit below @to, or 0. */
size_t bitmap_last_set(const uint64_t *map, size_t to);

#endif
