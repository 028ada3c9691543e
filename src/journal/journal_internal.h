/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_internal - the shared memory of a journal.
 *
 * Memory ordering, between threads and between processes:
 *
 *   variable      | writer                     | reader                      | what it orders
 *   --------------|----------------------------|-----------------------------|-------------------
 *   stamp         | journal_commit(): release  | is_committed(): acquire     | the record
 *   start         | has_room(): acquire        | release(): release          | reuse of the cells
 *   end,          | journal_begin(): end, then | journal_prepare_wait():     | nothing: one of
 *   reader_sleeps | _commit(): reader_sleeps   | reader_sleeps, then end     | them sees the other
 *   writers_wait, | wait_for_room():           | release(): start, then      | the same
 *   start         | writers_wait, then start   | writers_wait                |
 *   writers_wait, | wait_for_room():           | journal_close(): closed,    | the same
 *   closed        | writers_wait, then closed  | then writers_wait (any      |
 *                 |                            | thread of the writer)       |
 *   nr_releases   | wait_for_room(): load      | journal_wake_writers(): add | start, closed
 *
 * Where both sides store one variable and then load the other, all four are sequentially
 * consistent: acquire and release do not order a store before a later load.
 *
 * A writer that was killed has done all stores before the instruction at which it ended, and none
 * after it. The system call that tells of its end orders these stores before the loads of the
 * caller, as it does for the slots of requests (fuse/transport/slot_region.h).
 */
#ifndef CXLFS_JOURNAL_JOURNAL_INTERNAL_H
#define CXLFS_JOURNAL_JOURNAL_INTERNAL_H

#include <stdatomic.h>

#include "journal/journal.h"

#define JOURNAL_MAGIC   "cxlfsjnl"
#define JOURNAL_VERSION 1u

#define JOURNAL_CELL_BYTES 64u

/*
 * At the start of the shared memory. All numbers are in the byte order of the machine. What one
 * side writes often has a cache line of its own.
 */
struct journal_head {
	char magic[8];
	uint32_t version;
	uint32_t zero;
	uint64_t nr_cells; /* a power of two */
	uint64_t key;      /* of the checksums */

	_Atomic uint64_t end __attribute__((aligned(64))); /* where the next record begins */

	_Atomic uint64_t start __attribute__((aligned(64))); /* where the reader is */
	_Atomic uint32_t nr_releases;                        /* futex: threads of the writer wait */

	_Atomic uint32_t writers_wait __attribute__((aligned(64)));
	_Atomic uint32_t reader_sleeps;
	_Atomic uint32_t closed;
};

/* Before the bytes of each record. */
struct journal_record {
	uint64_t checksum; /* of the rest and of the bytes, with key and position */
	uint32_t bytes;
	uint32_t zero;
};
_Static_assert(sizeof(struct journal_record) == 16, "in shared memory");

struct journal {
	struct journal_head *head;
	_Atomic uint64_t *stamps; /* for each cell the position of the record that begins there, and
				     was committed, plus one */
	char *cells;              /* mapped twice in a row, so that no record has a gap */
	uint64_t nr_cells;
	uint64_t key;
	size_t control_bytes; /* of head and stamps */
	struct journal_fds fds;
	int reader_pidfd;     /* -1: unknown */
	_Atomic bool stopped; /* by journal_stop_writing() */

	/* Of the reader, which trusts nothing in shared memory but what it has checked: */
	struct journal_record *copy; /* room for the longest record */
	uint64_t position;           /* of the next record */
	uint64_t waited_at;          /* position at the last journal_prepare_wait() */
	uint64_t nr_unreported;      /* cells released since writers were woken */
};

static inline struct journal_record *journal_record_at(const struct journal *journal,
						       uint64_t position)
{
	uint64_t cell = position & (journal->nr_cells - 1);

	return (struct journal_record *)(journal->cells + cell * JOURNAL_CELL_BYTES);
}

static inline _Atomic uint64_t *journal_stamp_at(const struct journal *journal, uint64_t position)
{
	return &journal->stamps[position & (journal->nr_cells - 1)];
}

static inline uint64_t journal_cells_for(size_t bytes)
{
	return (sizeof(struct journal_record) + bytes + JOURNAL_CELL_BYTES - 1) /
	       JOURNAL_CELL_BYTES;
}

/** The checksum of a record, or of its copy, that begins at @position. */
uint64_t journal_checksum(const struct journal *journal, uint64_t position,
			  const struct journal_record *record);

/** journal_wake_writers() - let the threads that wait, if any, look again */
void journal_wake_writers(struct journal *journal);

#endif
