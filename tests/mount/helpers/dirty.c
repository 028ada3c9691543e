/* SPDX-License-Identifier: Apache-2.0 */
/* What others see of bytes that were written but may be in the page cache only. */
#include "claim.h"

#include <sys/mman.h>
#include <time.h>

static size_t page;

static int new_file(const char *name, int flags)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0644);

	claim_need(fd >= 0);
	return fd;
}

static void fill(int fd, off_t offset, size_t bytes, char c)
{
	char *buf = malloc(bytes);

	claim_need(buf != NULL);
	memset(buf, c, bytes);
	claim(pwrite(fd, buf, bytes, offset) == (ssize_t)bytes);
	free(buf);
}

static blkcnt_t blocks_of(int fd)
{
	struct stat st;

	claim_need(fstat(fd, &st) == 0);
	return st.st_blocks;
}

static void test_direct_read_goes_over_a_hole_before_dirty_bytes(void)
{
	size_t bytes = 64 * page;
	int fd = new_file("f", 0), direct;
	char *buf;

	fill(fd, 0, page, 'a');
	claim_need(fsync(fd) == 0);
	fill(fd, (off_t)(200 * page), page, 'z');
	direct = open("f", O_RDONLY | O_DIRECT);
	claim_need(direct >= 0 && posix_memalign((void **)&buf, page, bytes) == 0);
	memset(buf, 'x', bytes);
	claim(pread(direct, buf, bytes, 0) == (ssize_t)bytes);
	claim(buf[0] == 'a' && buf[page - 1] == 'a' && buf[page] == 0 && buf[bytes - 1] == 0);
	claim(pread(direct, buf, bytes, (off_t)(190 * page)) == (ssize_t)(11 * page));
	claim(buf[0] == 0 && buf[10 * page] == 'z');
	free(buf);
	close(direct);
	close(fd);
}

