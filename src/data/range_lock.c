/* SPDX-License-Identifier: Apache-2.0 */
#include "data/range_lock.h"

#include <stddef.h>

void range_lock_init(struct range_lock *lock)
{
	TAILQ_INIT(&lock->shared);
	TAILQ_INIT(&lock->exclusive);
	TAILQ_INIT(&lock->waiting);
}

static bool overlaps(const struct range_lock_entry *a, const struct range_lock_entry *b)
{
	return a->start < b->end && b->start < a->end;
}

static bool overlaps_any(const struct range_lock_list *list, const struct range_lock_entry *entry)
{
	const struct range_lock_entry *other;

	TAILQ_FOREACH(other, list, link)
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

	TAILQ_FOREACH(other, &lock->waiting, link)
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
	TAILQ_INSERT_TAIL(entry->exclusive ? &lock->exclusive : &lock->shared, entry, link);
}

bool range_lock_acquire(struct range_lock *lock, struct range_lock_entry *entry)
{
	if (held_against(lock, entry) || queued_against(lock, entry)) {
		TAILQ_INSERT_TAIL(&lock->waiting, entry, link);
		return false;
	}
	hold(lock, entry);
	return true;
}

static void unhold(struct range_lock *lock, struct range_lock_entry *entry)
{
	if (entry->exclusive)
		TAILQ_REMOVE(&lock->exclusive, entry, link);
	else
		TAILQ_REMOVE(&lock->shared, entry, link);
}

struct range_lock_entry *range_lock_release(struct range_lock *lock, struct range_lock_entry *entry)
{
	struct range_lock_entry *granted = NULL, **tail = &granted;
	struct range_lock_entry *next = TAILQ_FIRST(&lock->waiting), *waiter;

	unhold(lock, entry);
	while ((waiter = next)) {
		next = TAILQ_NEXT(waiter, link);
		/* One that does not overlap @entry was not waiting for it. */
		if (!overlaps(waiter, entry) || held_against(lock, waiter) ||
		    queued_against(lock, waiter))
			continue;
		TAILQ_REMOVE(&lock->waiting, waiter, link);
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

	TAILQ_FOREACH(other, &lock->exclusive, link)
	{
		if (other != except && other->start < end && start < other->end)
			return true;
	}
	return false;
}
