/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - one file's state inside the layer.
 *
 * A file lives while its owner, an operation or a queued job holds a reference; then its vLUN is
 * released on the worker.
 */
#ifndef CXLFS_DATA_FILE_H
#define CXLFS_DATA_FILE_H

#include <pthread.h>
#include <stdatomic.h>

#include "data/data.h"
#include "data/mapping.h"
#include "data/range_lock.h"
#include "data/volume.h"

/* What a file asks of the worker. */
#define FILE_WANTS_TRIM  0x1u /* give back what lies beyond the tail */
#define FILE_WANTS_AHEAD 0x2u /* take one chunk ahead of need */

struct data_file {
	pthread_mutex_t lock;
	struct data_volume *vol;
	_Atomic uint64_t size;       /* written under lock, read anywhere */
	_Atomic uint64_t nr_held;    /* blocks; written under lock, read anywhere */

	/* protected by lock */
	struct range_lock ranges;
	struct mapping map;
	struct data_job job; /* trim and ahead; release once there is no reference left */
	uint32_t refs;
	uint32_t counted_chunks; /* in the volume's counts */
	uint32_t asked_ahead_at; /* nr_slots when one was last taken ahead: ask once only */
	uint8_t wants;           /* non-zero: job is queued */
	bool fixed;              /* a whole LUN; set before anybody else knows the file */
	bool dying;              /* data_file_free() was called */
	bool awaited;            /* volume_expect_release() was called */
	bool doomed;             /* data_file_doom() was called */
	/* A write that failed may have left bytes beyond the end of file in its last block. They
	 * are zeroed before the file grows over them: see data/edges.c. */
	bool tail_dirty;

	bool in_spares; /* worker only, as the two that follow */
	uint64_t spare_since_ns;
	TAILQ_ENTRY(data_file) spares_link;
};

static inline void file_lock(struct data_file *file)
{
	(void)pthread_mutex_lock(&file->lock);
}

static inline void file_unlock(struct data_file *file)
{
	(void)pthread_mutex_unlock(&file->lock);
}

static inline uint64_t file_size_locked(const struct data_file *file)
{
	return atomic_load_explicit(&file->size, memory_order_relaxed);
}

static inline void file_set_size_locked(struct data_file *file, uint64_t size)
{
	atomic_store_explicit(&file->size, size, memory_order_release);
}

/** file_grow_size_locked() - the end of file is at @end or beyond */
static inline void file_grow_size_locked(struct data_file *file, uint64_t end)
{
	if (end > file_size_locked(file))
		file_set_size_locked(file, end);
}

/** file_note_held_locked() - blocks have been written, reserved or cleared */
static inline void file_note_held_locked(struct data_file *file)
{
	atomic_store_explicit(&file->nr_held, file->map.nr_held, memory_order_relaxed);
}

/** file_put_locked() - drop a reference. Return: true: it was the last; unlock, file_release(). */
bool file_put_locked(struct data_file *file);

/** file_release() - nobody refers to @file any more: release its vLUN and free it, now or soon */
void file_release(struct data_file *file);

/** file_destroy() - free the memory of a file that has no vLUN any more */
void file_destroy(struct data_file *file);

#endif
