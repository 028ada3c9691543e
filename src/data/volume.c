/* SPDX-License-Identifier: Apache-2.0 */
#include "data/volume.h"

#include <errno.h>

#include "base/minmax.h"

void data_volume_set_idle_ms(struct data_volume *vol, unsigned ms)
{
	vol->alloc.idle_ns = ms * 1000000ull;
}

void data_volume_set_pack_bytes(struct data_volume *vol, uint64_t bytes)
{
	vol->alloc.pack_blocks = min_u64(bytes / DATA_BLOCK_BYTES, vol->alloc.luns.chunk_blocks);
}

void data_volume_set_stripe_bytes(struct data_volume *vol, uint64_t bytes)
{
	struct stripes *stripes = &vol->stripes;

	if (stripes->nr_luns > 1)
		stripes->stripe_blocks =
			(uint32_t)min_u64(bytes / DATA_BLOCK_BYTES, stripes->chunk_blocks);
	vol->alloc.striped = stripes->stripe_blocks > 0;
}

void data_volume_get_stats(struct data_volume *vol, struct data_volume_stats *ret_stats)
{
	struct lun_table *luns = &vol->alloc.luns;
	struct segment_vluns *segments = &vol->alloc.segments;
	uint64_t nr_free;

	(void)allocator_note_failed_luns(&vol->alloc);
	ret_stats->nr_reserved_blocks = vol->alloc.reserve.nr_blocks;
	(void)pthread_mutex_lock(&segments->lock);
	nr_free = lun_table_nr_free(luns);
	ret_stats->chunk_bytes = (uint64_t)luns->chunk_blocks * DATA_BLOCK_BYTES;
	ret_stats->nr_chunks = lun_table_nr_chunks(luns);
	ret_stats->nr_free_chunks = nr_free + segments->pool.nr_empty_chunks;
	ret_stats->nr_free_blocks =
		nr_free * luns->chunk_blocks + segment_vluns_nr_unclaimed(segments);
	ret_stats->nr_extents = segments->pool.nr_extents;
	ret_stats->packs = vol->alloc.pack_blocks > 0;
	ret_stats->nr_handles = lun_table_nr_handles(luns);
	ret_stats->nr_free_handles = lun_table_free_handles(luns) + segments->pool.nr_empty;
	ret_stats->nr_segments = segments->pool.nr_segments;
	ret_stats->nr_empty_segments = segments->pool.nr_empty;
	ret_stats->nr_segment_blocks = segment_vluns_nr_unclaimed(segments);
	(void)pthread_mutex_unlock(&segments->lock);
	ret_stats->nr_pooled = vlun_pool_nr(&vol->alloc.pool);
}

static bool can_add_file(struct data_volume *vol)
{
	return lun_table_free_handles(&vol->alloc.luns) > 0 ||
	       segment_vluns_nr_unclaimed(&vol->alloc.segments) > 0 ||
	       (vol->alloc.pack_blocks > 0 &&
		(lun_table_nr_free(&vol->alloc.luns) > 0 || vol->alloc.nr_watched > 0)) ||
	       worker_has_possible_releases(&vol->alloc.worker);
}

int data_volume_check_add_file(struct data_volume *vol)
{
	const struct lun_table *luns = &vol->alloc.luns;

	if (can_add_file(vol))
		return 0;
	return luns->failed == (1u << luns->nr_luns) - 1 ? -EIO : -ENOSPC;
}

void data_volume_start_polling(struct data_volume *vol)
{
	superpipe_start_polling(vol->sp);
}

void data_volume_stop_polling(struct data_volume *vol)
{
	superpipe_stop_polling(vol->sp);
}

bool data_volume_poll(struct data_volume *vol)
{
	return superpipe_poll(vol->sp);
}

bool data_volume_is_busy(struct data_volume *vol)
{
	return superpipe_is_busy(vol->sp);
}
