/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - a ring of records in shared memory, from the threads of one process to another one.
 *
 * The writer is a process that may be killed at any instruction. The reader must then know each
 * operation whose effect another process may have seen. So the writer must commit the record of a
 * change before it releases the lock that protects what was changed. The order of
 * changes to one object is then the order of their records, and a record that was begun but never
 * committed belongs to a thread that still held that lock: no thread has seen its change, and
 * nothing was answered that depends on it.
 *
 * How it works. The ring consists of cells of 64 bytes. A thread takes cells for a record with one
 * atomic addition to the position behind the last record; positions count cells and never wrap.
 * This addition is the only thing that writers compete for, and the total order of records. The
 * thread fills the record and commits it with one release store: it stamps the first cell with its
 * position. Stamps are in an array of their own, so that nothing in a record can look like one.
 *
 * A record that is not committed yet holds the reader up, as long as the writer lives. Once the
 * reader knows that the writer is dead, it passes over cells without a stamp, one after the other,
 * and so finds every record that was committed, although it does not know how long the others were
 * to become.
 *
 * When the ring is full, the thread that has taken cells waits until the reader has released those
 * one ring before them. The reader needs only records before them, so it never waits for that
 * thread. When the reader is dead, the journal is closed: threads no longer wait, and what they
 * write goes nowhere. The writer then goes on without a reader.
 *
 * Each record has a checksum with a random key, because a process that crashes may have written
 * anywhere before. The reader refuses a damaged record; what follows it cannot be trusted either.
 *
 * Errors: -errno.
 */
#ifndef CXLFS_JOURNAL_JOURNAL_H
#define CXLFS_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest record. A ring holds at least four of them. */
#define JOURNAL_RECORD_MAX ((size_t)128 << 10)
#define JOURNAL_MIN_BYTES  (4 * JOURNAL_RECORD_MAX)

struct journal;

/** The descriptors of a journal, for another process. */
struct journal_fds {
	int memory;
	int wake; /* an eventfd; see journal_prepare_wait() */
};

/**
 * journal_new() - make an empty journal
 * @bytes: of the ring: a power of two, at least JOURNAL_MIN_BYTES. Its memory is allocated at once.
 * A child that is forked may use it too. Return: 0; -EINVAL; -ENOMEM; -errno.
 */
int journal_new(size_t bytes, struct journal **ret_journal);

/**
 * journal_open() - map the journal of another process
 * @fds: taken, also after a failure
 * Return: 0; -EPROTO it is not a journal; -EPROTONOSUPPORT one of another version; -ENOMEM; -errno.
 */
int journal_open(const struct journal_fds *fds, struct journal **ret_journal);

/** journal_free() - unmap a journal and close its descriptors. Accepts NULL. */
void journal_free(struct journal *journal);

/** Returns the descriptors; they remain the journal's. */
struct journal_fds journal_fds(const struct journal *journal);

/* ---- the writer: any thread ---- */

/** A record that is being written. */
struct journal_entry {
	void *data; /* room for its bytes, at a multiple of 8; NULL: the journal is closed */
	size_t bytes;
	uint64_t position;
};

/**
 * journal_begin() - take room for a record
 * @bytes: 1 to JOURNAL_RECORD_MAX
 * Waits while the ring is full. Fill entry->data at once, and call journal_commit().
 */
void journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry);

/** journal_commit() - make a record visible to the reader; never sleeps */
void journal_commit(struct journal *journal, const struct journal_entry *entry);

/**
 * journal_watch_reader() - close the journal when this process has ended
 * @pidfd: borrowed until journal_free(). Threads that wait look at it ten times in a second.
 * Before the first record.
 */
void journal_watch_reader(struct journal *journal, int pidfd);

/**
 * journal_close() - write nothing from now on; threads that wait return
 * Any thread. Return: whether the journal was open, so that one caller reports it.
 */
bool journal_close(struct journal *journal);

/**
 * journal_stop_writing() - drop what this process writes from now on
 * Others still write. Records that were begun must be committed all the same. Any thread.
 */
void journal_stop_writing(struct journal *journal);

/** Return: whether the journal was closed: some records did not reach the reader. Any thread. */
bool journal_is_closed(const struct journal *journal);

/* ---- the reader: one thread ---- */

/**
 * journal_read() - take the next record
 * @writer_is_dead: it has ended, so nothing more will come
 * @ret_data: a copy at a multiple of 8, valid until the next call
 * Return: 1; 0: there is none yet, or, if the writer is dead, none is left, and another writer may
 * begin; -EBADMSG: it is damaged.
 */
int journal_read(struct journal *journal, bool writer_is_dead, const void **ret_data,
		 size_t *ret_bytes);

/**
 * journal_prepare_wait() - call it before the reader sleeps until there are records
 * Then poll fds.wake with the returned timeout, and call journal_end_wait(). While records arrive,
 * the reader sleeps for some milliseconds at a time, so that writers need not wake it. If none has
 * arrived, it sleeps without a limit.
 * Return: the timeout for poll(), -1: none.
 */
int journal_prepare_wait(struct journal *journal);
void journal_end_wait(struct journal *journal);

#endif
