/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's side of a journal. */
#include <assert.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal_internal.h"

#define LOOK_AT_READER_NS 100000000

static void wake_reader(struct journal *journal)
{
	(void)eventfd_write(journal->fds.wake, 1);
}

static bool reader_is_dead(const struct journal *journal)
{
	struct pollfd pollfd = { .fd = journal->reader_pidfd, .events = POLLIN };

	return journal->reader_pidfd >= 0 && poll(&pollfd, 1, 0) == 1;
}

/* The load is also an acquire. It pairs with release(): the cells have been read. */
static bool has_room(const struct journal *journal, uint64_t end)
{
	return end - atomic_load(&journal->head->start) <= journal->nr_cells;
}

/* Waits until the reader is at most one ring behind @end. Return: false: the journal is closed. */
static bool wait_for_room(struct journal *journal, uint64_t end)
{
	const struct timespec timeout = { .tv_nsec = LOOK_AT_READER_NS };
	struct journal_head *head = journal->head;

	for (;;) {
		uint32_t seen = atomic_load(&head->nr_releases);

		atomic_store(&head->writers_wait, 1);
		if (atomic_load(&head->closed))
			return false;
		if (has_room(journal, end))
			return true;
		wake_reader(journal);
		(void)syscall(SYS_futex, &head->nr_releases, FUTEX_WAIT, seen, &timeout, NULL, 0);
		if (reader_is_dead(journal))
			(void)journal_close(journal);
	}
}

void journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry)
{
	const uint64_t nr = journal_cells_for(bytes);
	struct journal_record *record;

	assert(bytes > 0 && bytes <= JOURNAL_RECORD_MAX);
	*ret_entry = (struct journal_entry){ .bytes = bytes };
	if (journal_is_closed(journal) ||
	    atomic_load_explicit(&journal->stopped, memory_order_relaxed))
		return;
	ret_entry->position = atomic_fetch_add(&journal->head->end, nr);
	if (!has_room(journal, ret_entry->position + nr) &&
	    !wait_for_room(journal, ret_entry->position + nr))
		return;
	record = journal_record_at(journal, ret_entry->position);
	record->bytes = (uint32_t)bytes;
	record->zero = 0;
	ret_entry->data = record + 1;
}

/*
 * The release pairs with the acquire in is_committed(). The addition to the end, before, and the
 * load of reader_sleeps are sequentially consistent, and so are the reader's store and load in
 * journal_prepare_wait(): either the reader sees that the end has moved, or this thread sees that
 * it sleeps.
 */
void journal_commit(struct journal *journal, const struct journal_entry *entry)
{
	struct journal_head *head = journal->head;
	struct journal_record *record;

	if (!entry->data)
		return;
	record = journal_record_at(journal, entry->position);
	record->checksum = journal_checksum(journal, entry->position, record);
	atomic_store_explicit(journal_stamp_at(journal, entry->position), entry->position + 1,
			      memory_order_release);
	if (atomic_load(&head->reader_sleeps) && atomic_exchange(&head->reader_sleeps, 0))
		wake_reader(journal);
}

void journal_watch_reader(struct journal *journal, int pidfd)
{
	journal->reader_pidfd = pidfd;
}

bool journal_close(struct journal *journal)
{
	bool was_open = !atomic_exchange(&journal->head->closed, 1);

	journal_wake_writers(journal);
	return was_open;
}

void journal_stop_writing(struct journal *journal)
{
	atomic_store(&journal->stopped, true);
}

bool journal_is_closed(const struct journal *journal)
{
	return atomic_load_explicit(&journal->head->closed, memory_order_relaxed);
}
