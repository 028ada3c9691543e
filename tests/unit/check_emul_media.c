/* SPDX-License-Identifier: Apache-2.0 */
/* A mapped medium (tmpfs) gives the same results as one that uses system calls. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devport/mmio_guard.h"
#include "emul/media/copy.h"
#include "emul/media/map.h"
#include "emul/media/media.h"
#include "support/emul_host.h"

#define NR_BLOCKS 64u
#define GIB       (UINT64_C(1) << 30)
#define BLOCK     page_bytes

static size_t page_bytes; /* of this host: what a hole, a cut and a fault are about */
static int fd;
static struct emul_media *media;
static char *memory; /* NR_BLOCKS, and behind them a page that cannot be accessed */

static void open_media(int of)
{
	fd = of;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(emul_media_open(dup(fd), &media), 0);
}

static int make_file(uint64_t bytes)
{
	int made = memfd_create("medium", MFD_CLOEXEC); /* a file on a tmpfs */

	ck_assert_int_ge(made, 0);
	ck_assert_int_eq(ftruncate(made, (off_t)bytes), 0);
	return made;
}

static void setup(void)
{
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	open_media(make_file(3 * GIB));
	memory = mmap(NULL, (NR_BLOCKS + 1) * BLOCK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	ck_assert_int_eq(mprotect(memory + NR_BLOCKS * BLOCK, BLOCK, PROT_NONE), 0);
}

static void teardown(void)
{
	emul_media_close(media);
	close(fd);
	munmap(memory, (NR_BLOCKS + 1) * BLOCK);
	emul_host_wild(false);
}

static int transfer(bool write, char *at, size_t bytes, uint64_t offset, uint64_t *ret_done)
{
	struct iovec iov = { at, bytes };

	return emul_media_transfer(media, write, &iov, 1, offset, ret_done);
}

static void move(bool write, char *at, size_t bytes, uint64_t offset)
{
	uint64_t done;

	ck_assert_int_eq(transfer(write, at, bytes, offset, &done), 0);
	ck_assert_uint_eq(done, bytes);
}

static uint64_t nr_blocks_allocated(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512 / BLOCK;
}

static void assert_file_holds(uint64_t offset, size_t bytes, int value)
{
	char *got = malloc(bytes);

	ck_assert_int_eq(pread(fd, got, bytes, (off_t)offset), (ssize_t)bytes);
	for (size_t i = 0; i < bytes; i++)
		ck_assert_int_eq(got[i], value);
	free(got);
}

static void assert_memory_holds(size_t bytes, int value)
{
	for (size_t i = 0; i < bytes; i++)
		ck_assert_int_eq(memory[i], value);
}

/* ---- which bytes are copied ---- */

START_TEST(test_only_what_is_known_to_be_there_is_copied)
{
	struct emul_media_map *map = emul_media_map_new(fd);
	struct iovec iov = { memory, 3 * BLOCK };

	ck_assert_ptr_nonnull(map);
	ck_assert_uint_eq(emul_media_map_move(map, true, &iov, 1, BLOCK), 0);
	ck_assert_uint_eq(nr_blocks_allocated(), 0);
	emul_media_map_note(map, BLOCK + 1, 2 * BLOCK - 2);
	ck_assert_uint_eq(emul_media_map_move(map, true, &iov, 1, BLOCK), 0);
	iov.iov_len = 2 * BLOCK;
	memset(memory, 'a', iov.iov_len);
	ck_assert_uint_eq(emul_media_map_move(map, true, &iov, 1, BLOCK), iov.iov_len);
	assert_file_holds(BLOCK, iov.iov_len, 'a');
	ck_assert_uint_eq(nr_blocks_allocated(), 2);
	emul_media_map_free(map);
}
END_TEST

START_TEST(test_pieces_are_copied_up_to_the_first_that_is_not_there)
{
	struct emul_media_map *map = emul_media_map_new(fd);
	struct iovec iov[] = { { memory, BLOCK },
			       { memory + 8 * BLOCK, 2 * BLOCK },
			       { memory + 4 * BLOCK, BLOCK } };

	emul_media_map_note(map, 0, 3 * BLOCK);
	ck_assert_uint_eq(emul_media_map_move(map, false, iov, 3, 0), 3 * BLOCK);
	ck_assert_uint_eq(emul_media_map_move(map, false, iov, 3, BLOCK), BLOCK);
	ck_assert_uint_eq(emul_media_map_move(map, false, iov, 3, 3 * BLOCK), 0);
	emul_media_map_free(map);
}
END_TEST

START_TEST(test_a_map_is_made_of_files_on_a_tmpfs_only)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int proc = open("/proc/self/comm", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(null, 0);
	ck_assert_int_ge(proc, 0);
	ck_assert_ptr_null(emul_media_map_new(null));
	ck_assert_ptr_null(emul_media_map_new(proc));
	ck_assert_uint_eq(emul_media_map_move(NULL, true, NULL, 0, 0), 0);
	emul_media_map_note(NULL, 0, BLOCK);
	emul_media_map_free(NULL);
	close(null);
	close(proc);
}
END_TEST

START_TEST(test_reading_what_was_never_written_allocates_nothing)
{
	memset(memory, 'x', 4 * BLOCK);
	move(false, memory, 4 * BLOCK, GIB);
	assert_memory_holds(4 * BLOCK, 0);
	ck_assert_uint_eq(nr_blocks_allocated(), 0);
}
END_TEST

/* ---- both ways tell the same ---- */

static const uint64_t places[] = {
	0, 512, 63 * 4096, 2 * GIB - 4096, 2 * GIB - 512, 3 * GIB - (1 << 20),
};

START_TEST(test_what_was_written_is_read_whichever_way)
{
	uint64_t place = places[_i];

	for (int round = 0; round < 3; round++) {
		memset(memory, 'a' + round, 8 * BLOCK);
		move(true, memory, 8 * BLOCK, place);
		assert_file_holds(place, 8 * BLOCK, 'a' + round);
		memset(memory, 0, 8 * BLOCK);
		move(false, memory, 8 * BLOCK, place);
		assert_memory_holds(8 * BLOCK, 'a' + round);
	}
}
END_TEST

START_TEST(test_half_of_it_there_is_moved_as_a_whole)
{
	memset(memory, 'a', 4 * BLOCK);
	move(true, memory, 2 * BLOCK, 0);
	memset(memory, 'b', 4 * BLOCK);
	move(true, memory, 4 * BLOCK, BLOCK);
	assert_file_holds(0, BLOCK, 'a');
	assert_file_holds(BLOCK, 4 * BLOCK, 'b');
	memset(memory, 0, 8 * BLOCK);
	move(false, memory, 8 * BLOCK, BLOCK);
	assert_memory_holds(4 * BLOCK, 'b');
	ck_assert_int_eq(memory[4 * BLOCK], 0);
}
END_TEST

START_TEST(test_beyond_the_size_it_was_opened_with)
{
	ck_assert_int_eq(ftruncate(fd, (off_t)(5 * GIB)), 0);
	for (int round = 0; round < 2; round++) {
		memset(memory, 'a' + round, 2 * BLOCK);
		move(true, memory, 2 * BLOCK, 3 * GIB - BLOCK);
		assert_file_holds(3 * GIB - BLOCK, 2 * BLOCK, 'a' + round);
	}
}
END_TEST

START_TEST(test_each_write_behind_the_end_makes_the_file_longer)
{
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	memset(memory, 'a', 4 * 512);
	for (unsigned i = 0; i < 4; i++)
		move(true, memory + i * 512, 512, i * 512);
	assert_file_holds(0, 4 * 512, 'a');
}
END_TEST

/* A number of /proc/self/smaps_rollup, in KiB; 0 when it is not there. Those in status may be wrong
 * by many pages. */
static uint64_t memory_of_kind(const char *kind)
{
	FILE *status = fopen("/proc/self/smaps_rollup", "re");
	uint64_t kib = 0;
	char line[128];

	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, kind, strlen(kind)))
			kib = strtoull(line + strlen(kind), NULL, 10);
	fclose(status);
	return kib;
}

