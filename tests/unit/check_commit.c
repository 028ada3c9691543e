/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse/commit, fuse/again: a process dies at any of its records, or before or after its answer, and
 * another one goes on from what the standby has. Answers, names, attributes, references and
 * contents are the same as if nobody had died.
 *
 * The process is a file system with its volume. When it dies, the thread that writes a record stops
 * there until the end of the test. The next one serves the same request again, and all others.
 */
#include "unit/check_commit.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "data/replica.h"
#include "fake/fake_superpipe.h"
#include "fuse/internal.h"
#include "fuse/transport/slot.h"
#include "journal/journal.h"
#include "replica/replica.h"
#include "support/tree_copy.h"

enum { MAX_LIVES = 3, MAX_ANSWER = (1 << 20) + BLOCK, NR_LISTED = 5000 };

/* A process that serves. */
struct life {
	struct data_volume *vol;
	struct journal *journal;
	struct fs *fs;
	struct fuse_session *session;
	struct slot *slot; /* of its last request */
	pthread_t thread;  /* that serves it */
	bool is_serving;   /* the thread exists */
	_Atomic bool is_dead;
};

struct answer {
	size_t bytes;
	char *data;
};

static struct world {
	struct superpipe *sp;
	struct journal *reader;
	struct replica *replica;
	struct life lives[MAX_LIVES];
	unsigned nr_lives;
	struct slot_region region;
	struct slot_pool *slots;
	struct slot *slot, *init_slot;
	pthread_mutex_t lock;
	sem_t served;          /* the request is answered, or the process is dead */
	sem_t burial;          /* the dead may go on */
	_Atomic int nr_to_die; /* records that the present life may still write; below 0: all */
	struct answer answer;
	unsigned at;  /* of steps; also the time */
	bool is_late; /* the request is done: executing it again would show */
} w = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What happens if nobody dies. */
static struct {
	struct answer answers[NR_STEPS];
	struct memory_stream trees[NR_STEPS];
	uint64_t contents[NR_STEPS]; /* see sum_contents() */
} reference;

static struct life *now(void)
{
	return &w.lives[w.nr_lives - 1];
}

/* ---- the same in each run: times and random numbers ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	if (clock != CLOCK_REALTIME_COARSE)
		return __real_clock_gettime(clock, ret_time);
	*ret_time = (struct timespec){ .tv_sec = 1000000 + w.at, .tv_nsec = w.is_late ? 5 : 0 };
	return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned flags)
{
	(void)flags;
	memset(buf, 1, bytes);
	return (ssize_t)bytes;
}

/* ---- dying ---- */

static struct life *life_of(const struct journal *journal)
{
	for (unsigned i = 0; i < w.nr_lives; i++)
		if (w.lives[i].journal == journal)
			return &w.lives[i];
	return NULL;
}

void __real_journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry);
void __wrap_journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry);
void __wrap_journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry)
{
	*ret_entry = (struct journal_entry){ .bytes = bytes };
	if (!life_of(journal)->is_dead)
		__real_journal_begin(journal, bytes, ret_entry);
}

/* Requests end or their process dies, on any thread, but only once. */
static void note_served(struct life *life, bool has_died)
{
	bool was_dead;

	pthread_mutex_lock(&w.lock);
	was_dead = life->is_dead;
	life->is_dead |= has_died;
	if (!was_dead)
		sem_post(&w.served);
	pthread_mutex_unlock(&w.lock);
}

static bool dies_now(struct life *life)
{
	bool dies = !life->is_dead && w.nr_to_die >= 0 && w.nr_to_die-- == 0;

	if (dies)
		note_served(life, true);
	return dies;
}

void __real_journal_commit(struct journal *journal, const struct journal_entry *entry);
void __wrap_journal_commit(struct journal *journal, const struct journal_entry *entry);
void __wrap_journal_commit(struct journal *journal, const struct journal_entry *entry)
{
	struct life *life = life_of(journal);

	if (dies_now(life)) {
		sem_wait(&w.burial);
		sem_post(&w.burial);
	} else if (!life->is_dead) {
		__real_journal_commit(journal, entry);
	}
}

/* ---- requests and answers ---- */

static size_t gather(const struct iovec *iov, int count, char *buf)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++) {
		ck_assert_uint_le(bytes + iov[i].iov_len, MAX_ANSWER);
		memcpy(buf + bytes, iov[i].iov_base, iov[i].iov_len);
		bytes += iov[i].iov_len;
	}
	return bytes;
}

static bool is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET;
}

static ssize_t take_answer(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *header = iov[0].iov_base;

	(void)fd;
	if (header->unique && userdata == now()->fs && !now()->is_dead) {
		w.answer.bytes = gather(iov, count, w.answer.data);
		note_served(now(), false);
	}
	return header->len;
}

