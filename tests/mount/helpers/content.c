/* SPDX-License-Identifier: Apache-2.0 */
/* A file's bytes: offsets, holes, sizes, appending, mapping, preallocation, times. */
#include "claim.h"

#include <linux/falloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>

#define BLOCK    4096
#define EXBIBYTE ((off_t)1 << 60)

static int new_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);

	claim_need(fd >= 0);
	return fd;
}

static off_t size_of(int fd)
{
	struct stat st;

	claim_need(fstat(fd, &st) == 0);
	return st.st_size;
}

static blkcnt_t blocks_of(int fd)
{
	struct stat st;

	claim_need(fstat(fd, &st) == 0);
	return st.st_blocks;
}

/* Blocks of pages that the kernel had collected may be told a moment after they are written. */
static blkcnt_t blocks_when_at_least(int fd, blkcnt_t wanted)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (int tries = 0; blocks_of(fd) < wanted && tries < 500; tries++)
		nanosleep(&moment, NULL);
	return blocks_of(fd);
}

static bool all_are(const char *buf, size_t n, char c)
{
	for (size_t i = 0; i < n; i++)
		if (buf[i] != c)
			return false;
	return true;
}

/* The range reads as this byte, and is there in full. */
static bool reads_as(int fd, off_t offset, size_t n, char c)
{
	char *buf = malloc(n);
	bool ok;

	claim_need(buf != NULL);
	ok = pread(fd, buf, n, offset) == (ssize_t)n && all_are(buf, n, c);
	free(buf);
	return ok;
}

static void fill(int fd, off_t offset, size_t n, char c)
{
	char *buf = malloc(n);

	claim_need(buf != NULL);
	memset(buf, c, n);
	claim(pwrite(fd, buf, n, offset) == (ssize_t)n);
	free(buf);
}

static void test_every_size_and_offset_round_a_block(void)
{
	static const off_t at[] = { 0, 1, 511, 512, 4095, 4096, 4097, 8191, 8192, 12289 };
	static const size_t length[] = { 1, 2, 511, 4095, 4096, 4097, 10000 };
	int fd;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (size_t j = 0; j < sizeof(length) / sizeof(length[0]); j++) {
			fd = new_file("f");
			fill(fd, at[i], length[j], 'x');
			claim(size_of(fd) == at[i] + (off_t)length[j]);
			claim(reads_as(fd, 0, (size_t)at[i], 0));
			claim(reads_as(fd, at[i], length[j], 'x'));
			claim(pread(fd, (char[1]){ 0 }, 1, size_of(fd)) == 0);
			close(fd);
			claim_need(unlink("f") == 0);
		}
	}
}

static void test_truncate_down_and_up_leaves_zeros(void)
{
	int fd = new_file("f");

	fill(fd, 0, 3 * BLOCK, 's');
	claim(ftruncate(fd, 100) == 0 && size_of(fd) == 100);
	claim(ftruncate(fd, 3 * BLOCK) == 0);
	claim(reads_as(fd, 0, 100, 's') && reads_as(fd, 100, 3 * BLOCK - 100, 0));
	claim(ftruncate(fd, 0) == 0 && ftruncate(fd, 50) == 0 && reads_as(fd, 0, 50, 0));
	claim(truncate("f", 60) == 0 && size_of(fd) == 60);
	close(fd);
}

static void test_write_behind_the_end_leaves_a_hole(void)
{
	int fd = new_file("f");

	fill(fd, 0, 10, 'a');
	fill(fd, 1 << 20, 10, 'b');
	claim(reads_as(fd, 10, (1 << 20) - 10, 0));
	claim(blocks_of(fd) < (1 << 20) / 512);
	close(fd);
}

static void test_reads_end_at_the_end(void)
{
	char buf[100];
	int fd = new_file("f");

	fill(fd, 0, 10, 'a');
	claim(pread(fd, buf, sizeof(buf), 0) == 10);
	claim(pread(fd, buf, sizeof(buf), 9) == 1);
	claim(pread(fd, buf, sizeof(buf), 10) == 0);
	claim(pread(fd, buf, sizeof(buf), INT64_MAX - 200) == 0);
	claim_errno(EINVAL, pread(fd, buf, sizeof(buf), -1));
	close(fd);
}

/* What the largest file is, is the file system's; that there is no way past it is not. */
static void test_a_file_of_an_exbibyte_is_a_hole_or_too_big(void)
{
	int fd = new_file("f"), err = ftruncate(fd, EXBIBYTE) ? errno : 0;

	if (err) {
		claim(err == EFBIG && size_of(fd) == 0);
	} else {
		claim(size_of(fd) == EXBIBYTE && lseek(fd, 0, SEEK_END) == EXBIBYTE);
		claim(reads_as(fd, EXBIBYTE - 10, 10, 0) && blocks_of(fd) < 1024);
		claim(ftruncate(fd, 0) == 0 && size_of(fd) == 0);
	}
	close(fd);
}