/* Without this check all others would pass with system calls alone. */
START_TEST(test_what_was_written_is_copied_from_then_on)
{
	uint64_t before = memory_of_kind("Pss_Shmem:");

	move(true, memory, NR_BLOCKS * BLOCK, GIB);
	ck_assert_uint_eq(memory_of_kind("Pss_Shmem:"), before);
	move(_i, memory, NR_BLOCKS * BLOCK, GIB);
	ck_assert_uint_ge(memory_of_kind("Pss_Shmem:"), before + NR_BLOCKS * BLOCK / 1024);
}
END_TEST

/* ---- what is not there ---- */

START_TEST(test_memory_that_is_not_there_is_told)
{
	char *last = memory + (NR_BLOCKS - 1) * BLOCK;
	bool write = _i;
	uint64_t done;

	emul_host_wild(true);
	memset(memory, 'a', NR_BLOCKS * BLOCK);
	move(true, memory, NR_BLOCKS * BLOCK, 0);
	ck_assert_int_eq(transfer(write, last + BLOCK, BLOCK, 0, &done), -EFAULT);
	ck_assert_uint_eq(done, 0);
	ck_assert_int_eq(transfer(write, NULL, BLOCK, 0, &done), -EFAULT);
	ck_assert_int_eq(transfer(write, last, 2 * BLOCK, 0, &done), -EFAULT);
	ck_assert_uint_eq(done, BLOCK);
	move(write, last, BLOCK, 0); /* the next one is none the worse */
}
END_TEST

