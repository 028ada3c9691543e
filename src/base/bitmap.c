/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bitmap.h"

size_t bitmap_set(uint64_t *map, size_t from, size_t to)
{
	size_t changed = 0;

	for (; from < to; from = bitmap_next_word(from)) {
		uint64_t *word = &map[from / BITMAP_WORD_BITS];
		uint64_t mask = bitmap_mask(from, to);

		changed += (size_t)__builtin_popcountll(mask & ~*word);
		*word |= mask;
	}
	return changed;
}

size_t bitmap_clear(uint64_t *map, size_t from, size_t to)
{
	size_t changed = 0;

	for (; from < to; from = bitmap_next_word(from)) {
		uint64_t *word = &map[from / BITMAP_WORD_BITS];
		uint64_t mask = bitmap_mask(from, to);

		changed += (size_t)__builtin_popcountll(mask & *word);
		*word &= ~mask;
	}
	return changed;
}

/** @flip is all ones to look for clear bits. */
static size_t next_bit(const uint64_t *map, size_t from, size_t to, uint64_t flip)
{
	for (; from < to; from = bitmap_next_word(from)) {
		size_t base = from - from % BITMAP_WORD_BITS;
		uint64_t hit = (map[from / BITMAP_WORD_BITS] ^ flip) & bitmap_mask(from, to);

		if (hit)
			return base + (size_t)__builtin_ctzll(hit);
	}
	return to;
}

size_t bitmap_next_set(const uint64_t *map, size_t from, size_t to)
{
	return next_bit(map, from, to, 0);
}

size_t bitmap_next_clear(const uint64_t *map, size_t from, size_t to)
{
	return next_bit(map, from, to, ~UINT64_C(0));
}

size_t bitmap_last_set(const uint64_t *map, size_t to)
{
	while (to > 0) {
		size_t base = (to - 1) - (to - 1) % BITMAP_WORD_BITS;
		uint64_t hit = map[base / BITMAP_WORD_BITS] & bitmap_mask(base, to);

		if (hit)
			return base + BITMAP_WORD_BITS - (size_t)__builtin_clzll(hit);
		to = base;
	}
	return 0;
}
