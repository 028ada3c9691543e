/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_space - the flash of one file: its vLUNs and extents, what the volume counts for it, its
 * lifetime.
 *
 * The file embeds it. It lives while its owner, an operation or a queued job holds a reference;
 * then the worker closes the vLUNs and calls @gone.
 *
 * Counting: a vLUN counts with the slots up to its highest used one, because only what lies
 * beyond that can be given to others. The counts change with the slots, before the ioctls do.
 */
#ifndef CXLFS_DATA_ALLOC_FILE_SPACE_H
#define CXLFS_DATA_ALLOC_FILE_SPACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "data/alloc/allocator.h"
#include "data/alloc/extent_map.h"
#include "data/alloc/file_slots.h"

/** A file's vLUN on one LUN. Made when first needed there; lives as long as the file. */
struct file_vlun {
	struct file_space *space;

	/* protected by the file's lock */
	struct slots slots;
	uint32_t counted_chunks; /* in the counts of the volume */

	/* worker only */
	bool is_reclaimable; /* in the list of the allocator: may have slots beyond its tail */
	uint64_t reclaimable_since_ns;
	TAILQ_ENTRY(file_vlun) reclaimable_link;
	struct file_vlun_list *watched; /* the list of the allocator it is in, or NULL */
	uint64_t watched_since_ns;
	uint64_t nr_seen; /* blocks that the file held then */
	TAILQ_ENTRY(file_vlun) watched_link;
};

struct file_space {
	struct allocator *alloc;
	void (*gone)(struct file_space *space); /* frees the file */
	pthread_mutex_t lock;                   /* the file's lock: protects all of the file */
	uint64_t number;                        /* see change.h; set before the file is shared */

	/* protected by lock */
	struct file_slots slots; /* of file_vluns */
	struct extent_map extents;
	struct worker_job job; /* of background.c; closes the vLUNs after the last reference */
	uint32_t refs;
	uint32_t prealloc_asked_at; /* slots when one was last asked for ahead: ask only once */
	uint8_t ahead_luns;         /* bit mask: the LUNs to take a slot on ahead of need */
	uint8_t wants;              /* of background.c; non-zero: job is queued */
	bool is_plun;               /* a whole LUN, never resized; set before the file is shared */
	bool freed;                 /* by its owner */
	bool release_expected;      /* worker_expect_release() was called */
	bool orphan;                /* has no link; worker_begin_possible_release() was called */
};

/** file_space_init() - start without a vLUN, with one reference */
void file_space_init(struct file_space *space, struct allocator *alloc,
		     void (*gone)(struct file_space *space));

static inline void file_space_lock(struct file_space *space)
{
	(void)pthread_mutex_lock(&space->lock);
}

static inline void file_space_unlock(struct file_space *space)
{
	(void)pthread_mutex_unlock(&space->lock);
}

/** file_space_vlun_locked() - return what the file has on @lun, or NULL */
struct file_vlun *file_space_vlun_locked(const struct file_space *space, unsigned lun);

/** file_space_vlun() - the same, but takes the lock */
struct file_vlun *file_space_vlun(struct file_space *space, unsigned lun);

/** file_space_make_vlun_locked() - the same, but make it if there is none. Return: NULL: -ENOMEM.
 */
struct file_vlun *file_space_make_vlun_locked(struct file_space *space, unsigned lun);

/** file_space_put_locked() - Return: true: the last reference; unlock, then file_space_release() */
bool file_space_put_locked(struct file_space *space);

/** file_space_release() - close the vLUNs and call @gone, at once or on the worker. */
void file_space_release(struct file_space *space);

/**
 * file_space_free_locked() - drop the owner's reference; the space counts as free from now on
 * Return: as file_space_put_locked().
 */
bool file_space_free_locked(struct file_space *space);

/** file_space_set_orphan_locked() - note that the file has lost its last name, or has one again */
void file_space_set_orphan_locked(struct file_space *space, bool orphan);

/** file_space_count_locked() - bring the volume's counts up to date with the slots
 *  Return: whether any went down. */
bool file_space_count_locked(struct file_space *space);

/** file_space_report_vlun_locked() - report what the file has on @lun, and where it grows */
void file_space_report_vlun_locked(const struct file_space *space, unsigned lun);

/** file_space_take_pooled_locked() - take a vLUN for @chunk from the pool, if there is one; the
 *  file has none */
void file_space_take_pooled_locked(struct file_space *space, uint64_t chunk);

/**
 * file_space_adopt_vlun() - give a file a vLUN that another process has made
 * @nr: of its chunks may be used. The worker is paused, and no other thread uses the file.
 * Return: 0; -EPROTO it has one on that LUN; -ENOMEM. After an error the vLUN is the caller's.
 */
int file_space_adopt_vlun(struct file_space *space, struct superpipe_vlun *vlun, unsigned lun,
			  uint32_t nr);

/** file_space_settle() - count the adopted vLUNs, and note what lies behind their tails */
void file_space_settle(struct file_space *space);

/* The list of vLUNs that may have slots beyond their tail. On the worker. */
void file_vlun_set_reclaimable(struct file_vlun *vlun);
void file_vlun_clear_reclaimable(struct file_vlun *vlun);

/** file_vlun_watch() - put a vLUN at the end of a list of watched ones, or (NULL) of none. On the
 *  worker. */
void file_vlun_watch(struct file_vlun *vlun, struct file_vlun_list *list);

#endif