START_TEST(test_a_medium_that_is_cut_short_reads_as_zeros_and_grows_again)
{
	memset(memory, 'a', 8 * BLOCK);
	move(true, memory, 8 * BLOCK, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(4 * BLOCK)), 0);
	move(false, memory, 8 * BLOCK, 0);
	assert_memory_holds(4 * BLOCK, 'a');
	for (size_t i = 4 * BLOCK; i < 8 * BLOCK; i++)
		ck_assert_int_eq(memory[i], 0);
	memset(memory, 'b', 8 * BLOCK);
	move(true, memory, 8 * BLOCK, 0);
	assert_file_holds(0, 8 * BLOCK, 'b');
}
END_TEST

static void punch(uint64_t offset, uint64_t bytes)
{
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
				   (off_t)bytes),
			 0);
}

START_TEST(test_a_hole_reads_as_zeros_and_is_filled)
{
	memset(memory, 'a', 4 * BLOCK);
	move(true, memory, 4 * BLOCK, 0);
	punch(BLOCK, 2 * BLOCK);
	move(false, memory, BLOCK, BLOCK);
	assert_memory_holds(BLOCK, 0);
	memset(memory, 'b', BLOCK);
	move(true, memory, BLOCK, 2 * BLOCK);
	assert_file_holds(0, BLOCK, 'a');
	assert_file_holds(BLOCK, BLOCK, 0);
	assert_file_holds(2 * BLOCK, BLOCK, 'b');
	assert_file_holds(3 * BLOCK, BLOCK, 'a');
}
END_TEST

/* A hole is punched, and other data takes the freed space. */
START_TEST(test_a_hole_on_a_full_disk_is_told_and_reads_as_zeros)
{
	char mnt[] = "/tmp/emul_media.XXXXXX", path[64], size[32];
	int full, other;
	uint64_t done;

	ck_assert_ptr_nonnull(mkdtemp(mnt));
	snprintf(size, sizeof(size), "size=%zu", 16 * BLOCK);
	if (mount("emul-media", mnt, "tmpfs", 0, size)) {
		rmdir(mnt);
		return; /* not allowed here */
	}
	snprintf(path, sizeof(path), "%s/medium", mnt);
	full = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(full, (off_t)(16 * BLOCK)), 0);
	snprintf(path, sizeof(path), "%s/other", mnt);
	other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	emul_media_close(media);
	close(fd);
	open_media(full);
	memset(memory, 'a', 16 * BLOCK);
	move(true, memory, 16 * BLOCK, 0);
	punch(BLOCK, BLOCK);
	ck_assert_int_eq(pwrite(other, memory, BLOCK, 0), BLOCK);

	ck_assert_int_eq(transfer(true, memory, 2 * BLOCK, 0, &done), -ENOSPC);
	ck_assert_uint_eq(done, BLOCK);
	move(false, memory, BLOCK, BLOCK);
	assert_memory_holds(BLOCK, 0);
	move(false, memory, BLOCK, 2 * BLOCK);
	assert_memory_holds(BLOCK, 'a');

	close(other);
	ck_assert_int_eq(umount2(mnt, MNT_DETACH), 0);
	rmdir(mnt);
}
END_TEST

/* ---- signals ---- */

static void *move_blocks(void *arg)
{
	uintptr_t number = (uintptr_t)arg;
	char *block = malloc(BLOCK);
	void *bad = NULL;
	uint64_t done;

	emul_host_wild(true);
	for (int i = 0; i < 2000 && !bad; i++) {
		memset(block, i, BLOCK);
		if (transfer(true, block, BLOCK, number * BLOCK, &done) ||
		    transfer(true, NULL, BLOCK, number * BLOCK, &done) != -EFAULT ||
		    transfer(false, block, BLOCK, number * BLOCK, &done) || block[0] != (char)i ||
		    block[BLOCK - 1] != (char)i)
			bad = block;
	}
	emul_host_wild(false);
	free(block);
	return bad;
}

START_TEST(test_threads_fault_each_for_itself)
{
	pthread_t threads[4];
	void *bad;

	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, move_blocks, (void *)i), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
		ck_assert_ptr_null(bad);
	}
}
END_TEST

START_TEST(test_a_child_can_close_it)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (!child) {
		emul_media_close(media);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	move(true, memory, BLOCK, 0);
}
END_TEST

/* Registers of a mapping that is dead are cured by another handler of SIGBUS. */
static void guard_a_dead_register(void)
{
	int area = make_file(4096);
	uint64_t *registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, area, 0);

	ck_assert_ptr_ne(registers, MAP_FAILED);
	ck_assert_int_eq(ftruncate(area, 0), 0);
	ck_assert_uint_eq(mmio_guard_read(registers), UINT64_MAX);
	munmap(registers, 4096);
	close(area);
}

