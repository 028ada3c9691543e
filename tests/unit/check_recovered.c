/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that serve a mount are killed, and others go on with the requests that they have left.
 *
 * The test process stands by. The file system has ten files, and lies in shared memory as if a
 * journal had saved it.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fuse/takeover/pending.h"
#include "fuse/transport/internal.h"
#include "replica/replica.h"

#define NR_FILES   10
#define FIRST_INO  2
#define FILE_BYTES (1 << 20)
#define NR_SLOTS   40

/** Where an operation stops for ever. */
enum place { NOWHERE, BEFORE, EXECUTED, ANSWERED, CRASHES };

static struct world {
	_Atomic enum place stop_at;
	_Atomic unsigned stop_opcode;
	_Atomic unsigned nr_stopped, nr_executed; /* operations of that kind */
	_Atomic long nr_references[NR_FILES];
	struct transport_init init;
	char data[NR_FILES][FILE_BYTES];
	/* Of the programs that use the mount: */
	_Atomic bool end;
	_Atomic unsigned nr_done, nr_errors;
	_Atomic uint64_t longest_ns;
} * world;

/* ---- the file system, in the process that serves ---- */

static struct transport *transport;

static void pass(enum place place, unsigned opcode)
{
	if (world->stop_opcode != opcode)
		return;
	world->nr_executed += place == EXECUTED;
	if (world->stop_at == CRASHES)
		_exit(1);
	if (world->stop_at != place)
		return;
	world->nr_stopped++;
	for (;;)
		pause();
}

static void fill_stat(fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){
		.st_ino = ino,
		.st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644,
		.st_nlink = 1,
		.st_size = ino == FUSE_ROOT_ID ? 0 : FILE_BYTES,
	};
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	transport_negotiate(transport, conn);
	world->init = *transport_init_request(transport);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct replica_outcome *outcome = slot_outcome(slot_here());
	struct fuse_entry_param entry = {
		.ino = FIRST_INO + (fuse_ino_t)(name[0] - '0'),
		.attr_timeout = 1000,
	};

	(void)parent;
	pass(BEFORE, FUSE_LOOKUP);
	if (!outcome)
		world->nr_references[entry.ino - FIRST_INO]++;
	else
		ck_assert_uint_eq(outcome->ino, entry.ino);
	if (!outcome)
		pass(EXECUTED, FUSE_LOOKUP);
	fill_stat(entry.ino, &entry.attr);
	fuse_reply_entry(req, &entry);
	pass(ANSWERED, FUSE_LOOKUP);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nr)
{
	pass(BEFORE, FUSE_FORGET);
	world->nr_references[ino - FIRST_INO] -= (long)nr;
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t nr, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < nr; i++)
		world->nr_references[forgets[i].ino - FIRST_INO] -= (long)forgets[i].nlookup;
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	fill_stat(ino, &st);
	fuse_reply_attr(req, &st, 0);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t bytes, off_t offset,
		    struct fuse_file_info *fi)
{
	char *payload = slot_here()->payload;

	(void)fi;
	memcpy(payload, world->data[ino - FIRST_INO] + offset, bytes);
	fuse_reply_buf(req, payload, bytes);
}

/* A write is answered later, on another thread. */
struct late {
	fuse_req_t req;
	struct slot *slot;
	const char *from;
	char *to;
	size_t bytes;
};

static void *write_late(void *arg)
{
	struct late late = *(struct late *)arg;
	const struct replica_outcome *outcome = slot_outcome(late.slot);

	free(arg);
	pass(BEFORE, FUSE_WRITE);
	if (outcome) {
		fuse_reply_err(late.req, -outcome->error);
	} else {
		memcpy(late.to, late.from, late.bytes);
		pass(EXECUTED, FUSE_WRITE);
		fuse_reply_write(late.req, late.bytes);
	}
	pass(ANSWERED, FUSE_WRITE);
	slot_release(late.slot);
	return NULL;
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *from, size_t bytes, off_t offset,
		     struct fuse_file_info *fi)
{
	struct late *late = malloc(sizeof(*late));
	pthread_t thread;

