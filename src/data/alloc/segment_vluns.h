/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment_vluns - the vLUNs of segments: opened, given back when they are empty.
 *
 * While files are packed, one segment is made ahead of need, so that a small file usually waits
 * for no ioctl. Empty segments go back after a while, or as soon as anything else needs flash.
 */
#ifndef CXLFS_DATA_ALLOC_SEGMENT_VLUNS_H
#define CXLFS_DATA_ALLOC_SEGMENT_VLUNS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "data/alloc/change.h"
#include "data/alloc/lun_table.h"
#include "data/alloc/segments.h"
#include "data/alloc/worker.h"

struct segment_vluns {
	struct segments pool;
	struct lun_table *luns; /* these three: set before the worker starts */
	struct worker *worker;
	const struct data_changes *changes;
	pthread_mutex_t lock; /* a segment is counted in the pool and in luns at once */
	struct worker_job job;
	_Atomic bool queued;          /* the job */
	_Atomic bool will_look;       /* the worker looks for empty segments again by itself */
	void (*on_sparse)(void *arg); /* these two: set before there are files */
	void *on_sparse_arg;
	_Atomic bool is_sparse_noted;
};

/** segment_vluns_init() - start without segments. Context: before the worker starts. */
void segment_vluns_init(struct segment_vluns *segments, struct lun_table *luns,
			struct worker *worker);

/** segment_vluns_fini() - close all; they are empty. Context: after the worker has stopped. */
void segment_vluns_fini(struct segment_vluns *segments);

/** segment_vluns_nr_unclaimed() - return how many free blocks in segments are not claimed. Any
 * thread. */
uint64_t segment_vluns_nr_unclaimed(struct segment_vluns *segments);

/** segment_vluns_add() - add a segment on @lun. On the worker. Return: 0; -ENOSPC; -ENOMEM; -EIO.
 */
int segment_vluns_add(struct segment_vluns *segments, unsigned lun);

/**
 * segment_vluns_adopt() - add a segment on a vLUN of @nr_chunks that another process has made
 * @number: of the segment there, higher than those that were adopted before
 * On the worker, or while it is paused. Return: 0; -ENOMEM, -EPROTO no or too many chunks, and the
 * vLUN is the caller's.
 */
int segment_vluns_adopt(struct segment_vluns *segments, struct superpipe_vlun *vlun, unsigned lun,
			uint64_t nr_chunks, uint64_t number, struct segment **ret_segment);

/** segment_vluns_enlarge() - add a chunk to the smallest segment on @lun, which needs no handle. On
 * the worker. Return: 0; -ENOSPC, also if there is none; -ENOMEM; -EIO. */
int segment_vluns_enlarge(struct segment_vluns *segments, unsigned lun);

/** segment_vluns_exist() - return true if there is a segment that could be enlarged. Any thread. */
bool segment_vluns_exist(struct segment_vluns *segments);

/** segment_vluns_note_taken() - after blocks were taken: make a segment ahead if few are left.
 *  Any thread; a file's lock may be held. */
void segment_vluns_note_taken(struct segment_vluns *segments);

/** segment_vluns_note_given() - after blocks were freed: close empty segments later, and tell the
 *  mover if segments are sparse. Any thread; a file's lock may be held. */
void segment_vluns_note_given(struct segment_vluns *segments);

/** segment_vluns_note_empty() - close an empty segment later */
void segment_vluns_note_empty(struct segment_vluns *segments);

/**
 * segment_vluns_on_sparse() - call @fn when as much as a segment is free, spread over several
 * Once, until segment_vluns_forget_sparse(). A file's lock may be held.
 */
void segment_vluns_on_sparse(struct segment_vluns *segments, void (*fn)(void *arg), void *arg);
void segment_vluns_forget_sparse(struct segment_vluns *segments);

/**
 * segment_vluns_close_empty() - close the empty segments on @lun, or on any LUN for UINT32_MAX
 * On the worker. Return: whether there was any.
 */
bool segment_vluns_close_empty(struct segment_vluns *segments, unsigned lun);

/**
 * segment_vluns_close_idle() - close segments that have been empty for @idle_ns
 * On the worker. Return: when to call again, by clock_now_ns(); UINT64_MAX: none is empty.
 */
uint64_t segment_vluns_close_idle(struct segment_vluns *segments, uint64_t idle_ns);

#endif
