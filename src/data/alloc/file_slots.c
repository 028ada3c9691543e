/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/file_slots.h"

#include <errno.h>
#include <stdlib.h>

void file_slots_init(struct file_slots *slots, unsigned nr_luns, bool striped)
{
	*slots = (struct file_slots){ .nr_luns = (uint8_t)nr_luns, .striped = striped };
}

void file_slots_fini(struct file_slots *slots)
{
	free(slots->on);
	file_slots_init(slots, slots->nr_luns, slots->striped);
}

int file_slots_prepare(struct file_slots *slots)
{
	if (!slots->on)
		slots->on = calloc(slots->nr_luns, sizeof(*slots->on));
	return slots->on ? 0 : -ENOMEM;
}

void file_slots_add(struct file_slots *slots, struct slots *added)
{
	slots->on[added->lun] = added;
}

uint32_t file_slots_nr(const struct file_slots *slots)
{
	uint32_t nr = 0;

	for (unsigned lun = 0; slots->on && lun < slots->nr_luns; lun++)
		nr += slots->on[lun] ? slots->on[lun]->nr : 0;
	return nr;
}

uint32_t file_slots_nr_free_on(const struct file_slots *slots, unsigned lun)
{
	const struct slots *on = file_slots_on(slots, lun);

	return on && !(slots->failed & (1u << lun)) ? slots_nr_free(on) : 0;
}

uint32_t file_slots_nr_free(const struct file_slots *slots)
{
	uint32_t nr = 0;

	for (unsigned lun = 0; slots->on && lun < slots->nr_luns; lun++)
		nr += file_slots_nr_free_on(slots, lun);
	return nr;
}

static uint32_t nr_below_tail(const struct file_slots *slots, unsigned lun)
{
	const struct slots *on = file_slots_on(slots, lun);

	return on && !(slots->failed & (1u << lun)) ? on->nr_tail - on->nr_used : 0;
}

uint32_t file_slots_nr_below_tail(const struct file_slots *slots)
{
	uint32_t nr = 0;

	for (unsigned lun = 0; slots->on && lun < slots->nr_luns; lun++)
		nr += nr_below_tail(slots, lun);
	return nr;
}

uint64_t file_slots_nr_rising(const struct file_slots *slots, uint64_t nr)
{
	uint64_t below = file_slots_nr_below_tail(slots);

	return nr > below ? nr - below : 0;
}

bool file_slots_has_vlun(const struct file_slots *slots)
{
	for (unsigned lun = 0; slots->on && lun < slots->nr_luns; lun++) {
		if (slots->on[lun] && slots->on[lun]->vlun)
			return true;
	}
	return false;
}

/** Return: the first LUN from @preferred on that has one, or nr_luns. */
static unsigned find(const struct file_slots *slots, unsigned preferred,
		     uint32_t (*nr)(const struct file_slots *slots, unsigned lun))
{
	unsigned lun = preferred;

	do {
		if (nr(slots, lun) > 0)
			return lun;
		lun = (lun + 1) % slots->nr_luns;
	} while (lun != preferred);
	return slots->nr_luns;
}

void file_slots_prefer(struct file_slots *slots, uint64_t chunk, unsigned lun)
{
	if (slots->striped)
		lun = (unsigned)((lun + slots->nr_luns - chunk % slots->nr_luns) % slots->nr_luns);
	slots->home = (uint8_t)lun;
}

unsigned file_slots_pick(const struct file_slots *slots, uint64_t chunk)
{
	unsigned preferred = file_slots_preferred(slots, chunk);
	unsigned lun = find(slots, preferred, nr_below_tail);

	return lun < slots->nr_luns ? lun : find(slots, preferred, file_slots_nr_free_on);
}

void file_slots_cut_tails(struct file_slots *slots)
{
	for (unsigned lun = 0; slots->on && lun < slots->nr_luns; lun++) {
		if (slots->on[lun])
			slots_cut_tail(slots->on[lun]);
	}
}