static void test_no_offset_passes_the_largest(void)
{
	int fd = new_file("f"), err;

	signal(SIGXFSZ, SIG_IGN);
	claim(pwrite(fd, "x", 1, INT64_MAX) == -1 && (errno == EFBIG || errno == EINVAL));
	err = pwrite(fd, "x", 1, INT64_MAX - 1) == -1 ? errno : 0;
	claim(err == EFBIG || err == ENOSPC || (err == 0 && size_of(fd) == INT64_MAX));
	err = ftruncate(fd, INT64_MAX) ? errno : 0;
	claim(err == EFBIG || (err == 0 && size_of(fd) == INT64_MAX));
	claim_errno(EINVAL, ftruncate(fd, -1));
	claim_errno(EINVAL, lseek(fd, -1, SEEK_SET));
	claim_errno(EFBIG, fallocate(fd, 0, INT64_MAX - 10, 100));
	claim_errno(EINVAL, fallocate(fd, 0, 0, 0));
	close(fd);
}

static void test_file_size_limit_is_kept(void)
{
	const struct rlimit limit = { .rlim_cur = 100, .rlim_max = RLIM_INFINITY };
	const struct rlimit none = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	int fd = new_file("f");

	signal(SIGXFSZ, SIG_IGN);
	claim_need(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	claim(pwrite(fd, "0123456789", 10, 95) == 5);
	claim_errno(EFBIG, pwrite(fd, "x", 1, 100));
	claim_errno(EFBIG, ftruncate(fd, 101));
	claim_need(setrlimit(RLIMIT_FSIZE, &none) == 0);
	claim(size_of(fd) == 100);
	close(fd);
}

static void test_holes_are_found(void)
{
	int fd = new_file("f");

	fill(fd, 64 * BLOCK, BLOCK, 'd');
	claim(ftruncate(fd, 128 * BLOCK) == 0);
	close(fd);
	/* A file that is open for writing may be data as a whole, for a moment longer than it is
	 * open. */
	fd = open("f", O_RDONLY);
	for (int tries = 0; lseek(fd, 0, SEEK_HOLE) != 0 && tries < 500; tries++)
		usleep(10000);
	claim(lseek(fd, 0, SEEK_HOLE) == 0);
	claim(lseek(fd, 0, SEEK_DATA) == 64 * BLOCK);
	claim(lseek(fd, 64 * BLOCK + 5, SEEK_DATA) == 64 * BLOCK + 5);
	claim(lseek(fd, 64 * BLOCK, SEEK_HOLE) == 65 * BLOCK);
	claim_errno(ENXIO, lseek(fd, 65 * BLOCK, SEEK_DATA));
	claim_errno(ENXIO, lseek(fd, 128 * BLOCK, SEEK_HOLE));
	claim_errno(ENXIO, lseek(fd, 128 * BLOCK, SEEK_DATA));
	close(fd);
}

static void test_punched_holes_are_zeros_and_free(void)
{
	blkcnt_t before;
	int fd = new_file("f");

	fill(fd, 0, 64 * BLOCK, 'p');
	claim_need(fsync(fd) == 0);
	before = blocks_when_at_least(fd, 64 * 8);
	claim(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 32 * BLOCK) == 0);
	claim(size_of(fd) == 64 * BLOCK);
	claim(reads_as(fd, 0, 100, 'p') && reads_as(fd, 100, 32 * BLOCK, 0));
	claim(reads_as(fd, 100 + 32 * BLOCK, 32 * BLOCK - 100, 'p'));
	claim(blocks_of(fd) <= before - 31 * 8);
	claim(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 64 * BLOCK, BLOCK) == 0);
	claim(size_of(fd) == 64 * BLOCK);
	claim_errno(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, BLOCK));
	close(fd);
}

static void test_zeroed_ranges_are_zeros(void)
{
	int fd = new_file("f");

	fill(fd, 0, 4 * BLOCK, 'z');
	claim(fallocate(fd, FALLOC_FL_ZERO_RANGE, 10, BLOCK) == 0);
	claim(reads_as(fd, 0, 10, 'z') && reads_as(fd, 10, BLOCK, 0));
	claim(reads_as(fd, 10 + BLOCK, 100, 'z'));
	claim(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 3 * BLOCK, 4 * BLOCK) == 0);
	claim(size_of(fd) == 4 * BLOCK && reads_as(fd, 3 * BLOCK, BLOCK, 0));
	claim(fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * BLOCK, 4 * BLOCK) == 0);
	claim(size_of(fd) == 7 * BLOCK && reads_as(fd, 3 * BLOCK, 4 * BLOCK, 0));
	close(fd);
}

