/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/standby.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/record_reader.h"
#include "fuzz/fuzz.h"
#include "journal/journal.h"
#include "replica/replica.h"
#include "replica/stream.h"

#define JOURNAL_BYTES ((size_t)1 << 20)

/* Allocating a journal takes longer than what most inputs do, so one stays for all inputs. */
static struct journal *the_journal(void)
{
	static struct journal *journal;
	const void *record;
	size_t bytes;

	if (!journal)
		FUZZ_REQUIRE(!journal_new(JOURNAL_BYTES, &journal));
	while (journal_read(journal, false, &record, &bytes) == 1)
		;
	return journal;
}

static struct journal *open_again(const struct journal *journal)
{
	struct journal_fds fds = journal_fds(journal);
	struct journal *opened;

	fds.memory = dup(fds.memory);
	fds.wake = dup(fds.wake);
	FUZZ_REQUIRE(fds.memory >= 0 && fds.wake >= 0 && !journal_open(&fds, &opened));
	return opened;
}

void standby_start(struct standby *standby)
{
	standby->reader = the_journal();
	standby->journal = open_again(standby->reader);
	FUZZ_REQUIRE(!replica_new(&standby->replica));
}

void standby_follow(struct standby *standby)
{
	const void *record;
	size_t bytes;

	while (journal_read(standby->reader, false, &record, &bytes) == 1)
		FUZZ_REQUIRE(!replica_apply(standby->replica, record, bytes));
}

/* A file stays for the next input, so that its pages need not be allocated again. */
static int begin_stream(int *fd)
{
	if (*fd <= 0)
		*fd = memfd_create("stream", MFD_CLOEXEC);
	FUZZ_REQUIRE(*fd > 0 && lseek(*fd, 0, SEEK_SET) == 0);
	return *fd;
}

static void end_stream(int fd)
{
	FUZZ_REQUIRE(!ftruncate(fd, lseek(fd, 0, SEEK_CUR)));
}

static struct record_reader *open_stream(int *fd)
{
	struct record_reader *reader;

	FUZZ_REQUIRE(lseek(*fd, 0, SEEK_SET) == 0);
	FUZZ_REQUIRE(!record_reader_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION, record_read_fd,
					fd, &reader));
	return reader;
}

/* A replica does not know the counts of requests. */
static bool compare_records(struct record_reader *a, struct record_reader *b)
{
	uint16_t type_a, type_b;
	size_t bytes;

	FUZZ_REQUIRE(!record_next(a, &type_a) && !record_next(b, &type_b));
	FUZZ_REQUIRE(type_a == type_b);
	if (type_a == RECORD_END)
		return false;
	bytes = record_left(a);
	FUZZ_REQUIRE(type_a == REPLICA_STREAM_COUNTS ||
		     (record_left(b) == bytes &&
		      !memcmp(record_get_bytes(a, bytes), record_get_bytes(b, bytes), bytes)));
	return true;
}

static void compare(int a, int b)
{
	struct record_reader *reader_a = open_stream(&a), *reader_b = open_stream(&b);

	while (compare_records(reader_a, reader_b))
		;
	record_reader_free(reader_a);
	record_reader_free(reader_b);
}

static void save_replica(struct replica *replica, int *fd)
{
	FUZZ_REQUIRE(!replica_save(replica, begin_stream(fd)));
	end_stream(*fd);
}

static void compare_copy(int fd)
{
	static int of_copy;
	struct replica *copy;

	FUZZ_REQUIRE(!replica_new(&copy));
	FUZZ_REQUIRE(lseek(fd, 0, SEEK_SET) == 0 && !replica_load(copy, fd));
	save_replica(copy, &of_copy);
	compare(fd, of_copy);
	replica_free(copy);
}

void standby_compare(struct standby *standby, struct fs *fs)
{
	static int of_fs, of_replica;

	standby_follow(standby);
	(void)begin_stream(&of_fs);
	FUZZ_REQUIRE(!fs_save(fs, record_write_fd, &of_fs));
	end_stream(of_fs);
	save_replica(standby->replica, &of_replica);
	compare(of_fs, of_replica);
	compare_copy(of_replica);
}

void standby_stop(struct standby *standby)
{
	journal_free(standby->journal);
	replica_free(standby->replica);
}
