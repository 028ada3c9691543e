/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/minmax.h"

void slots_init(struct slots *slots)
{
	*slots = (struct slots){ 0 };
}

void slots_fini(struct slots *slots)
{
	free(slots->used);
	slots_init(slots);
}

int slots_make_room(struct slots *slots, uint64_t nr)
{
	size_t old_words = BITMAP_WORDS((size_t)slots->max), words;
	uint64_t *used;

	if (nr <= slots->max)
		return 0;
	if (nr > UINT32_MAX - BITMAP_WORD_BITS)
		return -ENOMEM;
	words = BITMAP_WORDS((size_t)nr);
	used = reallocarray(slots->used, words, sizeof(*used));
	if (!used)
		return -ENOMEM;
	memset(used + old_words, 0, (words - old_words) * sizeof(*used));
	slots->used = used;
	slots->max = (uint32_t)(words * BITMAP_WORD_BITS);
	return 0;
}

static void use(struct slots *slots, uint32_t slot)
{
	slots->nr_used++;
	(void)bitmap_set(slots->used, slot, slot + 1u);
	if (slot >= slots->nr_tail)
		slots->nr_tail = slot + 1;
}

uint32_t slots_take(struct slots *slots)
{
	uint32_t slot = (uint32_t)bitmap_next_clear(slots->used, slots->nr_full, slots->nr);

	slots->nr_full = slot + 1;
	use(slots, slot);
	return slot;
}

bool slots_adopt(struct slots *slots, uint32_t slot)
{
	if (slot >= slots->nr || bitmap_test(slots->used, slot))
		return false;
	use(slots, slot);
	return true;
}

void slots_put(struct slots *slots, uint32_t slot)
{
	(void)bitmap_clear(slots->used, slot, slot + 1u);
	slots->nr_used--;
	slots->nr_full = min_u(slots->nr_full, slot);
}

void slots_clear(struct slots *slots)
{
	if (slots->max > 0)
		(void)bitmap_clear(slots->used, 0, slots->max);
	*slots = (struct slots){ .used = slots->used, .max = slots->max, .lun = slots->lun };
}

void slots_cut_tail(struct slots *slots)
{
	slots->nr_tail = (uint32_t)bitmap_last_set(slots->used, slots->nr_tail);
}