static void test_preallocation_grows_or_keeps_the_size(void)
{
	int fd = new_file("f");

	claim(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10 * BLOCK) == 0 && size_of(fd) == 0);
	claim(fallocate(fd, 0, 0, 5 * BLOCK) == 0 && size_of(fd) == 5 * BLOCK);
	claim(reads_as(fd, 0, 5 * BLOCK, 0));
	fill(fd, 0, BLOCK, 'a');
	claim(fallocate(fd, 0, 0, 5 * BLOCK) == 0 && reads_as(fd, 0, BLOCK, 'a'));
	claim(posix_fallocate(fd, 0, 6 * BLOCK) == 0 && size_of(fd) == 6 * BLOCK);
	close(fd);
}

static void append_lines(char who, int lines)
{
	char line[64];
	int fd = open("log", O_WRONLY | O_APPEND);

	memset(line, who, sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < lines; i++)
		if (write(fd, line, sizeof(line)) != sizeof(line))
			_exit(1);
	_exit(0);
}

static void test_appends_of_processes_do_not_overlap(void)
{
	enum { PROCESSES = 4, LINES = 500 };
	char line[64];
	int status, fd = new_file("log");

	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		claim_need(pid >= 0);
		if (pid == 0)
			append_lines((char)('a' + i), LINES);
	}
	for (int i = 0; i < PROCESSES; i++)
		claim(wait(&status) > 0 && status == 0);
	claim(size_of(fd) == (off_t)sizeof(line) * PROCESSES * LINES);
	for (int i = 0; i < PROCESSES * LINES; i++) {
		claim_need(read(fd, line, sizeof(line)) == sizeof(line));
		claim_need(all_are(line, sizeof(line) - 1, line[0]) && line[63] == '\n');
	}
	close(fd);
}

static void test_append_follows_the_end(void)
{
	int a = open("f", O_RDWR | O_CREAT | O_APPEND, 0644);

	claim_need(a >= 0);
	claim(write(a, "one", 3) == 3 && truncate("f", 1) == 0);
	claim(write(a, "two", 3) == 3 && claim_file_is("f", "otwo"));
	claim(pwrite(a, "x", 1, 0) == 1 && claim_file_is("f", "otwox"));
	close(a);
}

static void test_mapping_and_writing_see_each_other(void)
{
	char byte, *map;
	int fd = new_file("f");

	fill(fd, 0, 2 * BLOCK, 'm');
	map = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	map[5] = 'X';
	claim(pread(fd, &byte, 1, 5) == 1 && byte == 'X');
	claim(pwrite(fd, "Y", 1, BLOCK + 7) == 1 && map[BLOCK + 7] == 'Y');
	claim(msync(map, 2 * BLOCK, MS_SYNC) == 0);
	claim(munmap(map, 2 * BLOCK) == 0);
	claim(pread(fd, &byte, 1, 5) == 1 && byte == 'X');
	close(fd);
}

static void test_mapping_is_shared_between_processes(void)
{
	pid_t pid;
	char *map;
	int status, fd = new_file("f");

	claim_need(ftruncate(fd, BLOCK) == 0);
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED && (pid = fork()) >= 0);
	if (pid == 0) {
		int mine = open("f", O_RDWR);
		char *own = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, mine, 0);

		if (own == MAP_FAILED)
			_exit(1);
		strcpy(own + 100, "from the child");
		_exit(0);
	}
	claim(waitpid(pid, &status, 0) == pid && status == 0);
	claim(!strcmp(map + 100, "from the child"));
	munmap(map, BLOCK);
	close(fd);
}

static void test_mapped_page_behind_the_end_is_zeros(void)
{
	char *map;
	int fd = new_file("f");

	fill(fd, 0, 100, 'e');
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	claim(all_are(map + 100, BLOCK - 100, 0));
	memset(map + 100, 'G', BLOCK - 100);
	claim(msync(map, BLOCK, MS_SYNC) == 0 && size_of(fd) == 100);
	munmap(map, BLOCK);
	claim(ftruncate(fd, BLOCK) == 0);
	claim(reads_as(fd, 100, BLOCK - 100, 0));
	close(fd);
}