	(void)fi;
	*late = (struct late){ req, slot_here(), from, world->data[ino - FIRST_INO] + offset,
			       bytes };
	slot_keep(late->slot);
	if (pthread_create(&thread, NULL, write_late, late))
		abort();
	pthread_detach(thread);
}

static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
	.write = op_write,
};

static void quiesce(void *arg)
{
	(void)arg;
}

/* ---- the process that stands by ---- */

static char mountpoint[] = "/tmp/cxlfs-recovered-XXXXXX";
static int fuse_fd, slots_fd;
static struct slot_region region;
static struct pending pending;
static struct replica *replica;
static pid_t server;

static void serve(void)
{
	const struct transport_config config = { .nr_workers = 2 };
	char *argv[] = { (char *)"test" };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session =
		fuse_session_new(&args, &operations, sizeof(operations), NULL);
	char name[32];

	snprintf(name, sizeof(name), "/dev/fd/%d", fuse_fd);
	if (!session || fuse_session_mount(session, name) || transport_new(&config, &transport) ||
	    transport_adopt_slots(transport, dup(slots_fd)))
		abort();
	transport_set_session(transport, session);
	if (world->init.nr_bytes && transport_replay_init(transport, &world->init))
		abort();
	(void)transport_serve(transport, NULL, quiesce, NULL);
	_exit(0);
}

static void start_server(void)
{
	server = fork();
	ck_assert_int_ge(server, 0);
	if (!server)
		serve();
}

static void kill_server(void)
{
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
}

static void mount_it(void)
{
	char options[128];

	ck_assert_ptr_nonnull(mkdtemp(mountpoint));
	fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fuse_fd, 0);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse_fd);
	ck_assert_int_eq(mount("cxlfs-test", mountpoint, "fuse", 0, options), 0);
}

static void start(void)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ck_assert_ptr_ne(world, MAP_FAILED);
	ck_assert_int_eq(slot_region_share(&region, NR_SLOTS), 0);
	slots_fd = region.fd;
	mount_it();
	ck_assert_int_eq(replica_new(&replica), 0);
	ck_assert_int_eq(pending_open(&pending, dup(slots_fd), fuse_fd), 0);
	start_server();
}

static void stop(void)
{
	world->stop_at = NOWHERE;
	kill_server();
	(void)umount2(mountpoint, MNT_DETACH);
	close(fuse_fd);
	(void)rmdir(mountpoint);
	strcpy(mountpoint + strlen(mountpoint) - 6, "XXXXXX");
	pending_close(&pending);
	replica_free(replica);
	slot_region_fini(&region);
	(void)munmap(world, sizeof(*world));
}

/* ---- programs that use the mount ---- */

static void path_of(unsigned file, char *path, size_t bytes)
{
	snprintf(path, bytes, "%s/%u", mountpoint, file);
}

static int look_up(unsigned file)
{
	char path[64];
	struct stat st;

	path_of(file, path, sizeof(path));
	return lstat(path, &st) ? errno : 0;
}

static int write_byte(unsigned file)
{
	char path[64], byte = 'w';
	int fd, err;

	path_of(file, path, sizeof(path));
	fd = open(path, O_WRONLY);
	err = fd < 0 || pwrite(fd, &byte, 1, 4321) != 1 ? errno : 0;
	close(fd);
	return err;
}

static pid_t start_program(int (*run)(unsigned file), unsigned file)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		close(fuse_fd); /* or the mount would outlive the test */
		_exit(run(file));
	}
	return pid;
}

