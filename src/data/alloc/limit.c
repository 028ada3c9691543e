/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/limit.h"

#include <semaphore.h>

#include "base/container_of.h"
#include "data/alloc/shrink.h"

struct change {
	struct worker_job job;
	struct allocator *alloc;
	uint64_t max_chunks;
	int err;
	sem_t done;
};

static void give_back_all(struct allocator *alloc)
{
	for (unsigned lun = 0; lun < alloc->luns.nr_luns; lun++)
		(void)shrink_on_lun(alloc, lun, NULL);
	(void)segment_vluns_close_empty(&alloc->segments, UINT32_MAX);
}

static void run(struct worker_job *job)
{
	struct change *change = container_of(job, struct change, job);
	struct lun_table *luns = &change->alloc->luns;

	change->err = lun_table_set_limit(luns, change->max_chunks);
	if (change->err) {
		give_back_all(change->alloc);
		change->err = lun_table_set_limit(luns, change->max_chunks);
	}
	(void)sem_post(&change->done);
}

int limit_set(struct allocator *alloc, uint64_t max_chunks)
{
	struct change change = { .job.run = run, .alloc = alloc, .max_chunks = max_chunks };

	(void)sem_init(&change.done, 0, 0);
	worker_queue(&alloc->worker, &change.job);
	while (sem_wait(&change.done))
		;
	(void)sem_destroy(&change.done);
	return change.err;
}