static ssize_t read_nothing(int fd, void *buf, size_t bytes, void *userdata)
{
	(void)fd, (void)buf, (void)bytes, (void)userdata;
	errno = ENODEV;
	return -1;
}

static void *put(char *at, const void *data, size_t bytes)
{
	if (bytes)
		memcpy(at, data, bytes);
	return at + bytes;
}

static void make_request(struct slot *slot, const struct step *step)
{
	struct fuse_in_header *header = slot_header(slot->payload);
	char *end = (char *)(header + 1);

	end = put(end, step->in, step->in_bytes);
	if (step->name)
		end = put(end, step->name, strlen(step->name) + 1);
	if (step->name2)
		end = put(end, step->name2, strlen(step->name2) + 1);
	end = put(end, step->data, step->data_bytes);
	*header = (struct fuse_in_header){ .len = (uint32_t)(end - (char *)header),
					   .opcode = step->opcode,
					   .unique = 100 + w.at,
					   .nodeid = step->ino };
}

static void *serve(void *arg)
{
	struct life *life = arg;
	struct fuse_in_header *header = slot_header(life->slot->payload);
	const struct fuse_buf buf = { .mem = header, .size = header->len };
	bool has_answer = is_answered(header->opcode);

	life->slot->unique = header->unique;
	slot_set_here(life->slot);
	fuse_session_process_buf(life->session, &buf);
	slot_set_here(NULL);
	if (!has_answer)
		note_served(life, false);
	return NULL;
}

/* Return: whether the process has died. */
static bool serve_request(struct slot *slot)
{
	struct life *life = now();

	life->slot = slot;
	w.answer.bytes = 0;
	ck_assert_int_eq(pthread_create(&life->thread, NULL, serve, life), 0);
	while (sem_wait(&w.served))
		;
	life->is_serving = life->is_dead;
	if (!life->is_dead)
		pthread_join(life->thread, NULL);
	return life->is_dead;
}

/* ---- the standby ---- */

static void follow(bool is_dead)
{
	const void *record;
	size_t bytes;
	int got;

	while ((got = journal_read(w.reader, is_dead, &record, &bytes)) == 1)
		ck_assert_int_eq(replica_apply(w.replica, record, bytes), 0);
	ck_assert_int_eq(got, 0);
}

/* Says in the slot what has become of its request. */
static void note_outcome(void)
{
	const struct replica_outcome *outcome = replica_outcome(w.replica, 0);

	if (!outcome || outcome->unique != slot_header(w.slot->payload)->unique)
		return;
	if (outcome->kind == REPLICA_OUTCOME_LISTED)
		ck_assert_int_eq(replica_undo_listed(w.replica, 0), 0);
	else
		slot_front(w.slot->payload)->outcome = *outcome;
}

/* ---- lives ---- */

static struct journal *open_journal(void)
{
	const struct journal_fds fds = journal_fds(w.reader);
	const struct journal_fds dups = { .memory = dup(fds.memory), .wake = dup(fds.wake) };
	struct journal *journal;

	ck_assert_int_eq(journal_open(&dups, &journal), 0);
	return journal;
}

