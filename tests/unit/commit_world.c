/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/commit_world.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "fake/fake_superpipe.h"
#include "journal/journal.h"
#include "replica/replica.h"

enum { MAX_ANSWER = (1 << 20) + BLOCK, NR_SLOTS = 8 };

struct world world = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct life *world_now(void)
{
	return &world.lives[world.nr_lives - 1];
}

/* ---- the same in each run: times and random numbers ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	if (clock != CLOCK_REALTIME_COARSE)
		return __real_clock_gettime(clock, ret_time);
	*ret_time =
		(struct timespec){ .tv_sec = 1000000 + world.at, .tv_nsec = world.is_late ? 5 : 0 };
	return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned flags)
{
	(void)flags;
	memset(buf, 1, bytes);
	return (ssize_t)bytes;
}

/* ---- trouble ---- */

void *__real_thread_blocks_add(struct thread_blocks *blocks);
void *__wrap_thread_blocks_add(struct thread_blocks *blocks);
void *__wrap_thread_blocks_add(struct thread_blocks *blocks)
{
	return world.no_memory ? NULL : __real_thread_blocks_add(blocks);
}

static struct life *life_of(const struct journal *journal)
{
	for (unsigned i = 0; i < world.nr_lives; i++)
		if (world.lives[i].journal == journal)
			return &world.lives[i];
	return NULL;
}

/* A thread of a dead process gets no further than to its next record. */
static void await_burial(void)
{
	sem_wait(&world.burial);
	sem_post(&world.burial);
}

void __real_journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry);
void __wrap_journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry);
void __wrap_journal_begin(struct journal *journal, size_t bytes, struct journal_entry *ret_entry)
{
	*ret_entry = (struct journal_entry){ .bytes = bytes };
	if (life_of(journal)->is_dead)
		await_burial();
	else
		__real_journal_begin(journal, bytes, ret_entry);
}

/* Requests end or their process dies, on any thread, but only once. */
static void note_served(struct life *life, bool has_died)
{
	bool was_dead;

	pthread_mutex_lock(&world.lock);
	was_dead = life->is_dead;
	life->is_dead |= has_died;
	if (!was_dead)
		sem_post(&world.served);
	pthread_mutex_unlock(&world.lock);
}

static bool dies_now(struct life *life)
{
	bool dies = !life->is_dead && world.nr_to_die >= 0 && world.nr_to_die-- == 0;

	if (dies)
		note_served(life, true);
	return dies;
}

void __real_journal_commit(struct journal *journal, const struct journal_entry *entry);
void __wrap_journal_commit(struct journal *journal, const struct journal_entry *entry);
void __wrap_journal_commit(struct journal *journal, const struct journal_entry *entry)
{
	struct life *life = life_of(journal);

	if (dies_now(life) || life->is_dead)
		await_burial();
	else
		__real_journal_commit(journal, entry);
}

void world_kill(void)
{
	pthread_mutex_lock(&world.lock);
	world.nr_to_die = -1;
	world_now()->is_dead = true;
	while (!sem_trywait(&world.served))
		;
	pthread_mutex_unlock(&world.lock);
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

bool world_is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET;
}

static ssize_t take_answer(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *header = iov[0].iov_base;

	(void)fd;
	if (header->unique && header->unique < WORLD_OTHERS && userdata == world_now()->fs &&
	    !world_now()->is_dead) {
		world.answer.bytes = gather(iov, count, world.answer.data);
		note_served(world_now(), false);
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

void world_make_request_in(struct slot *slot, const struct step *step, uint64_t unique)
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
					   .unique = unique,
					   .nodeid = step->ino };
}

/* The data layer may keep the slot until later. So may a dead process until the end. */
void world_serve_in(struct life *life, struct slot *slot)
{
	const unsigned nr_refs = atomic_load(&slot->refs);
	struct fuse_in_header *header = slot_header(slot->payload);
	const struct fuse_buf buf = { .mem = header, .size = header->len };

	slot->unique = header->unique;
	slot_set_here(slot);
	fuse_session_process_buf(life->session, &buf);
	slot_set_here(NULL);
	while (atomic_load(&slot->refs) > nr_refs)
		usleep(1);
}

static void *serve(void *arg)
{
	struct life *life = arg;
	bool has_answer = world_is_answered(slot_header(life->slot->payload)->opcode);

	world_serve_in(life, life->slot);
	if (!has_answer)
		note_served(life, false);
	return NULL;
}

