/* SPDX-License-Identifier: Apache-2.0 */
/* The reader's side of a journal. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "journal/journal_internal.h"

/* The longest sleep of the reader while records arrive. Each time it wakes up, the scheduler may
 * part a program from the thread that serves it: naps of 5 ms cost small writes a tenth of their
 * rate. */
#define NAP_MS 50

/* Wakes waiting threads when this part of the ring has become free, not for each record. */
#define WAKE_FRACTION 4

/* The acquire pairs with the release in journal_commit(). */
static bool is_committed(const struct journal *journal, uint64_t position)
{
	return atomic_load_explicit(journal_stamp_at(journal, position), memory_order_acquire) ==
	       position + 1;
}

/* Goes to the first record that a dead writer has committed. Nothing behind the end was taken, and
 * no thread can have written further than one ring. */
static bool find_record(struct journal *journal)
{
	const uint64_t first = journal->position;
	const uint64_t nr_taken = atomic_load(&journal->head->end) - first;

	for (uint64_t i = 0; i < nr_taken && i < journal->nr_cells; i++) {
		if (is_committed(journal, first + i)) {
			journal->position = first + i;
			return true;
		}
	}
	return false;
}

static void report_releases(struct journal *journal)
{
	journal->nr_unreported = 0;
	if (atomic_load(&journal->head->writers_wait))
		journal_wake_writers(journal);
}

/* The store is also a release. It pairs with has_room(): the cells have been read. */
static void release(struct journal *journal, uint64_t nr)
{
	journal->position += nr;
	atomic_store(&journal->head->start, journal->position);
	journal->nr_unreported += nr;
	if (journal->nr_unreported >= journal->nr_cells / WAKE_FRACTION)
		report_releases(journal);
}

/* The next writer begins behind all that the dead one has taken. Positions must not go back, even
 * if the dead one has destroyed the end, because old stamps would count again. */
static void begin_anew(struct journal *journal)
{
	uint64_t end = atomic_load(&journal->head->end);

	if (end - journal->position > UINT64_MAX / 2)
		end = journal->position + journal->nr_cells;
	journal->position = end;
	journal->nr_unreported = 0;
	atomic_store(&journal->head->end, end);
	atomic_store(&journal->head->start, end);
	atomic_store(&journal->head->writers_wait, 0);
	atomic_store(&journal->head->reader_sleeps, 0);
}

/* Checks the copy, not the record, which the writer may still overwrite. */
static bool copy_record(struct journal *journal)
{
	const struct journal_record *record = journal_record_at(journal, journal->position);
	struct journal_record *copy = journal->copy;

	*copy = *record;
	if (copy->bytes == 0 || copy->bytes > JOURNAL_RECORD_MAX)
		return false;
	memcpy(copy + 1, record + 1, copy->bytes);
	return copy->checksum == journal_checksum(journal, journal->position, copy);
}

int journal_read(struct journal *journal, bool writer_is_dead, const void **ret_data,
		 size_t *ret_bytes)
{
	if (writer_is_dead && !find_record(journal)) {
		begin_anew(journal);
		return 0;
	}
	if (!is_committed(journal, journal->position)) {
		report_releases(journal);
		return 0;
	}
	if (!copy_record(journal))
		return -EBADMSG;
	release(journal, journal_cells_for(journal->copy->bytes));
	*ret_data = journal->copy + 1;
	*ret_bytes = journal->copy->bytes;
	return 1;
}

int journal_prepare_wait(struct journal *journal)
{
	struct journal_head *head = journal->head;
	bool has_read = journal->position != journal->waited_at;

	/* More will come, and each record would wake the reader if it is faster than the writers.
	 */
	journal->waited_at = journal->position;
	if (has_read)
		return NAP_MS;
	/* See journal_commit(). */
	atomic_store(&head->reader_sleeps, 1);
	if (atomic_load(&head->end) == journal->position)
		return -1;
	atomic_store(&head->reader_sleeps, 0);
	return NAP_MS;
}

void journal_end_wait(struct journal *journal)
{
	eventfd_t count;

	atomic_store(&journal->head->reader_sleeps, 0);
	(void)eventfd_read(journal->fds.wake, &count);
}
