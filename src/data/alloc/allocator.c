/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/allocator.h"

/* Longer than a writer at full speed needs for half a chunk. */
#define DEFAULT_IDLE_NS 2000000000ull

int allocator_init(struct allocator *alloc, struct superpipe *sp, worker_tidy_fn *tidy)
{
	int err = lun_table_init(&alloc->luns, sp);

	if (err)
		return err;
	alloc->idle_ns = DEFAULT_IDLE_NS;
	TAILQ_INIT(&alloc->reclaimable);
	TAILQ_INIT(&alloc->watched);
	TAILQ_INIT(&alloc->spare);
	segment_vluns_init(&alloc->segments, &alloc->luns, &alloc->worker);
	alloc->segments.changes = &alloc->changes;
	vlun_pool_init(&alloc->pool, &alloc->luns, &alloc->worker);
	(void)pthread_mutex_init(&alloc->reserve.lock, NULL);
	err = worker_init(&alloc->worker, tidy, alloc);
	if (err) {
		(void)pthread_mutex_destroy(&alloc->reserve.lock);
		vlun_pool_fini(&alloc->pool);
		segment_vluns_fini(&alloc->segments);
	}
	return err;
}

unsigned allocator_note_failed_luns(struct allocator *alloc)
{
	unsigned found = lun_table_find_failed(&alloc->luns);

	for (unsigned lun = 0; found >> lun; lun++) {
		if (found & (1u << lun))
			segments_lose_lun(&alloc->segments.pool, lun);
	}
	return alloc->luns.failed;
}

void allocator_fini(struct allocator *alloc)
{
	vlun_pool_stop(&alloc->pool);
	worker_fini(&alloc->worker);
	vlun_pool_fini(&alloc->pool);
	segment_vluns_fini(&alloc->segments);
	(void)pthread_mutex_destroy(&alloc->reserve.lock);
}

uint64_t allocator_free_blocks(struct allocator *alloc)
{
	struct segment_vluns *segments = &alloc->segments;
	uint64_t nr;

	/* So that no segment is on its way from one count to the other. */
	(void)pthread_mutex_lock(&segments->lock);
	nr = lun_table_nr_free(&alloc->luns) * alloc->luns.chunk_blocks +
	     segment_vluns_nr_unclaimed(segments);
	(void)pthread_mutex_unlock(&segments->lock);
	return nr;
}
