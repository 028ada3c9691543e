/* SPDX-License-Identifier: Apache-2.0 */
#include "data/stripe.h"

#include "base/minmax.h"

struct stripe_group stripe_group_of(const struct stripes *stripes, uint64_t chunk)
{
	struct stripe_group group = { .first = 0, .width = 1 };

	if (stripes->stripe_blocks == 0)
		return (struct stripe_group){ .first = chunk, .width = 1 };
	while (chunk >= group.first + group.width && group.width < stripes->nr_luns) {
		group.first += group.width;
		group.width = min_u(group.width * 2, stripes->nr_luns);
	}
	group.first += (chunk - group.first) / group.width * group.width;
	return group;
}

unsigned stripe_chunk_of(const struct stripes *stripes, const struct stripe_group *group,
			 uint64_t block, uint32_t *ret_from, uint32_t *ret_nr)
{
	uint64_t offset = block - group->first * stripes->chunk_blocks, stripe;
	uint32_t in_stripe;

	if (group->width == 1) {
		*ret_from = (uint32_t)offset;
		*ret_nr = stripes->chunk_blocks - *ret_from;
		return 0;
	}
	stripe = offset / stripes->stripe_blocks;
	in_stripe = (uint32_t)(offset % stripes->stripe_blocks);
	*ret_from = (uint32_t)(stripe / group->width) * stripes->stripe_blocks + in_stripe;
	*ret_nr = stripes->stripe_blocks - in_stripe;
	return (unsigned)(stripe % group->width);
}

uint32_t stripe_rank(const struct stripes *stripes, const struct stripe_group *group,
		     unsigned index, uint64_t block)
{
	uint64_t start = group->first * stripes->chunk_blocks, offset, rest;
	uint32_t size = stripes->stripe_blocks;

	if (block <= start)
		return 0;
	offset = block - start;
	if (offset >= (uint64_t)group->width * stripes->chunk_blocks)
		return stripes->chunk_blocks;
	if (group->width == 1)
		return (uint32_t)offset;
	rest = offset % ((uint64_t)size * group->width);
	offset /= (uint64_t)size * group->width;
	if (rest > (uint64_t)index * size)
		return (uint32_t)(offset * size + min_u64(rest - (uint64_t)index * size, size));
	return (uint32_t)(offset * size);
}

uint64_t stripe_block_of(const struct stripes *stripes, const struct stripe_group *group,
			 unsigned index, uint32_t nr)
{
	uint64_t start = group->first * stripes->chunk_blocks;
	uint32_t size = stripes->stripe_blocks;

	if (group->width == 1)
		return start + nr;
	return start + ((uint64_t)(nr / size) * group->width + index) * size + nr % size;
}
