/* SPDX-License-Identifier: Apache-2.0 */
/* journal: what was committed arrives once and in order, whenever the writer dies. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/journal_internal.h"

static struct journal *make(void)
{
	struct journal *journal;

	ck_assert_int_eq(journal_new(JOURNAL_MIN_BYTES, &journal), 0);
	return journal;
}

static uint8_t byte_of(uint64_t seed, size_t at)
{
	return (uint8_t)((seed * 0x9e3779b97f4a7c15u + at * 0x100000001b3u) >> 32);
}

static void fill(uint8_t *data, size_t bytes, uint64_t seed)
{
	for (size_t at = 0; at < bytes; at++)
		data[at] = byte_of(seed, at);
}

static void write_record(struct journal *journal, size_t bytes, uint64_t seed)
{
	struct journal_entry entry;

	journal_begin(journal, bytes, &entry);
	ck_assert_ptr_nonnull(entry.data);
	fill(entry.data, bytes, seed);
	journal_commit(journal, &entry);
}

static void check_record(const uint8_t *data, size_t bytes, uint64_t seed)
{
	for (size_t at = 0; at < bytes; at++)
		if (data[at] != byte_of(seed, at))
			ck_abort_msg("byte %zu of %zu is wrong", at, bytes);
}

static void expect_record(struct journal *journal, bool dead, size_t bytes, uint64_t seed)
{
	const void *data;
	size_t got_bytes;

	ck_assert_int_eq(journal_read(journal, dead, &data, &got_bytes), 1);
	ck_assert_uint_eq(got_bytes, bytes);
	check_record(data, bytes, seed);
}

static void expect(struct journal *journal, bool dead, int result)
{
	const void *data;
	size_t bytes;

	ck_assert_int_eq(journal_read(journal, dead, &data, &bytes), result);
}

/* ---- records ---- */

START_TEST(test_journal_records_arrive_in_order)
{
	struct journal *journal = make();
	size_t bytes = 1;

	expect(journal, false, 0);
	for (uint64_t i = 0; i < 20000; i++) {
		write_record(journal, bytes, i);
		write_record(journal, 1 + i % 200, ~i);
		expect_record(journal, false, bytes, i);
		expect_record(journal, false, 1 + i % 200, ~i);
		expect(journal, false, 0);
		bytes = bytes * 3 / 2 + 1;
		if (bytes > 2000)
			bytes = 1;
	}
	journal_free(journal);
}
END_TEST

START_TEST(test_journal_longest_record)
{
	struct journal *journal = make();

	for (uint64_t i = 0; i < 20; i++) {
		write_record(journal, JOURNAL_RECORD_MAX, i);
		write_record(journal, 1, i);
		expect_record(journal, false, JOURNAL_RECORD_MAX, i);
		expect_record(journal, false, 1, i);
	}
	journal_free(journal);
}
END_TEST

START_TEST(test_journal_sizes)
{
	struct journal *journal;

	ck_assert_int_eq(journal_new(0, &journal), -EINVAL);
	ck_assert_int_eq(journal_new(JOURNAL_MIN_BYTES / 2, &journal), -EINVAL);
	ck_assert_int_eq(journal_new(JOURNAL_MIN_BYTES * 3, &journal), -EINVAL);
	journal_free(NULL);
}
END_TEST

/* ---- a writer that dies ---- */

/* It dies after it has taken the cells, or after so many bytes of the record. */
START_TEST(test_journal_death_at_every_byte)
{
	enum { BYTES = 300 };
	struct journal *journal = make();
	uint8_t data[BYTES];

	fill(data, BYTES, 7);
	for (int done = -1; done <= BYTES; done++) {
		struct journal_entry entry;

		write_record(journal, 100, 1);
		if (done < 0) {
			atomic_fetch_add(&journal->head->end, journal_cells_for(BYTES));
		} else {
			journal_begin(journal, BYTES, &entry);
			memcpy(entry.data, data, (size_t)done);
		}
		/* Others had committed theirs. */
		write_record(journal, 50, 2);
		write_record(journal, 200, 3);
		expect_record(journal, false, 100, 1);
		expect(journal, false, 0);
		expect_record(journal, true, 50, 2);
		expect_record(journal, true, 200, 3);
		expect(journal, true, 0);
	}
	journal_free(journal);
}
END_TEST

