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
	segment_vluns_init(&alloc->segments, &alloc->luns, &alloc->worker);
	vlun_pool_init(&alloc->pool, &alloc->luns, &alloc->worker);
	err = worker_init(&alloc->worker, tidy, alloc);
	if (err) {
		vlun_pool_fini(&alloc->pool);
		segment_vluns_fini(&alloc->segments);
	}
	return err;
}

void allocator_fini(struct allocator *alloc)
{
	vlun_pool_stop(&alloc->pool);
	worker_fini(&alloc->worker);
	vlun_pool_fini(&alloc->pool);
	segment_vluns_fini(&alloc->segments);
}
