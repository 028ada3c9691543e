/* SPDX-License-Identifier: Apache-2.0 */
#include "data/range_lock.h"

#include <stddef.h>

void range_lock_init(struct range_lock *lock)
{
	LIST_INIT(&lock->shared);
	LIST_INIT(&lock->exclusive);
	TAILQ_INIT(&lock->waiting);
}

static bool overlaps(const struct range_lock_entry *a, const struct range_lock_entry *b)
{
	return a->start < b->end && b->start < a->end;
}

static bool overlaps_any(const struct range_lock_held *list, const struct range_lock_entry *entry)
{
	const struct range_lock_entry *other;

	LIST_FOREACH(other, list, held)
	{
		if (overlaps(other, entry))
			return true;
	}
	return false;
}

static bool held_against(const struct range_lock *lock, const struct range_lock_entry *entry)
{
	return overlaps_any(&lock->exclusive, entry) ||
	       (entry->exclusive && overlaps_any(&lock->shared, entry));
}

/** Does a waiter before @entry conflict? Looks at all waiters if @entry is not queued. */
static bool queued_against(const struct range_lock *lock, const struct range_lock_entry *entry)
{
	const struct range_lock_entry *other;

	TAILQ_FOREACH(other, &lock->waiting, waits)
	{
		if (other == entry)
			return false;
		if ((other->exclusive || entry->exclusive) && overlaps(other, entry))
			return true;
	}
	return false;
}

static void hold(struct range_lock *lock, struct range_lock_entry *entry)
{
	LIST_INSERT_HEAD(entry->exclusive ? &lock->exclusive : &lock->shared, entry, held);
}

bool range_lock_acquire(struct range_lock *lock, struct range_lock_entry *entry)
{
	if (held_against(lock, entry) || queued_against(lock, entry)) {
		TAILQ_INSERT_TAIL(&lock->waiting, entry, waits);
		return false;
	}
	hold(lock, entry);
	return true;
}

struct range_lock_entry *range_lock_release(struct range_lock *lock, struct range_lock_entry *entry)
{
	struct range_lock_entry *granted = NULL, **tail = &granted;
	struct range_lock_entry *next = TAILQ_FIRST(&lock->waiting), *waiter;

	LIST_REMOVE(entry, held);
	while ((waiter = next)) {
		next = TAILQ_NEXT(waiter, waits);
		/* One that does not overlap @entry was not waiting for it. */
		if (!overlaps(waiter, entry) || held_against(lock, waiter) ||
		    queued_against(lock, waiter))
			continue;
		TAILQ_REMOVE(&lock->waiting, waiter, waits);
		hold(lock, waiter);
		waiter->next_granted = NULL;
		*tail = waiter;
		tail = &waiter->next_granted;
	}
	return granted;
}

bool range_lock_writing(const struct range_lock *lock, uint64_t start, uint64_t end,
			const struct range_lock_entry *except)
{
	const struct range_lock_entry *other;

	LIST_FOREACH(other, &lock->exclusive, held)
	{
		if (other != except && other->start < end && start < other->end)
			return true;
	}
	return false;
}