/* The last record of a dead writer was not committed. */
START_TEST(test_journal_death_in_the_last_record)
{
	struct journal *journal = make();
	struct journal_entry entry;

	write_record(journal, 100, 1);
	journal_begin(journal, 1000, &entry);
	expect_record(journal, true, 100, 1);
	expect(journal, true, 0);
	write_record(journal, 10, 2);
	expect_record(journal, false, 10, 2);
	expect(journal, false, 0);
	journal_free(journal);
}
END_TEST

/* What a user chose for a name or an attribute may look like a record. */
START_TEST(test_journal_contents_are_not_taken_for_records)
{
	struct journal *journal = make();
	struct journal_entry entry;
	char copy[JOURNAL_CELL_BYTES];

	write_record(journal, 40, 1);
	memcpy(copy, journal_record_at(journal, 0), sizeof(copy));
	journal_begin(journal, 4000, &entry);
	for (size_t at = 0; at + sizeof(copy) <= 4000; at += sizeof(copy))
		memcpy((char *)entry.data + at, copy, sizeof(copy));
	for (size_t at = sizeof(copy) - sizeof(struct journal_record); at + sizeof(copy) <= 4000;
	     at += sizeof(copy))
		memcpy((char *)entry.data + at, copy, sizeof(copy));
	write_record(journal, 30, 2);
	expect_record(journal, true, 40, 1);
	expect_record(journal, true, 30, 2);
	expect(journal, true, 0);
	journal_free(journal);
}
END_TEST

/* A writer that dies while the ring is full has taken cells that it could not write. */
START_TEST(test_journal_death_with_a_full_ring)
{
	struct journal *journal = make();
	const uint64_t nr = journal->nr_cells / journal_cells_for(1000);

	for (uint64_t i = 0; i < nr; i++)
		write_record(journal, 1000, i);
	atomic_fetch_add(&journal->head->end, 5 * journal->nr_cells);
	for (uint64_t i = 0; i < nr; i++)
		expect_record(journal, true, 1000, i);
	expect(journal, true, 0);
	for (uint64_t i = 0; i < nr; i++)
		write_record(journal, 1000, ~i);
	for (uint64_t i = 0; i < nr; i++)
		expect_record(journal, false, 1000, ~i);
	journal_free(journal);
}
END_TEST

/* Old stamps must not count again. */
START_TEST(test_journal_death_after_destroying_the_end)
{
	static const uint64_t ends[] = { 0, 1, UINT64_MAX, UINT64_C(1) << 62 };
	struct journal *journal = make();

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		for (uint64_t j = 0; j < 100; j++) {
			write_record(journal, 100, j);
			expect_record(journal, false, 100, j);
		}
		write_record(journal, 100, 1);
		atomic_store(&journal->head->end, ends[i]);
		if (ends[i] > 1)
			expect_record(journal, true, 100, 1);
		else
			(void)journal_read(journal, true, &(const void *){ NULL }, &(size_t){ 0 });
		expect(journal, true, 0);
		write_record(journal, 70, 2);
		expect_record(journal, false, 70, 2);
		expect(journal, false, 0);
	}
	journal_free(journal);
}
END_TEST

