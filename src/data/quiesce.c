/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses the worker and the mover. */
#include "data/mover.h"
#include "data/snapshot.h"
#include "data/volume.h"

/* The mover first, because its moves may queue jobs. */
void data_volume_quiesce(struct data_volume *vol)
{
	mover_pause(vol->mover);
	vlun_pool_stop(&vol->alloc.pool);
	worker_pause(&vol->alloc.worker);
	(void)vlun_pool_close_all(&vol->alloc.pool);
	(void)segment_vluns_close_empty(&vol->alloc.segments, UINT32_MAX);
}

void data_volume_resume(struct data_volume *vol)
{
	worker_resume(&vol->alloc.worker);
	mover_resume(vol->mover);
}
