/* SPDX-License-Identifier: Apache-2.0 */
/* The shared memory of a journal: made, mapped, unmapped. */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "journal/journal_internal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t journal_checksum(const struct journal *journal, uint64_t position,
			  const struct journal_record *record)
{
	const size_t skip = sizeof(record->checksum);

	return XXH3_64bits_withSeed((const char *)record + skip,
				    sizeof(*record) - skip + record->bytes,
				    journal->key + position);
}

/*
 * A thread first reads the count, then says that it waits, then looks whether there is room or the
 * journal is closed, then sleeps unless the count has changed. So it sees what the caller has done,
 * or the caller sees that it waits.
 */
void journal_wake_writers(struct journal *journal)
{
	if (!atomic_exchange(&journal->head->writers_wait, 0))
		return;
	atomic_fetch_add(&journal->head->nr_releases, 1);
	(void)syscall(SYS_futex, &journal->head->nr_releases, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- memory ---- */

static size_t round_to_page(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static size_t control_bytes_for(uint64_t nr_cells)
{
	return round_to_page(sizeof(struct journal_head) + nr_cells * sizeof(uint64_t));
}

static bool is_size(size_t bytes)
{
	return bytes >= JOURNAL_MIN_BYTES && (bytes & (bytes - 1)) == 0;
}

/* Reserves addresses first, so that nothing else is mapped there. */
static int map_parts(struct journal *journal, size_t cells_bytes)
{
	const int fd = journal->fds.memory, how = MAP_SHARED | MAP_FIXED;
	const size_t first = journal->control_bytes, second = first + cells_bytes;
	char *at = mmap(NULL, second + cells_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	journal->head = (struct journal_head *)at;
	journal->stamps = (_Atomic uint64_t *)(at + sizeof(*journal->head));
	journal->cells = at + first;
	if (mmap(at, second, PROT_READ | PROT_WRITE, how, fd, 0) == MAP_FAILED ||
	    mmap(at + second, cells_bytes, PROT_READ | PROT_WRITE, how, fd, (off_t)first) ==
		    MAP_FAILED)
		return -errno;
	return 0;
}

static int map(struct journal *journal, uint64_t nr_cells)
{
	journal->nr_cells = nr_cells;
	journal->control_bytes = control_bytes_for(nr_cells);
	return map_parts(journal, nr_cells * JOURNAL_CELL_BYTES);
}

static void close_fds(const struct journal_fds *fds)
{
	if (fds->memory >= 0)
		(void)close(fds->memory);
	if (fds->wake >= 0)
		(void)close(fds->wake);
}

/* Return: NULL: no memory, and the descriptors are closed. */
static struct journal *make(const struct journal_fds *fds)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	struct journal_record *copy = malloc(sizeof(*copy) + JOURNAL_RECORD_MAX);

	if (!journal || !copy) {
		free(journal);
		free(copy);
		close_fds(fds);
		return NULL;
	}
	journal->fds = *fds;
	journal->reader_pidfd = -1;
	journal->copy = copy;
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->head)
		(void)munmap(journal->head,
			     journal->control_bytes + 2 * journal->nr_cells * JOURNAL_CELL_BYTES);
	close_fds(&journal->fds);
	free(journal->copy);
	free(journal);
}

/* ---- new ---- */

/* Allocates all pages: a page fault that finds no memory would kill the writer. */
static int make_fds(size_t bytes, struct journal_fds *fds)
{
	int err;

	fds->wake = -1;
	fds->memory = memfd_create("cxlfs-journal", MFD_CLOEXEC);
	if (fds->memory < 0)
		return -errno;
	err = posix_fallocate(fds->memory, 0, (off_t)bytes);
	if (err)
		return -err;
	fds->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fds->wake < 0 ? -errno : 0;
}

static int fill_head(struct journal *journal)
{
	struct journal_head *head = journal->head;

	if (getrandom(&head->key, sizeof(head->key), 0) != (ssize_t)sizeof(head->key))
		return -EIO;
	memcpy(head->magic, JOURNAL_MAGIC, sizeof(head->magic));
	head->version = JOURNAL_VERSION;
	head->nr_cells = journal->nr_cells;
	journal->key = head->key;
	return 0;
}

int journal_new(size_t bytes, struct journal **ret_journal)
{
	const uint64_t nr_cells = bytes / JOURNAL_CELL_BYTES;
	struct journal_fds fds;
	struct journal *journal;
	int err;

	if (!is_size(bytes))
		return -EINVAL;
	err = make_fds(control_bytes_for(nr_cells) + bytes, &fds);
	if (err) {
		close_fds(&fds);
		return err;
	}
	journal = make(&fds);
	if (!journal)
		return -ENOMEM;
	err = map(journal, nr_cells);
	if (!err)
		err = fill_head(journal);
	if (err)
		journal_free(journal);
	else
		*ret_journal = journal;
	return err;
}

/* ---- open ---- */

static int read_head(int fd, uint64_t *ret_nr_cells)
{
	struct journal_head head;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head.magic, JOURNAL_MAGIC, sizeof(head.magic)) != 0)
		return -EPROTO;
	if (head.version != JOURNAL_VERSION)
		return -EPROTONOSUPPORT;
	/* Divided, because a product may overflow. */
	if (head.nr_cells > (uint64_t)st.st_size / JOURNAL_CELL_BYTES ||
	    !is_size(head.nr_cells * JOURNAL_CELL_BYTES) ||
	    control_bytes_for(head.nr_cells) + head.nr_cells * JOURNAL_CELL_BYTES !=
		    (uint64_t)st.st_size)
		return -EPROTO;
	*ret_nr_cells = head.nr_cells;
	return 0;
}

int journal_open(const struct journal_fds *fds, struct journal **ret_journal)
{
	struct journal *journal = make(fds);
	uint64_t nr_cells;
	int err;

	if (!journal)
		return -ENOMEM;
	err = read_head(fds->memory, &nr_cells);
	if (!err)
		err = map(journal, nr_cells);
	if (err) {
		journal_free(journal);
		return err;
	}
	journal->key = journal->head->key;
	journal->position = atomic_load(&journal->head->start);
	*ret_journal = journal;
	return 0;
}

struct journal_fds journal_fds(const struct journal *journal)
{
	return journal->fds;
}