START_TEST(test_journal_damaged_records_are_refused)
{
	const size_t bytes = 77, all = sizeof(struct journal_record) + bytes;
	struct journal *journal = make();
	uint8_t *record = (uint8_t *)journal_record_at(journal, 0);

	write_record(journal, bytes, 1);
	for (size_t bit = 0; bit < all * 8; bit++) {
		record[bit / 8] ^= (uint8_t)(1u << bit % 8);
		expect(journal, bit % 2, -EBADMSG);
		record[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	expect_record(journal, false, bytes, 1);
	journal_free(journal);
}
END_TEST

/* ---- another process maps it ---- */

static struct journal_fds dup_fds(const struct journal *journal)
{
	const struct journal_fds fds = journal_fds(journal);

	return (struct journal_fds){ .memory = dup(fds.memory), .wake = dup(fds.wake) };
}

START_TEST(test_journal_open)
{
	struct journal *journal = make(), *other;
	struct journal_fds fds = dup_fds(journal);

	for (uint64_t i = 0; i < 30000; i++) {
		write_record(journal, 100, i);
		expect_record(journal, false, 100, i);
	}
	write_record(journal, 100, 1);
	ck_assert_int_eq(journal_open(&fds, &other), 0);
	expect_record(other, false, 100, 1);
	write_record(journal, 200, 2);
	expect_record(other, false, 200, 2);
	journal_free(other);
	journal_free(journal);
}
END_TEST

static void expect_open(const struct journal *journal, int result)
{
	struct journal_fds fds = dup_fds(journal);
	struct journal *other;

	ck_assert_int_eq(journal_open(&fds, &other), result);
}

START_TEST(test_journal_open_refuses_what_is_not_one)
{
	struct journal *journal = make();
	struct journal_head *head = journal->head;

	head->version++;
	expect_open(journal, -EPROTONOSUPPORT);
	head->version--;
	head->magic[0]++;
	expect_open(journal, -EPROTO);
	head->magic[0]--;
	head->nr_cells *= 2;
	expect_open(journal, -EPROTO);
	head->nr_cells = UINT64_MAX;
	expect_open(journal, -EPROTO);
	head->nr_cells = 0;
	expect_open(journal, -EPROTO);
	head->nr_cells = journal->nr_cells;
	ck_assert_int_eq(ftruncate(journal->fds.memory, 10), 0);
	expect_open(journal, -EPROTO);
	journal_free(journal);
}
END_TEST

/* ---- a full ring ---- */

enum { NR_LONG = 2000, LONG_BYTES = 10000 };

static void *write_long(void *arg)
{
	for (uint64_t i = 0; i < NR_LONG; i++)
		write_record(arg, LONG_BYTES, i);
	return NULL;
}

/* Sleeps as a reader does until there is a record. */
static void await_record(struct journal *journal, size_t bytes, uint64_t seed)
{
	const void *data;
	size_t got_bytes;
	int got;

	while ((got = journal_read(journal, false, &data, &got_bytes)) == 0) {
		struct pollfd pollfd = { .fd = journal->fds.wake, .events = POLLIN };

		ck_assert_int_ge(poll(&pollfd, 1, journal_prepare_wait(journal)), 0);
		journal_end_wait(journal);
	}
	ck_assert_int_eq(got, 1);
	ck_assert_uint_eq(got_bytes, bytes);
	check_record(data, bytes, seed);
}

/* Many times what the ring holds. */
START_TEST(test_journal_writer_waits_for_the_reader)
{
	struct journal *journal = make();
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_long, journal), 0);
	usleep(50000); /* the ring is full */
	for (uint64_t i = 0; i < NR_LONG; i++) {
		if (i % 500 == 0)
			usleep(20000);
		await_record(journal, LONG_BYTES, i);
	}
	pthread_join(writer, NULL);
	expect(journal, false, 0);
	journal_free(journal);
}
END_TEST

