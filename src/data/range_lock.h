/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range_lock - shared and exclusive locks on ranges of a file's blocks, without sleeping.
 *
 * A request that conflicts with an earlier one, held or waiting, is queued; range_lock_release()
 * returns it when its turn comes. First come, first served: no request starves.
 *
 * Entries are the caller's memory from acquire to release. Not thread-safe: the file's lock
 * protects it. Ranges are half-open; RANGE_LOCK_END means without end.
 */
#ifndef CXLFS_DATA_RANGE_LOCK_H
#define CXLFS_DATA_RANGE_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define RANGE_LOCK_END UINT64_MAX

struct range_lock_entry {
	uint64_t start, end;
	bool exclusive;
	union {
		LIST_ENTRY(range_lock_entry) held;
		TAILQ_ENTRY(range_lock_entry) waits;
	};
	struct range_lock_entry *next_granted;
};

LIST_HEAD(range_lock_held, range_lock_entry);
TAILQ_HEAD(range_lock_waiting, range_lock_entry);

struct range_lock {
	struct range_lock_held shared, exclusive;
	struct range_lock_waiting waiting; /* in order of arrival */
};

void range_lock_init(struct range_lock *lock);

/**
 * range_lock_acquire() - ask for a range
 * @entry: start, end and exclusive set by the caller
 * Return: true when it is held now; false when it waits for a range_lock_release() to return it.
 */
bool range_lock_acquire(struct range_lock *lock, struct range_lock_entry *entry);

/**
 * range_lock_release() - give a held range back
 * Return: the waiters that hold their ranges from now on, linked by ->next_granted, in order of
 * arrival; NULL if none.
 */
struct range_lock_entry *range_lock_release(struct range_lock *lock,
					    struct range_lock_entry *entry);

/** range_lock_writing() - return true if an exclusive holder other than @except overlaps [start,
 * end) */
bool range_lock_writing(const struct range_lock *lock, uint64_t start, uint64_t end,
			const struct range_lock_entry *except);

#endif