/* Return: errno of the program. */
static int result_of(pid_t program)
{
	int status;

	ck_assert_int_eq(waitpid(program, &status, 0), program);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void stop_at(enum place place, unsigned opcode)
{
	world->nr_stopped = world->nr_executed = 0;
	world->stop_opcode = opcode;
	world->stop_at = place;
}

static void await_stopped(unsigned nr)
{
	while (world->nr_stopped < nr)
		usleep(1000);
}

static struct pending_request only_pending(void)
{
	struct pending_request request, other;
	uint32_t from = 0;

	ck_assert(pending_next(&pending, &from, &request));
	ck_assert(!pending_next(&pending, &from, &other));
	return request;
}

#define MAX_DEATHS 2

static void note_refused(void *arg, const struct pending_request *request)
{
	(void)request;
	++*(unsigned *)arg;
}

static void settle(bool is_guilty, struct pending_counts *ret_counts)
{
	unsigned nr_refused = 0;
	const struct pending_rules rules = {
		.replica = replica,
		.has_agreed = true,
		.max_deaths = MAX_DEATHS,
		.is_guilty = is_guilty,
		.refused = note_refused,
		.arg = &nr_refused,
	};

	ck_assert_int_eq(pending_settle(&pending, &rules, ret_counts), 0);
	ck_assert_uint_eq(nr_refused, ret_counts->nr_refused);
}

/* ---- tests ---- */

START_TEST(test_recovered_a_request_that_was_read_only_is_executed)
{
	struct pending_request request;
	pid_t program;

	ck_assert_int_eq(look_up(0), 0);
	stop_at(BEFORE, FUSE_LOOKUP);
	program = start_program(look_up, 3);
	await_stopped(1);
	kill_server();
	request = only_pending();
	ck_assert_uint_eq(request.opcode, FUSE_LOOKUP);
	ck_assert_uint_eq(request.pid, (unsigned)program);
	ck_assert_int_eq(pending_is_awaited(&pending, &request), 1);
	ck_assert_int_eq(pending_is_awaited(&pending, &request), 1); /* asking changes nothing */
	world->stop_at = NOWHERE;
	start_server();
	ck_assert_int_eq(result_of(program), 0);
	ck_assert_uint_eq(world->nr_executed, 1);
	ck_assert_int_eq(look_up(0), 0);
}
END_TEST

START_TEST(test_recovered_a_request_that_was_executed_is_answered_from_its_outcome)
{
	struct replica_outcome outcome = { .kind = REPLICA_OUTCOME_ENTRY, .ino = FIRST_INO + 3 };
	struct pending_request request;
	pid_t program;

	stop_at(EXECUTED, FUSE_LOOKUP);
	program = start_program(look_up, 3);
	await_stopped(1);
	kill_server();
	request = only_pending();
	ck_assert_int_eq(pending_is_awaited(&pending, &request), 1);
	outcome.unique = request.unique;
	pending_set_outcome(&pending, &request, &outcome);
	start_server();
	ck_assert_int_eq(result_of(program), 0);
	ck_assert_uint_eq(world->nr_executed, 1);
	ck_assert_int_eq(world->nr_references[3], 1);
}
END_TEST

START_TEST(test_recovered_a_request_that_was_answered_is_not_awaited)
{
	struct pending_request request;
	struct pending_counts counts;
	uint32_t from = 0;
	pid_t program;

	stop_at(ANSWERED, FUSE_LOOKUP);
	program = start_program(look_up, 3);
	await_stopped(1);
	ck_assert_int_eq(result_of(program), 0);
	kill_server();
	request = only_pending();
	ck_assert_int_eq(pending_is_awaited(&pending, &request), 0);
	settle(true, &counts);
	ck_assert_uint_eq(counts.nr_answered, 1);
	ck_assert(!pending_next(&pending, &from, &request));
	world->stop_at = NOWHERE;
	start_server();
	ck_assert_int_eq(look_up(4), 0);
	ck_assert_int_eq(world->nr_references[3], 1);
}
END_TEST

START_TEST(test_recovered_a_signal_changes_nothing)
{
	struct pending_request request;
	pid_t program;

	stop_at(BEFORE, FUSE_LOOKUP);
	program = start_program(look_up, 3);
	await_stopped(1);
	ck_assert_int_eq(kill(program, SIGKILL), 0);
	usleep(20000);
	kill_server();
	for (uint32_t from = 0; pending_next(&pending, &from, &request);)
		ck_assert_int_eq(pending_is_awaited(&pending, &request), 1);
	world->stop_at = NOWHERE;
	start_server();
	ck_assert_int_eq(waitpid(program, NULL, 0), program);
	ck_assert_int_eq(world->nr_references[3], 1);
}
END_TEST

START_TEST(test_recovered_a_write_answered_later_keeps_its_bytes)
{
	struct pending_request request;
	struct pending_counts counts;
	pid_t program;

	stop_at(BEFORE, FUSE_WRITE);
	program = start_program(write_byte, 5);
	await_stopped(1);
	ck_assert_int_eq(look_up(0), 0); /* in another slot */
	kill_server();
	settle(true, &counts); /* may have to clear the slot of look_up() */
	request = only_pending();
	ck_assert_uint_eq(request.opcode, FUSE_WRITE);
	ck_assert_int_eq(world->data[5][4321], 0);
	world->stop_at = NOWHERE;
	start_server();
	ck_assert_int_eq(result_of(program), 0);
	ck_assert_int_eq(world->data[5][4321], 'w');
}
END_TEST

START_TEST(test_recovered_a_forget_is_not_lost)
{
	struct pending_counts counts;

	ck_assert_int_eq(look_up(7), 0);
	ck_assert_int_eq(world->nr_references[7], 1);
	stop_at(BEFORE, FUSE_FORGET);
	ck_assert_int_eq(system("echo 2 >/proc/sys/vm/drop_caches"), 0);
	await_stopped(1);
	kill_server();
	settle(true, &counts);
	ck_assert(!pending_has_answer(&(struct pending_request){ .opcode = FUSE_FORGET }));
	ck_assert_uint_eq(only_pending().opcode, FUSE_FORGET);
	world->stop_at = NOWHERE;
	start_server();
	while (world->nr_references[7])
		usleep(1000);
}
END_TEST

/* The others are served although it kills each process that comes to it. */
START_TEST(test_recovered_a_request_that_kills_is_refused)
{
	struct pending_counts counts = { 0 };
	pid_t others[3], killer;
	unsigned nr_deaths = 0;

	stop_at(BEFORE, FUSE_WRITE);
	for (unsigned i = 0; i < 3; i++)
		others[i] = start_program(write_byte, i);
	await_stopped(3);
	world->stop_opcode = FUSE_LOOKUP;
	world->stop_at = CRASHES;
	killer = start_program(look_up, 5);
	while (!counts.nr_refused) {
		ck_assert_int_eq(waitpid(server, NULL, 0), server);
		settle(true, &counts);
		/* Once among others, and then MAX_DEATHS times alone. */
		ck_assert_uint_lt(nr_deaths++, 1 + MAX_DEATHS);
		start_server();
	}
	ck_assert_uint_eq(nr_deaths, 1 + MAX_DEATHS);
	ck_assert_int_eq(result_of(killer), EIO);
	world->stop_at = NOWHERE;
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(result_of(others[i]), 0);
}
END_TEST

/* ---- with outcomes ---- */

static void apply(uint32_t kind, const void *data, uint32_t bytes)
{
	struct {
		struct replica_item item;
		char data[128];
	} record = { .item = { .kind = kind, .bytes = bytes } };

	memcpy(record.data, data, bytes);
	ck_assert_int_eq(replica_apply(replica, &record, sizeof(record.item) + bytes), 0);
}

static void begin_volume(void)
{
	const struct replica_start start = {
		.version = REPLICA_RECORD_VERSION,
		.root_mode = 0755,
		.geometry = { .chunk_blocks = 65536, .nr_luns = 1 },
	};

	apply(REPLICA_ITEM_START, &start, sizeof(start));
}

static void give_outcome(const struct pending_request *request, uint64_t unique,
			 enum replica_outcome_kind kind)
{
	const struct replica_outcome outcome = {
		.unique = unique,
		.slot = request->slot,
		.kind = kind,
		.error = -ENOSPC,
	};

	apply(REPLICA_ITEM_OUTCOME, &outcome, sizeof(outcome));
}

static unsigned find_pending(struct pending_request requests[], unsigned max)
{
	uint32_t from = 0;
	unsigned nr = 0;

	while (nr < max && pending_next(&pending, &from, &requests[nr]))
		nr++;
	return nr;
}

static struct fuse_in_header *header_of(const struct pending_request *request)
{
	return slot_header(region.memory + request->slot * SLOT_BYTES + SLOT_FRONT_BYTES);
}

#define NR_WRITERS 5

START_TEST(test_recovered_requests_end_as_the_replica_says)
{
	static const int expected[NR_WRITERS] = { ENOSPC, 0, 0, 0, EIO };
	struct pending_request requests[NR_WRITERS];
	struct pending_counts counts;
	unsigned nr_errors[256] = { 0 };
	pid_t programs[NR_WRITERS];

	begin_volume();
	stop_at(BEFORE, FUSE_WRITE);
	for (unsigned i = 0; i < NR_WRITERS; i++)
		programs[i] = start_program(write_byte, i);
	await_stopped(NR_WRITERS);
	kill_server();
	ck_assert_uint_eq(find_pending(requests, NR_WRITERS), NR_WRITERS);
	give_outcome(&requests[0], requests[0].unique, REPLICA_OUTCOME_ERROR);
	give_outcome(&requests[1], requests[1].unique, REPLICA_OUTCOME_LISTED);
	give_outcome(&requests[2], requests[2].unique - 2, REPLICA_OUTCOME_ERROR);
	header_of(&requests[4])->len = 1;
	settle(true, &counts);
	ck_assert_ptr_null(replica_outcome(replica, requests[1].slot));
	ck_assert_uint_eq(counts.nr_known, 1);
	ck_assert_uint_eq(counts.nr_left, 3);
	ck_assert_uint_eq(counts.nr_refused, 1);
	ck_assert_uint_eq(counts.nr_answered, 0);
	ck_assert_uint_eq(find_pending(requests, NR_WRITERS), NR_WRITERS - 1);
	world->stop_at = NOWHERE;
	start_server();
	for (unsigned i = 0; i < NR_WRITERS; i++)
		nr_errors[result_of(programs[i])]++;
	for (unsigned i = 0; i < NR_WRITERS; i++)
		ck_assert_uint_eq(nr_errors[expected[i]], expected[i] ? 1 : 3);
}
END_TEST

START_TEST(test_recovered_nothing_is_awaited_of_an_aborted_connection)
{
	struct pending_counts counts;
	pid_t program;

	stop_at(BEFORE, FUSE_LOOKUP);
	program = start_program(look_up, 3);
	await_stopped(1);
	kill_server();
	ck_assert_int_eq(umount2(mountpoint, MNT_FORCE | MNT_DETACH), 0);
	ck_assert_int_eq(result_of(program), ECONNABORTED);
	settle(true, &counts);
	ck_assert_uint_eq(counts.nr_answered, 1);
	start_server();
}
END_TEST

/* ---- killed under load ---- */

#define NR_KILLS    40
#define NR_PROGRAMS 4

static void measure(uint64_t start_ns)
{
	uint64_t ns = clock_now_ns() - start_ns, longest = world->longest_ns;

	while (ns > longest && !atomic_compare_exchange_weak(&world->longest_ns, &longest, ns))
		;
	world->nr_done++;
}

static bool write_and_read(int fd, unsigned *random)
{
	static char wrote[65536], got[sizeof(wrote)];
	size_t bytes = 1 + (size_t)rand_r(random) % sizeof(wrote);
	off_t offset = rand_r(random) % (FILE_BYTES - (int)sizeof(wrote));
	uint64_t start_ns = clock_now_ns();
	ssize_t done;

	memset(wrote, rand_r(random), bytes);
	done = pwrite(fd, wrote, bytes, offset);
	measure(start_ns);
	return done == (ssize_t)bytes && pread(fd, got, bytes, offset) == done &&
	       !memcmp(wrote, got, bytes);
}

static int use(unsigned file)
{
	unsigned random = file;
	char path[64];
	int fd;

	path_of(file, path, sizeof(path));
	fd = open(path, O_RDWR);
	while (fd >= 0 && !world->end)
		if (!write_and_read(fd, &random) || look_up(random % NR_FILES))
			world->nr_errors++;
	close(fd);
	return fd < 0;
}

/* A slow machine has served nothing yet after so short a time. */
static void await_a_write(void)
{
	unsigned before = world->nr_done;

	while (world->nr_done == before)
		usleep(1000);
}

static void kill_and_go_on(unsigned after_us, struct pending_counts *total)
{
	struct pending_counts counts;

	if (after_us)
		await_a_write();
	usleep(after_us);
	kill_server();
	settle(false, &counts);
	total->nr_left += counts.nr_left;
	total->nr_answered += counts.nr_answered;
	ck_assert_uint_eq(counts.nr_refused, 0);
	start_server();
}

START_TEST(test_recovered_programs_see_a_pause_at_most)
{
	struct pending_counts total = { 0 };
	pid_t programs[NR_PROGRAMS];
	unsigned nr_kills = 0;

	for (unsigned i = 0; i < NR_PROGRAMS; i++)
		programs[i] = start_program(use, i);
	/* Some die before they have served what the one before has left. On a slow machine it takes
	 * longer until one dies that has a request. */
	for (; nr_kills < NR_KILLS || (!total.nr_left && nr_kills < 10 * NR_KILLS); nr_kills++)
		kill_and_go_on(nr_kills % 8 * 5000, &total);
	world->end = true;
	for (unsigned i = 0; i < NR_PROGRAMS; i++)
		ck_assert_int_eq(result_of(programs[i]), 0);
	ck_assert_uint_eq(world->nr_errors, 0);
	ck_assert_uint_gt(total.nr_left, 0);
	printf("%u writes, %u kills: %u requests left, %u answered before, the longest took %u "
	       "ms\n",
	       world->nr_done, nr_kills, total.nr_left, total.nr_answered,
	       (unsigned)(world->longest_ns / 1000000));
}
END_TEST

static Suite *recovered_suite(void)
{
	Suite *suite = suite_create("recovered");
	TCase *tcase = tcase_create("recovered");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, test_recovered_a_request_that_was_read_only_is_executed);
	tcase_add_test(tcase,
		       test_recovered_a_request_that_was_executed_is_answered_from_its_outcome);
	tcase_add_test(tcase, test_recovered_a_request_that_was_answered_is_not_awaited);
	tcase_add_test(tcase, test_recovered_a_signal_changes_nothing);
	tcase_add_test(tcase, test_recovered_a_write_answered_later_keeps_its_bytes);
	tcase_add_test(tcase, test_recovered_a_forget_is_not_lost);
	tcase_add_test(tcase, test_recovered_a_request_that_kills_is_refused);
	tcase_add_test(tcase, test_recovered_requests_end_as_the_replica_says);
	tcase_add_test(tcase, test_recovered_nothing_is_awaited_of_an_aborted_connection);
	tcase_add_test(tcase, test_recovered_programs_see_a_pause_at_most);
	suite_add_tcase(suite, tcase);
	return suite;
}

/* Mounts are for this process and its children only. */
static bool can_mount(void)
{
	return geteuid() == 0 && !access("/dev/fuse", R_OK | W_OK) && !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL);
}

int main(void)
{
	if (!can_mount()) {
		puts("cannot mount");
		return 77;
	}
	return run_suite(recovered_suite());
}