static void init_session(struct life *life)
{
	static const struct fuse_custom_io io = { .writev = take_answer, .read = read_nothing };
	const struct step init = { .opcode = FUSE_INIT,
				   IN(fuse_init_in, .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION, .max_readahead = 1 << 20,
				      .flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES |
					       FUSE_DO_READDIRPLUS | FUSE_DONT_MASK |
					       FUSE_POSIX_ACL | FUSE_MAX_PAGES |
					       FUSE_HANDLE_KILLPRIV_V2) };
	char *argv[] = { "check", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	life->session = fuse_session_new(&args, fs_operations(), sizeof(struct fuse_lowlevel_ops),
					 life->fs);
	ck_assert_ptr_nonnull(life->session);
	ck_assert_int_eq(fuse_session_custom_io(life->session, &io, open("/dev/null", O_RDWR)), 0);
	fs_set_session(life->fs, life->session);
	fuse_opt_free_args(&args);
	make_request(w.init_slot, &init);
	ck_assert(!serve_request(w.init_slot));
}

static struct life *begin_life(void)
{
	struct life *life = &w.lives[w.nr_lives];
	struct fs_config config = { .atime = TREE_ATIME_RELATIVE, .root_mode = 01777 };

	ck_assert_uint_lt(w.nr_lives, MAX_LIVES);
	life->is_dead = life->is_serving = false;
	life->journal = config.journal = open_journal();
	w.nr_lives++;
	ck_assert_int_eq(data_volume_new(w.sp, &life->vol), 0);
	config.volume = life->vol;
	config.transport.synchronous = true;
	ck_assert_int_eq(fs_new(&config, &life->fs), 0);
	return life;
}

/* @is_awaited: the kernel waits for the answer to the request in the slot */
static void take_over(bool is_awaited)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	struct life *life;

	follow(true);
	if (is_awaited)
		note_outcome();
	ck_assert_int_eq(replica_save(w.replica, fd), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	life = begin_life();
	data_volume_quiesce(life->vol);
	ck_assert_int_eq(fs_load(life->fs, fd), 0);
	close(fd);
	fs_start_journal(life->fs, false);
	init_session(life);
	data_volume_resume(life->vol);
}

static void end_life(struct life *life)
{
	fs_quiesce(life->fs);
	fuse_session_destroy(life->session);
	fs_free(life->fs);
	data_volume_free(life->vol);
	journal_free(life->journal);
}

/* ---- a run ---- */

static void begin_world(void)
{
	const struct fake_config config = { .nr_chunks = 32 };

	w.sp = fake_new(&config);
	fake_shrink_imports(w.sp);
	w.nr_lives = 0;
	w.at = 0;
	w.nr_to_die = -1;
	ck_assert_int_eq(journal_new(JOURNAL_MIN_BYTES, &w.reader), 0);
	ck_assert_int_eq(replica_new(&w.replica), 0);
	ck_assert_int_eq(slot_region_share(&w.region, 2), 0);
	w.slots = slot_pool_new(&w.region, 2);
	w.slot = slot_pool_get(w.slots, false);
	w.init_slot = slot_pool_get(w.slots, false);
	w.answer.data = malloc(MAX_ANSWER);
	sem_init(&w.served, 0, 0);
	sem_init(&w.burial, 0, 0);
	fs_start_journal(begin_life()->fs, true);
	init_session(now());
}

static void end_world(void)
{
	end_life(now());
	sem_post(&w.burial);
	for (unsigned i = 0; i + 1 < w.nr_lives; i++) {
		if (w.lives[i].is_serving)
			pthread_join(w.lives[i].thread, NULL);
		end_life(&w.lives[i]);
	}
	ck_assert_uint_eq(fake_free(w.sp), 0);
	slot_put(w.slot);
	slot_put(w.init_slot);
	slot_pool_free(w.slots);
	slot_region_fini(&w.region);
	replica_free(w.replica);
	journal_free(w.reader);
	free(w.answer.data);
	sem_destroy(&w.served);
	sem_destroy(&w.burial);
}

static void check_tree(const struct memory_stream *expected)
{
	struct memory_stream stream = { .bytes = 0 };

	ck_assert_int_eq(tree_check(now()->fs->tree), 0);
	tree_copy_write(now()->fs->tree, TREE_SNAPSHOT_ALL, &stream);
	if (stream.bytes != expected->bytes || memcmp(stream.data, expected->data, stream.bytes))
		ck_abort_msg("step %u: the trees differ", w.at);
	memory_stream_fini(&stream);
}

/* A number that changes when an inode loses its data. */
static uint64_t sum_contents(void)
{
	uint64_t sum = 0;

	for (uint64_t ino = ROOT; ino <= LAST_INO; ino++) {
		const struct tree_inode *inode = tree_get(now()->fs->tree, ino);
		const struct data_file *file = inode ? tree_payload(inode) : NULL;

		sum = sum * 31 + (inode ? 1 : 0) + (file ? data_file_size(file) : 0);
	}
	return sum;
}

static bool gives_back(uint32_t opcode)
{
	return opcode == FUSE_UNLINK || opcode == FUSE_RENAME2 || !is_answered(opcode);
}

/* Data are not gone while their inode is still there. */
static void check_contents(void)
{
	uint64_t sum = sum_contents();

	if (gives_back(steps[w.at].opcode) && sum != reference.contents[w.at] &&
	    sum != reference.contents[w.at - 1])
		ck_abort_msg("step %u: data went too early", w.at);
}

static void check_answer(void)
{
	const struct answer *expected = &reference.answers[w.at];

	if (w.answer.bytes != expected->bytes ||
	    (w.answer.bytes && memcmp(w.answer.data, expected->data, w.answer.bytes) != 0))
		ck_abort_msg("step %u: the answers differ", w.at);
}

static void do_step(void)
{
	make_request(w.slot, &steps[w.at]);
	ck_assert(!serve_request(w.slot));
	follow(false);
}

static void keep_reference(void)
{
	struct answer *answer = &reference.answers[w.at];

	answer->bytes = w.answer.bytes;
	answer->data = memcpy(malloc(w.answer.bytes + 1), w.answer.data, w.answer.bytes);
	tree_copy_write(now()->fs->tree, TREE_SNAPSHOT_ALL, &reference.trees[w.at]);
	reference.contents[w.at] = sum_contents();
}

static void make_reference(void)
{
	begin_world();
	for (w.at = 0; w.at < NR_STEPS; w.at++) {
		do_step();
		keep_reference();
	}
	end_world();
}

static void kill_now(void)
{
	pthread_mutex_lock(&w.lock);
	w.nr_to_die = -1;
	now()->is_dead = true;
	while (!sem_trywait(&w.served))
		;
	pthread_mutex_unlock(&w.lock);
}

/* Does the same when it is executed again, except for the times. */
static bool is_repeated(uint32_t opcode)
{
	return opcode == FUSE_WRITE || opcode == FUSE_FALLOCATE || opcode == FUSE_COPY_FILE_RANGE;
}

/* The process dies, and another one serves the request. Return: whether it died before it answered.
 */
static bool die_in_step(int nr_records, bool answer_arrives)
{
	bool died;

	make_request(w.slot, &steps[w.at]);
	w.nr_to_die = nr_records;
	died = serve_request(w.slot);
	kill_now();
	take_over(died || !answer_arrives);
	check_contents();
	w.is_late = !died && !is_repeated(steps[w.at].opcode);
	if (died || !answer_arrives) {
		w.slot->is_found = true;
		ck_assert(!serve_request(w.slot));
		w.slot->is_found = false;
		check_answer();
	}
	w.is_late = false;
	follow(false);
	check_tree(&reference.trees[w.at]);
	return died;
}

/* The process dies in step @mortal, and its successor after the last step. */
static bool run(unsigned mortal, int nr_records, bool answer_arrives)
{
	bool died = false;

	begin_world();
	for (w.at = 0; w.at < NR_STEPS; w.at++) {
		if (w.at == mortal) {
			died = die_in_step(nr_records, answer_arrives);
			continue;
		}
		do_step();
		check_answer();
	}
	w.at--;
	check_tree(&reference.trees[w.at]);
	kill_now();
	take_over(false);
	check_tree(&reference.trees[w.at]);
	end_world();
	return died;
}

/* ---- tests ---- */

START_TEST(test_commit_what_a_dead_process_did_is_done_once)
{
	unsigned at = (unsigned)_i;
	int nr = 0;

	while (run(at, nr, false))
		nr++;
	(void)run(at, nr, true);
}
END_TEST

static void do_other(const struct step *step)
{
	make_request(w.slot, step);
	ck_assert(!serve_request(w.slot));
	follow(false);
}

static void make_files(unsigned nr)
{
	char name[16];

	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%u", i);
		do_other(&(const struct step){ FUSE_MKNOD, ROOT, IN(fuse_mknod_in, .mode = S_IFREG),
					       .name = name });
	}
}