static pid_t fork_idle(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void *write_until_closed(void *arg)
{
	struct journal_entry entry;

	do {
		journal_begin(arg, 1000, &entry);
		journal_commit(arg, &entry);
	} while (entry.data);
	return NULL;
}

START_TEST(test_journal_closes_when_the_reader_is_dead)
{
	struct journal *journal = make();
	pid_t reader = fork_idle();
	int pidfd = (int)syscall(SYS_pidfd_open, reader, 0);
	pthread_t writers[2];

	ck_assert_int_ge(pidfd, 0);
	journal_watch_reader(journal, pidfd);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&writers[i], NULL, write_until_closed, journal), 0);
	usleep(250000);
	ck_assert(!journal_is_closed(journal));
	kill(reader, SIGKILL);
	for (int i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	ck_assert_int_eq(waitpid(reader, NULL, 0), reader);
	ck_assert(journal_is_closed(journal));
	ck_assert(!journal_close(journal));
	(void)close(pidfd);
	journal_free(journal);
}
END_TEST

START_TEST(test_journal_close_wakes_writers)
{
	struct journal *journal = make();
	uint64_t begin = clock_now_ms();
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_until_closed, journal), 0);
	usleep(50000);
	ck_assert(journal_close(journal));
	pthread_join(writer, NULL);
	ck_assert_uint_lt(clock_now_ms() - begin, 5000);
	journal_free(journal);
}
END_TEST

/* ---- sleeping ---- */

static void *write_later(void *arg)
{
	usleep(20000);
	write_record(arg, 10, 1);
	return NULL;
}

START_TEST(test_journal_a_record_wakes_the_reader)
{
	struct journal *journal = make();
	struct pollfd pollfd = { .fd = journal->fds.wake, .events = POLLIN };

	for (int i = 0; i < 20; i++) {
		pthread_t writer;

		ck_assert_int_eq(journal_prepare_wait(journal), -1);
		ck_assert_int_eq(pthread_create(&writer, NULL, write_later, journal), 0);
		ck_assert_int_eq(poll(&pollfd, 1, 5000), 1);
		journal_end_wait(journal);
		pthread_join(writer, NULL);
		ck_assert_int_gt(journal_prepare_wait(journal), 0);
		write_record(journal, 10, 1); /* wakes nobody */
		ck_assert_int_eq(poll(&pollfd, 1, 0), 0);
		journal_end_wait(journal);
		expect_record(journal, false, 10, 1);
		expect_record(journal, false, 10, 1);
		ck_assert_int_gt(journal_prepare_wait(journal), 0); /* it has just read some */
		write_record(journal, 10, 1);                       /* wakes nobody */
		ck_assert_int_eq(poll(&pollfd, 1, 0), 0);
		journal_end_wait(journal);
		expect_record(journal, false, 10, 1);
		ck_assert_int_gt(journal_prepare_wait(journal), 0);
		journal_end_wait(journal);
	}
	journal_free(journal);
}
END_TEST

/* ---- many threads, killed ---- */

enum { NR_OBJECTS = 5, NR_THREADS = 3 };

/* In memory that outlives the process. */
struct object {
	pthread_mutex_t lock;
	uint64_t nr_changes;           /* protected by lock */
	_Atomic uint64_t nr_published; /* whose lock was released */
};

struct load {
	struct journal *journal;
	struct object *objects;
};

struct change {
	uint64_t object, number;
};

static void *change_objects(void *arg)
{
	const struct load *load = arg;
	uint64_t random = (uint64_t)pthread_self();

	for (;;) {
		struct object *object;
		struct journal_entry entry;
		struct change *change;

		random = random * 6364136223846793005u + 1442695040888963407u;
		object = &load->objects[(random >> 40) % NR_OBJECTS];
		pthread_mutex_lock(&object->lock);
		journal_begin(load->journal, sizeof(*change) + (random >> 50), &entry);
		change = entry.data;
		change->object = (uint64_t)(object - load->objects);
		change->number = ++object->nr_changes;
		journal_commit(load->journal, &entry);
		atomic_store(&object->nr_published, change->number);
		pthread_mutex_unlock(&object->lock);
	}
	return NULL;
}