static void test_private_mapping_changes_nothing(void)
{
	char *map;
	int fd = new_file("f");

	fill(fd, 0, BLOCK, 'p');
	map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	claim_need(map != MAP_FAILED);
	memset(map, 'Q', BLOCK);
	claim(reads_as(fd, 0, BLOCK, 'p'));
	munmap(map, BLOCK);
	close(fd);
}

static void test_access_behind_the_mapped_file_is_a_bus_error(void)
{
	pid_t pid = fork();
	int status;

	claim_need(pid >= 0);
	if (pid == 0) {
		int fd = new_file("f");
		volatile char *map = mmap(NULL, 2 * BLOCK, PROT_READ, MAP_SHARED, fd, 0);

		signal(SIGBUS, SIG_DFL); /* sanitizers catch it */
		_exit(map[BLOCK]);
	}
	claim(waitpid(pid, &status, 0) == pid);
	claim(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void test_copy_file_range_copies(void)
{
	off_t from = 10, to = BLOCK + 3;
	int a = new_file("a"), b = new_file("b");

	fill(a, 0, 8 * BLOCK, 'c');
	claim(copy_file_range(a, &from, b, &to, 5 * BLOCK, 0) == 5 * BLOCK);
	claim(from == 10 + 5 * BLOCK && to == 6 * BLOCK + 3 && size_of(b) == to);
	claim(reads_as(b, 0, BLOCK + 3, 0) && reads_as(b, BLOCK + 3, 5 * BLOCK, 'c'));
	from = 7 * BLOCK;
	claim(copy_file_range(a, &from, b, &to, 5 * BLOCK, 0) == BLOCK);
	claim(copy_file_range(a, &from, b, &to, 5 * BLOCK, 0) == 0);
	from = 0, to = BLOCK;
	claim_errno(EINVAL, copy_file_range(a, &from, a, &to, 2 * BLOCK, 0));
	close(a);
	close(b);
}

static void test_vectors_go_in_order(void)
{
	char x[3], y[5];
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdefgh", 6 } };
	struct iovec in[2] = { { x, sizeof(x) }, { y, sizeof(y) } };
	int fd = new_file("f");

	claim(pwritev(fd, out, 3, 4094) == 8);
	claim(preadv(fd, in, 2, 4094) == 8);
	claim(!memcmp(x, "abc", 3) && !memcmp(y, "defgh", 5));
	close(fd);
}

static void test_direct_io_and_the_page_cache_agree(void)
{
	char *buf;
	int fd = new_file("f"), direct = open("f", O_RDWR | O_DIRECT);

	if (direct < 0) {
		claim(errno == EINVAL);
		return;
	}
	claim_need(posix_memalign((void **)&buf, BLOCK, 2 * BLOCK) == 0);
	fill(fd, 0, 2 * BLOCK, 'b');
	claim(pread(direct, buf, 2 * BLOCK, 0) == 2 * BLOCK && all_are(buf, 2 * BLOCK, 'b'));
	memset(buf, 'd', BLOCK);
	claim(pwrite(direct, buf, BLOCK, BLOCK) == BLOCK);
	claim(reads_as(fd, 0, BLOCK, 'b') && reads_as(fd, BLOCK, BLOCK, 'd'));
	free(buf);
	close(direct);
	close(fd);
}

static void test_synchronous_writes_and_syncs(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_SYNC, 0644), dir = open(".", O_RDONLY);

	claim_need(fd >= 0 && dir >= 0);
	claim(write(fd, "sync", 4) == 4 && claim_file_is("f", "sync"));
	claim(fsync(fd) == 0 && fdatasync(fd) == 0 && fsync(dir) == 0 && syncfs(dir) == 0);
	claim(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WRITE) == 0);
	close(fd);
	close(dir);
}

static void test_times_keep_nanoseconds(void)
{
	const struct timespec set[2] = { { 1000000000, 123456789 }, { 2000000000, 987654321 } };
	const struct timespec early[2] = { { -1, 5 }, { 0, UTIME_OMIT } };
	const struct timespec late[2] = { { 0, UTIME_OMIT }, { 1LL << 33, 1 } };
	struct stat st;

	claim_make_file("f", "x");
	claim(utimensat(AT_FDCWD, "f", set, 0) == 0);
	st = claim_stat("f");
	claim(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789);
	claim(st.st_mtim.tv_sec == 2000000000 && st.st_mtim.tv_nsec == 987654321);
	claim(utimensat(AT_FDCWD, "f", early, 0) == 0 && claim_stat("f").st_atim.tv_sec == -1);
	claim(utimensat(AT_FDCWD, "f", late, 0) == 0);
	claim(claim_stat("f").st_mtim.tv_sec == 1LL << 33);
	claim(symlink("f", "l") == 0 && utimensat(AT_FDCWD, "l", set, AT_SYMLINK_NOFOLLOW) == 0);
	claim(claim_stat("l").st_mtim.tv_nsec == 987654321);
}