static void test_a_writer_that_may_not_read_keeps_the_rest_of_a_page(void)
{
	char back[3];
	int fd = new_file("f", 0);

	fill(fd, 0, page, 'r');
	claim_need(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	close(fd);
	fd = open("f", O_WRONLY);
	fill(fd, 100, 1, 'w');
	close(fd);
	fd = open("f", O_RDONLY);
	claim(pread(fd, back, 3, 99) == 3 && !memcmp(back, "rwr", 3));
	close(fd);
}

static void test_truncating_drops_dirty_bytes(void)
{
	int fd = new_file("f", 0);
	char c = 'x';

	fill(fd, 0, 10 * page, 't');
	claim(ftruncate(fd, 100) == 0 && ftruncate(fd, (off_t)(10 * page)) == 0);
	claim(fsync(fd) == 0);
	claim(pread(fd, &c, 1, 99) == 1 && c == 't');
	claim(pread(fd, &c, 1, 100) == 1 && c == 0);
	close(fd);
	fd = open("f", O_RDWR | O_TRUNC);
	claim(fd >= 0 && lseek(fd, 0, SEEK_END) == 0);
	close(fd);
}

static void test_an_unlinked_file_keeps_its_dirty_bytes_until_closed(void)
{
	int fd = new_file("f", 0);
	char c = 'x';

	fill(fd, 0, 300 * page, 'u');
	claim(unlink("f") == 0);
	fill(fd, (off_t)(300 * page), 10, 'v');
	claim(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	claim(pread(fd, &c, 1, (off_t)(300 * page) - 1) == 1 && c == 'u');
	claim(pread(fd, &c, 1, (off_t)(300 * page) + 9) == 1 && c == 'v');
	close(fd);
}

static void test_a_later_time_wins_over_dirty_pages(void)
{
	const struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
	struct stat st;
	int fd = new_file("f", 0);

	fill(fd, 0, page, 't');
	claim(futimens(fd, times) == 0 && fsync(fd) == 0);
	close(fd);
	st = claim_stat("f");
	claim(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 2 && st.st_size == (off_t)page);
	fd = open("f", O_WRONLY);
	fill(fd, 0, 1, 'u');
	claim(fstat(fd, &st) == 0 && st.st_mtim.tv_sec > 2000);
	close(fd);
}

static void wait_for_blocks(int fd, blkcnt_t wanted)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (int tries = 0; blocks_of(fd) != wanted && tries < 500; tries++)
		nanosleep(&moment, NULL);
	claim(blocks_of(fd) == wanted);
}

static void test_blocks_count_once_they_are_written(void)
{
	blkcnt_t each = (blkcnt_t)page / 512;
	int fd = new_file("f", 0);
	char *map;

	fill(fd, 0, 16 * page, 'b');
	claim(fsync(fd) == 0);
	wait_for_blocks(fd, 16 * each);
	fill(fd, (off_t)(16 * page), page, 'b');
	claim(fsync(fd) == 0);
	wait_for_blocks(fd, 17 * each);
	claim(ftruncate(fd, (off_t)(32 * page)) == 0);
	map = mmap(NULL, 32 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	map[30 * page] = 1;
	claim(msync(map, 32 * page, MS_SYNC) == 0);
	wait_for_blocks(fd, 18 * each);
	munmap(map, 32 * page);
	fill(fd, (off_t)(20 * page), page, 'b');
	close(fd);
	fd = open("f", O_RDONLY);
	claim(blocks_of(fd) == 19 * each);
	close(fd);
}

/* A mapping of a file of @bytes whose every second page is dirty; the first and last are not. */
static char *dirty_mapping(const char *name, size_t bytes)
{
	int fd = new_file(name, 0);
	char *map;

	claim_need(ftruncate(fd, (off_t)bytes) == 0);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	close(fd);
	for (size_t at = page; at < bytes - page; at += 2 * page)
		memset(map + at, 'm', page);
	return map;
}

static bool same_bytes(const char *name, const char *wanted, size_t bytes)
{
	char *buf = malloc(bytes + 1);
	int fd = open(name, O_RDONLY);
	bool same;

	claim_need(buf && fd >= 0);
	same = read(fd, buf, bytes + 1) == (ssize_t)bytes && !memcmp(buf, wanted, bytes);
	close(fd);
	free(buf);
	return same;
}

static void test_programs_that_look_for_holes_copy_dirty_pages(void)
{
	const size_t bytes = 256 * page;
	char *map = dirty_mapping("f", bytes);

	claim(claim_stat("f").st_blocks > 0);
	claim(system("cp f copy") == 0 && same_bytes("copy", map, bytes));
	map[0] = 'a'; /* pages are dirty again */
	/* Status 1: the kernel wrote a page meanwhile, which moves the file's times. */
	claim(system("{ tar -Scf archive f || [ $? = 1 ]; } && mkdir out && tar -xf archive -C "
		     "out") == 0);
	claim(same_bytes("out/f", map, bytes));
	munmap(map, bytes);
}

static void test_a_file_just_written_is_archived(void)
{
	int fd = new_file("f", 0);

	fill(fd, 0, 10 * page, 'w');
	claim(blocks_of(fd) > 0);
	claim(system("tar -Scf archive f && mkdir out && tar -xf archive -C out && cmp f out/f") ==
	      0);
	close(fd);
}

static void test_an_empty_file_that_was_looked_at_has_blocks_once_written(void)
{
	int fd;

	claim_make_file("f", "");
	claim(claim_stat("f").st_size == 0);
	fd = open("f", O_WRONLY);
	fill(fd, 0, page, 'e');
	claim(claim_stat("f").st_blocks > 0);
	close(fd);
}

static const struct claim_test tests[] = {
	{ "direct_read_goes_over_a_hole_before_dirty_bytes",
	  test_direct_read_goes_over_a_hole_before_dirty_bytes },
	{ "a_writer_that_may_not_read_keeps_the_rest_of_a_page",
	  test_a_writer_that_may_not_read_keeps_the_rest_of_a_page },
	{ "truncating_drops_dirty_bytes", test_truncating_drops_dirty_bytes },
	{ "an_unlinked_file_keeps_its_dirty_bytes_until_closed",
	  test_an_unlinked_file_keeps_its_dirty_bytes_until_closed },
	{ "a_later_time_wins_over_dirty_pages", test_a_later_time_wins_over_dirty_pages },
	{ "blocks_count_once_they_are_written", test_blocks_count_once_they_are_written },
	{ "programs_that_look_for_holes_copy_dirty_pages",
	  test_programs_that_look_for_holes_copy_dirty_pages },
	{ "an_empty_file_that_was_looked_at_has_blocks_once_written",
	  test_an_empty_file_that_was_looked_at_has_blocks_once_written },
	{ "a_file_just_written_is_archived", test_a_file_just_written_is_archived },
};

int main(int argc, char **argv)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	return claim_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