static struct object *make_objects(void)
{
	struct object *objects = mmap(NULL, NR_OBJECTS * sizeof(*objects), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(objects, MAP_FAILED);
	return objects;
}

static pid_t fork_writer(struct journal *journal, struct object *objects)
{
	const struct load load = { journal, objects };
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (int i = 0; i < NR_OBJECTS; i++)
		pthread_mutex_init(&objects[i].lock, NULL);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, change_objects, (void *)&load))
			_exit(1);
	}
	for (;;)
		pause();
}

/* Reads until there is nothing. Return: how many records. */
static uint64_t follow(struct journal *journal, bool dead, uint64_t seen[NR_OBJECTS])
{
	uint64_t nr = 0;
	const void *data;
	size_t bytes;
	int result;

	while ((result = journal_read(journal, dead, &data, &bytes)) == 1) {
		const struct change *change = data;

		ck_assert_uint_lt(change->object, NR_OBJECTS);
		if (change->number != ++seen[change->object])
			ck_abort_msg("%llu follows %llu", (unsigned long long)change->number,
				     (unsigned long long)seen[change->object] - 1);
		nr++;
	}
	ck_assert_int_eq(result, 0);
	return nr;
}

/* Each change of an object arrives in order, and every one whose lock was released. A change that
 * was committed under a lock that was not released may have arrived too. */
static uint64_t kill_and_compare(struct journal *journal, struct object *objects, uint64_t after)
{
	uint64_t seen[NR_OBJECTS] = { 0 }, nr = 0;
	pid_t writer = fork_writer(journal, objects);

	while (nr < after)
		nr += follow(journal, false, seen);
	if (after == 0)
		usleep(20000); /* without a reader it dies while it waits */
	kill(writer, SIGKILL);
	ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
	nr += follow(journal, true, seen);
	for (int i = 0; i < NR_OBJECTS; i++) {
		uint64_t published = atomic_load(&objects[i].nr_published);

		ck_assert_uint_ge(seen[i], published);
		ck_assert_uint_le(seen[i], published + 1);
	}
	return nr;
}

START_TEST(test_journal_kills)
{
	struct journal *journal = make();
	struct object *objects = make_objects();
	unsigned random = (unsigned)getpid();
	uint64_t nr = 0;

	for (int i = 0; i < 150; i++) {
		memset(objects, 0, NR_OBJECTS * sizeof(*objects));
		nr += kill_and_compare(journal, objects,
				       i % 5 ? (uint64_t)rand_r(&random) % 1000 : 0);
	}
	ck_assert_uint_gt(nr, 20000);
	munmap(objects, NR_OBJECTS * sizeof(*objects));
	journal_free(journal);
}
END_TEST

static TCase *deaths(void)
{
	TCase *deaths = tcase_create("deaths");

	tcase_set_timeout(deaths, 120);
	tcase_add_test(deaths, test_journal_death_at_every_byte);
	tcase_add_test(deaths, test_journal_death_in_the_last_record);
	tcase_add_test(deaths, test_journal_contents_are_not_taken_for_records);
	tcase_add_test(deaths, test_journal_death_with_a_full_ring);
	tcase_add_test(deaths, test_journal_death_after_destroying_the_end);
	tcase_add_test(deaths, test_journal_damaged_records_are_refused);
	tcase_add_test(deaths, test_journal_kills);
	return deaths;
}

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 60);
	tcase_add_test(core, test_journal_records_arrive_in_order);
	tcase_add_test(core, test_journal_longest_record);
	tcase_add_test(core, test_journal_sizes);
	tcase_add_test(core, test_journal_open);
	tcase_add_test(core, test_journal_open_refuses_what_is_not_one);
	tcase_add_test(core, test_journal_writer_waits_for_the_reader);
	tcase_add_test(core, test_journal_closes_when_the_reader_is_dead);
	tcase_add_test(core, test_journal_close_wakes_writers);
	tcase_add_test(core, test_journal_a_record_wakes_the_reader);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, deaths());
	return run_suite(suite);
}