static void copy_from_a_dead_file(void)
{
	int file = make_file(4096);
	char *there = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), byte;

	ck_assert_ptr_ne(there, MAP_FAILED);
	ck_assert(emul_copy(&byte, there, 1));
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert(!emul_copy(&byte, there, 1));
	munmap(there, 4096);
	close(file);
}

START_TEST(test_two_who_take_the_signal_get_on_in_either_order)
{
	ck_assert_int_eq(_i ? emul_copy_install() : mmio_guard_install(), 0);
	ck_assert_int_eq(_i ? mmio_guard_install() : emul_copy_install(), 0);
	for (int round = 0; round < 2; round++) {
		guard_a_dead_register();
		copy_from_a_dead_file();
	}
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) /* they take the signals as well */
static int end_of(void (*fault)(void))
{
	const struct rlimit no_core = { 0, 0 };
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (!child) {
		setrlimit(RLIMIT_CORE, &no_core);
		fault();
		_exit(2);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

static void install_or_exit(void)
{
	if (emul_copy_install() || emul_copy(&page_bytes, NULL, 1))
		_exit(1);
}

static void touch_nothing(void)
{
	install_or_exit();
	*(volatile char *)(uintptr_t)page_bytes = 1;
}

static void send_to_oneself(void)
{
	install_or_exit();
	raise(SIGBUS);
}

static void leave(int number)
{
	_exit(40 + number);
}

static void touch_nothing_with_a_handler(void)
{
	signal(SIGSEGV, leave);
	touch_nothing();
}

static void send_what_is_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	if (emul_copy_install())
		_exit(1);
	raise(SIGSEGV);
	_exit(3);
}

START_TEST(test_a_fault_of_anybody_else_ends_the_program)
{
	emul_host_wild(true);
	ck_assert_int_eq(WTERMSIG(end_of(touch_nothing)), SIGSEGV);
	ck_assert_int_eq(WTERMSIG(end_of(send_to_oneself)), SIGBUS);
	emul_host_wild(false);
}
END_TEST

START_TEST(test_whoever_had_the_signal_before_still_gets_it)
{
	emul_host_wild(true);
	ck_assert_int_eq(WEXITSTATUS(end_of(touch_nothing_with_a_handler)), 40 + SIGSEGV);
	ck_assert_int_eq(WEXITSTATUS(end_of(send_what_is_ignored)), 3);
	emul_host_wild(false);
}
END_TEST
#endif

/* No fixture: what is there before the signals are taken is for each test to say. */
static void add_signal_tests(Suite *suite)
{
	TCase *tcase = tcase_create("signals");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, test_two_who_take_the_signal_get_on_in_either_order, 0, 2);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(tcase, test_a_fault_of_anybody_else_ends_the_program);
	tcase_add_test(tcase, test_whoever_had_the_signal_before_still_gets_it);
#endif
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("emul_media");
	TCase *tcase = tcase_create("media");

	tcase_set_timeout(tcase, 300); /* for slow machines and valgrind */
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_only_what_is_known_to_be_there_is_copied);
	tcase_add_test(tcase, test_pieces_are_copied_up_to_the_first_that_is_not_there);
	tcase_add_test(tcase, test_a_map_is_made_of_files_on_a_tmpfs_only);
	tcase_add_test(tcase, test_reading_what_was_never_written_allocates_nothing);
	tcase_add_loop_test(tcase, test_what_was_written_is_read_whichever_way, 0,
			    sizeof(places) / sizeof(places[0]));
	tcase_add_test(tcase, test_half_of_it_there_is_moved_as_a_whole);
	tcase_add_test(tcase, test_beyond_the_size_it_was_opened_with);
	tcase_add_test(tcase, test_each_write_behind_the_end_makes_the_file_longer);
	tcase_add_loop_test(tcase, test_what_was_written_is_copied_from_then_on, 0, 2);
	tcase_add_loop_test(tcase, test_memory_that_is_not_there_is_told, 0, 2);
	tcase_add_test(tcase, test_a_medium_that_is_cut_short_reads_as_zeros_and_grows_again);
	tcase_add_test(tcase, test_a_hole_reads_as_zeros_and_is_filled);
	tcase_add_test(tcase, test_a_hole_on_a_full_disk_is_told_and_reads_as_zeros);
	tcase_add_test(tcase, test_threads_fault_each_for_itself);
	tcase_add_test(tcase, test_a_child_can_close_it);
	suite_add_tcase(suite, tcase);
	add_signal_tests(suite);
	return run_suite(suite);
}