static void make_old(const char *name)
{
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };

	claim_need(utimensat(AT_FDCWD, name, old, 0) == 0);
}

static void change_through_mapping(const char *name)
{
	char *page;
	int fd = open(name, O_RDWR);

	claim_need(fd >= 0 && ftruncate(fd, BLOCK) == 0);
	page = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(page != MAP_FAILED);
	make_old(name);
	page[0] = 'm';
	claim(msync(page, BLOCK, MS_SYNC) == 0 && munmap(page, BLOCK) == 0);
	close(fd);
}

static void test_changes_mark_the_times(void)
{
	struct stat before, after;

	claim_make_file("f", "x");
	make_old("f");
	before = claim_stat("f");
	claim_need(chmod("f", 0600) == 0);
	after = claim_stat("f");
	claim(after.st_mtime == 1000 && after.st_ctim.tv_sec >= before.st_ctim.tv_sec);
	claim_make_file("f", "y");
	claim(claim_stat("f").st_mtime > 1000);
	make_old("f");
	claim_need(truncate("f", 0) == 0);
	claim(claim_stat("f").st_mtime > 1000);
	change_through_mapping("f");
	claim(claim_stat("f").st_mtime > 1000);
	make_old(".");
	claim_make_file("g", "x");
	claim(claim_stat(".").st_mtime > 1000);
	make_old(".");
	claim_need(unlink("g") == 0);
	claim(claim_stat(".").st_mtime > 1000 && claim_stat(".").st_atime == 1000);
}

static void test_size_and_blocks_are_honest(void)
{
	struct stat st;
	int fd = new_file("f");

	claim(blocks_of(fd) == 0);
	fill(fd, 0, 16 * BLOCK, 'h');
	claim_need(fsync(fd) == 0);
	(void)blocks_when_at_least(fd, 16 * 8);
	claim_need(fstat(fd, &st) == 0);
	claim(st.st_blocks >= 16 * 8 && st.st_blocks <= 16 * 8 + 64);
	claim(st.st_blksize >= 512);
	claim(ftruncate(fd, 0) == 0 && blocks_of(fd) == 0);
	close(fd);
}

static const struct claim_test tests[] = {
	{ "every_size_and_offset_round_a_block", test_every_size_and_offset_round_a_block },
	{ "truncate_down_and_up_leaves_zeros", test_truncate_down_and_up_leaves_zeros },
	{ "write_behind_the_end_leaves_a_hole", test_write_behind_the_end_leaves_a_hole },
	{ "reads_end_at_the_end", test_reads_end_at_the_end },
	{ "a_file_of_an_exbibyte_is_a_hole_or_too_big",
	  test_a_file_of_an_exbibyte_is_a_hole_or_too_big },
	{ "no_offset_passes_the_largest", test_no_offset_passes_the_largest },
	{ "file_size_limit_is_kept", test_file_size_limit_is_kept },
	{ "holes_are_found", test_holes_are_found },
	{ "punched_holes_are_zeros_and_free", test_punched_holes_are_zeros_and_free },
	{ "zeroed_ranges_are_zeros", test_zeroed_ranges_are_zeros },
	{ "preallocation_grows_or_keeps_the_size", test_preallocation_grows_or_keeps_the_size },
	{ "appends_of_processes_do_not_overlap", test_appends_of_processes_do_not_overlap },
	{ "append_follows_the_end", test_append_follows_the_end },
	{ "mapping_and_writing_see_each_other", test_mapping_and_writing_see_each_other },
	{ "mapping_is_shared_between_processes", test_mapping_is_shared_between_processes },
	{ "mapped_page_behind_the_end_is_zeros", test_mapped_page_behind_the_end_is_zeros },
	{ "private_mapping_changes_nothing", test_private_mapping_changes_nothing },
	{ "access_behind_the_mapped_file_is_a_bus_error",
	  test_access_behind_the_mapped_file_is_a_bus_error },
	{ "copy_file_range_copies", test_copy_file_range_copies },
	{ "vectors_go_in_order", test_vectors_go_in_order },
	{ "direct_io_and_the_page_cache_agree", test_direct_io_and_the_page_cache_agree },
	{ "synchronous_writes_and_syncs", test_synchronous_writes_and_syncs },
	{ "times_keep_nanoseconds", test_times_keep_nanoseconds },
	{ "changes_mark_the_times", test_changes_mark_the_times },
	{ "size_and_blocks_are_honest", test_size_and_blocks_are_honest },
};
CLAIM_MAIN(tests)