/* Return: the offset of the next answer; 0: there was nothing more. */
static uint64_t count_entries(unsigned *nr)
{
	size_t at = sizeof(struct fuse_out_header);
	uint64_t offset = 0;

	while (at < w.answer.bytes) {
		const struct fuse_direntplus *entry = (const void *)(w.answer.data + at);

		offset = entry->dirent.off;
		at += FUSE_DIRENTPLUS_SIZE(entry);
		++*nr;
	}
	return offset;
}

START_TEST(test_commit_a_listing_ends_when_its_record_is_full)
{
	struct memory_stream tree = { .bytes = 0 };
	unsigned nr = 0, nr_answers = 0;
	uint64_t offset = 0;

	begin_world();
	make_files(NR_LISTED);
	do {
		do_other(&(const struct step){
			FUSE_READDIRPLUS, ROOT,
			IN(fuse_read_in, .offset = offset, .size = SLOT_PAYLOAD_BYTES) });
		offset = count_entries(&nr);
		nr_answers++;
	} while (offset);
	ck_assert_uint_eq(nr, NR_LISTED + 2);
	ck_assert_uint_eq(nr_answers, 3); /* the last is empty */
	tree_copy_write(now()->fs->tree, TREE_SNAPSHOT_ALL, &tree);
	kill_now();
	take_over(false);
	check_tree(&tree);
	memory_stream_fini(&tree);
	end_world();
}
END_TEST

START_TEST(test_commit_serving_goes_on_when_the_standby_is_dead)
{
	struct fs_stats stats;

	begin_world();
	do_step();
	fs_get_stats(now()->fs, &stats);
	ck_assert(stats.followed);
	ck_assert(journal_close(now()->journal));
	for (w.at++; w.at < NR_STEPS; w.at++) {
		do_step();
		check_answer();
	}
	w.at--;
	check_tree(&reference.trees[w.at]);
	fs_get_stats(now()->fs, &stats);
	ck_assert(!stats.followed);
	end_world();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tcase = tcase_create("deaths");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tcase, make_reference, NULL);
	tcase_add_loop_test(tcase, test_commit_what_a_dead_process_did_is_done_once, 0,
			    (int)NR_STEPS);
	tcase_add_test(tcase, test_commit_a_listing_ends_when_its_record_is_full);
	tcase_add_test(tcase, test_commit_serving_goes_on_when_the_standby_is_dead);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