/* Return: whether the process has died. */
static bool serve_request(struct slot *slot)
{
	struct life *life = world_now();

	life->slot = slot;
	world.answer.bytes = 0;
	ck_assert_int_eq(pthread_create(&life->thread, NULL, serve, life), 0);
	while (sem_wait(&world.served))
		;
	life->is_serving = life->is_dead;
	if (!life->is_dead)
		pthread_join(life->thread, NULL);
	return life->is_dead;
}

void world_make_request(const struct step *step)
{
	world_make_request_in(world.slot, step, 100 + world.at);
}

bool world_serve(void)
{
	return serve_request(world.slot);
}

void world_do(const struct step *step)
{
	world_make_request(step);
	ck_assert(!world_serve());
	world_follow();
}

/* ---- the standby ---- */

static void follow(bool is_dead)
{
	const void *record;
	size_t bytes;
	int got;

	while ((got = journal_read(world.reader, is_dead, &record, &bytes)) == 1)
		ck_assert_int_eq(replica_apply(world.replica, record, bytes), 0);
	ck_assert_int_eq(got, 0);
}

void world_follow(void)
{
	follow(false);
}

/* Says in the slot what has become of its request. */
static void note_outcome(void)
{
	const struct replica_outcome *outcome = replica_outcome(world.replica, 0);

	if (!outcome || outcome->unique != slot_header(world.slot->payload)->unique)
		return;
	if (outcome->kind == REPLICA_OUTCOME_LISTED)
		ck_assert_int_eq(replica_undo_listed(world.replica, 0), 0);
	else
		slot_front(world.slot->payload)->outcome = *outcome;
}

/* ---- lives ---- */

static struct journal *open_journal(void)
{
	const struct journal_fds fds = journal_fds(world.reader);
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
	world_make_request_in(world.init_slot, &init, 1);
	ck_assert(!serve_request(world.init_slot));
}

static struct life *begin_life(void)
{
	struct life *life = &world.lives[world.nr_lives];
	struct fs_config config = { .atime = TREE_ATIME_RELATIVE, .root_mode = 01777 };

	ck_assert_uint_lt(world.nr_lives, WORLD_MAX_LIVES);
	life->is_dead = life->is_serving = false;
	life->journal = config.journal = open_journal();
	world.nr_lives++;
	ck_assert_int_eq(data_volume_new(world.sp, &life->vol), 0);
	config.volume = life->vol;
	config.transport.synchronous = true;
	ck_assert_int_eq(fs_new(&config, &life->fs), 0);
	return life;
}

/* @is_awaited: the kernel waits for the answer to the request in the slot */
void world_take_over(bool is_awaited)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	struct life *life;

	follow(true);
	if (is_awaited)
		note_outcome();
	ck_assert_int_eq(replica_save(world.replica, fd), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	life = begin_life();
	data_volume_quiesce(life->vol);
	ck_assert_int_eq(fs_load(life->fs, fd), 0);
	close(fd);
	life->fs->answer_first = answer_instead; /* as fs_adopt_slots() does */
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

/* ---- the world ---- */

void world_begin(size_t journal_bytes)
{
	const struct fake_config config = { .nr_chunks = 32 };

	world.sp = fake_new(&config);
	fake_shrink_imports(world.sp);
	world.nr_lives = 0;
	world.at = 0;
	world.nr_to_die = -1;
	ck_assert_int_eq(journal_new(journal_bytes, &world.reader), 0);
	ck_assert_int_eq(replica_new(&world.replica), 0);
	ck_assert_int_eq(slot_region_share(&world.region, NR_SLOTS), 0);
	world.slots = slot_pool_new(&world.region, NR_SLOTS);
	world.slot = slot_pool_get(world.slots, false);
	world.init_slot = slot_pool_get(world.slots, false);
	world.answer.data = malloc(MAX_ANSWER);
	sem_init(&world.served, 0, 0);
	sem_init(&world.burial, 0, 0);
	fs_start_journal(begin_life()->fs, true);
	init_session(world_now());
}

void world_bury(void)
{
	end_life(world_now());
	sem_post(&world.burial);
}

void world_end(void)
{
	for (unsigned i = 0; i + 1 < world.nr_lives; i++) {
		if (world.lives[i].is_serving)
			pthread_join(world.lives[i].thread, NULL);
		end_life(&world.lives[i]);
	}
	ck_assert_uint_eq(fake_free(world.sp), 0);
	slot_put(world.slot);
	slot_put(world.init_slot);
	slot_pool_free(world.slots);
	slot_region_fini(&world.region);
	replica_free(world.replica);
	journal_free(world.reader);
	free(world.answer.data);
	sem_destroy(&world.served);
	sem_destroy(&world.burial);
}
