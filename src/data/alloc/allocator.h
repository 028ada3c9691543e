/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocator - where the bytes of a volume lie: what the files of a volume share.
 *
 * A file has a vLUN on each LUN that it uses, the first on the LUN with most room. Stretches of
 * files that hold little lie in segments, vLUNs that files share; a file's vLUN may become one.
 * The worker opens, grows, shrinks and closes vLUNs (grow.h, shrink.h, segment_vluns.h); what a
 * file has is in file_space.h.
 *
 * Locks: a file's lock is taken before that of the pool, and this before the worker's.
 */
#ifndef CXLFS_DATA_ALLOC_ALLOCATOR_H
#define CXLFS_DATA_ALLOC_ALLOCATOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

#include "data/alloc/change.h"
#include "data/alloc/lun_table.h"
#include "data/alloc/segment_vluns.h"
#include "data/alloc/vlun_pool.h"
#include "data/alloc/worker.h"

TAILQ_HEAD(file_vlun_list, file_vlun);

/** Free blocks that only privileged operations may take: see reserve.h. */
struct reserve {
	pthread_mutex_t lock;       /* taken after a file's, before that of segments */
	_Atomic uint64_t nr_blocks; /* 0: none */
};

struct allocator {
	struct lun_table luns;
	struct worker worker;
	struct vlun_pool pool;
	struct file_vlun_list reclaimable; /* worker only: oldest first */
	struct file_vlun_list watched;     /* worker only, oldest first: see data/share.h */
	struct file_vlun_list spare; /* worker only: shared when space is short, see data/share.c */
	_Atomic uint64_t nr_watched; /* in watched and spare */
	struct segment_vluns segments;
	struct reserve reserve;
	struct data_changes changes;      /* set before there are files */
	_Atomic uint64_t nr_file_numbers; /* given so far */
	uint64_t pack_blocks;     /* these two: set before there are files; 0: no segments */
	bool striped;             /* see file_slots.h */
	_Atomic uint64_t idle_ns; /* unused flash goes back after this time */
};

/**
 * allocator_init() - learn the LUNs and start the worker
 * @tidy: gives idle flash back; called on the worker with @alloc
 * Return: 0; -EINVAL unsuitable LUNs; -EAGAIN no thread.
 */
int allocator_init(struct allocator *alloc, struct superpipe *sp, worker_tidy_fn *tidy);

/** allocator_free_blocks() - return the number of blocks in unused chunks, and of free ones in
 * segments. Any thread; a file's lock may be held. */
uint64_t allocator_free_blocks(struct allocator *alloc);

/** allocator_note_failed_luns() - allocate no more blocks on LUNs that have failed. Any thread; a
 * file's lock may be held. Return: the LUNs that have failed, as a bit mask. */
unsigned allocator_note_failed_luns(struct allocator *alloc);

/** allocator_fini() - stop the worker and close the pool. All files must have been freed. */
void allocator_fini(struct allocator *alloc);

#endif
