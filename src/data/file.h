/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - one file's state inside the layer.
 *
 * Its lifetime is that of its space, see data/alloc/file_space.h.
 */
#ifndef CXLFS_DATA_FILE_H
#define CXLFS_DATA_FILE_H

#include <stdatomic.h>

#include "base/container_of.h"
#include "data/alloc/file_space.h"
#include "data/block.h"
#include "data/data.h"
#include "data/mapping.h"
#include "data/range_lock.h"
#include "data/volume.h"

struct data_file {
	struct file_space space;       /* holds the lock and the references */
	_Atomic uint64_t size;         /* bytes; written under lock, read anywhere */
	_Atomic uint64_t nr_allocated; /* blocks; written under lock, read anywhere */

	/* protected by lock */
	struct range_lock ranges;
	struct mapping map;
	/* A write that failed may have left bytes beyond the end of file in its last block. They
	 * are zeroed before the file grows over them: see data/partial_blocks.h. */
	bool eof_needs_zeroing;
	bool frozen; /* see data/freeze.h */

	bool move_queued; /* protected by the mover's lock */
};

static inline struct data_volume *file_volume(const struct data_file *file)
{
	return container_of(file->space.alloc, struct data_volume, alloc);
}

static inline void file_lock(struct data_file *file)
{
	file_space_lock(&file->space);
}

static inline void file_unlock(struct data_file *file)
{
	file_space_unlock(&file->space);
}

static inline uint64_t file_size_locked(const struct data_file *file)
{
	return atomic_load_explicit(&file->size, memory_order_relaxed);
}

/** file_report_locked() - report a change of the size or of eof_needs_zeroing */
static inline void file_report_locked(struct data_file *file)
{
	DATA_CHANGED(&file->space.alloc->changes, .kind = DATA_CHANGE_FILE,
		     .number = file->space.number, .size = file_size_locked(file),
		     .flag = file->eof_needs_zeroing);
}

static inline void file_set_size_locked(struct data_file *file, uint64_t size)
{
	atomic_store_explicit(&file->size, size, memory_order_release);
	file_report_locked(file);
}

static inline void file_set_eof_needs_zeroing_locked(struct data_file *file, bool needs)
{
	if (file->eof_needs_zeroing == needs)
		return;
	file->eof_needs_zeroing = needs;
	file_report_locked(file);
}

/** file_grow_size_locked() - move the end of file to @end if it is before that */
static inline void file_grow_size_locked(struct data_file *file, uint64_t end)
{
	if (end > file_size_locked(file))
		file_set_size_locked(file, end);
}

/** file_note_allocated_locked() - update nr_allocated after blocks were written, reserved or
 * cleared */
static inline void file_note_allocated_locked(struct data_file *file)
{
	atomic_store_explicit(&file->nr_allocated, file->map.nr_allocated, memory_order_relaxed);
}

#endif
