/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nobody may read what was deleted. Runs on a volume small enough to be filled.
 *
 * Every byte of the volume is made the secret one, and all is deleted. Then files of every shape
 * are made over the same chunks. What they hold is known: their own text, which has no byte above
 * 127, and zeros. The secret is 0xA5.
 */
#include "claim.h"

#include <linux/falloc.h>
#include <sys/mman.h>

#define SECRET 0xA5
#define BLOCK  4096
#define MIB    (1 << 20)

static unsigned char *buffer; /* MIB, aligned */

/* ---- filling and forgetting ---- */

/* One file takes every chunk there is. */
static void fill_with_secret(void)
{
	int fd = open("secret", O_WRONLY | O_CREAT | O_EXCL | O_DIRECT, 0600);
	long long done = 0;
	ssize_t n;

	claim_need(fd >= 0);
	memset(buffer, SECRET, MIB);
	while ((n = write(fd, buffer, MIB)) > 0)
		done += n;
	claim(n < 0 && errno == ENOSPC);
	printf("filled %lld bytes with the secret\n", done);
	claim_need(close(fd) == 0 && unlink("secret") == 0);
}

/* ---- searching --------------------------------------------------------------------------------
 */

static void search_bytes(const unsigned char *bytes, size_t n, const char *name, off_t at)
{
	const unsigned char *found = memchr(bytes, SECRET, n);

	if (!found)
		return;
	fprintf(stderr, "%s: the secret shows at %lld\n", name, (long long)at + (found - bytes));
	claim_failures++;
}

static void search_reads(const char *name, int flags)
{
	int fd = open(name, O_RDONLY | flags);
	off_t at = 0;
	ssize_t n;

	claim_need(fd >= 0);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	while ((n = pread(fd, buffer, MIB, at)) > 0) {
		search_bytes(buffer, (size_t)n, name, at);
		at += n;
	}
	claim(n == 0 && at == claim_stat(name).st_size);
	close(fd);
}

static void search_mapping(const char *name)
{
	size_t size = (size_t)claim_stat(name).st_size;
	int fd = open(name, O_RDONLY);
	unsigned char *map;

	claim_need(fd >= 0);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	search_bytes(map, (size + BLOCK - 1) / BLOCK * BLOCK, name, 0);
	munmap(map, size);
	close(fd);
}

/* ---- shapes ------------------------------------------------------------------------------------
 */

static void text(int fd, off_t at, size_t n)
{
	memset(buffer, 't', n);
	claim(pwrite(fd, buffer, n, at) == (ssize_t)n);
}

static void shape_hole(int fd)
{
	claim(ftruncate(fd, 5 * MIB + 77) == 0);
}

static void shape_one_byte_in_a_block(int fd)
{
	text(fd, 5000, 1);
	claim(ftruncate(fd, 3 * BLOCK) == 0);
}

static void shape_bytes_far_apart(int fd)
{
	for (int i = 0; i < 80; i++)
		text(fd, (off_t)i * MIB + i * 13, 1);
}

static void shape_truncated_down_and_up(int fd)
{
	text(fd, 0, 3 * BLOCK);
	claim(ftruncate(fd, 10) == 0 && ftruncate(fd, 2 * MIB) == 0);
}

static void shape_preallocated(int fd)
{
	claim(fallocate(fd, 0, 0, 40 * MIB) == 0);
}

static void shape_preallocated_behind_the_end(int fd)
{
	claim(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * MIB) == 0);
	text(fd, 0, 100);
	claim(ftruncate(fd, 4 * MIB) == 0);
}

static void shape_preallocated_and_partly_written(int fd)
{
	claim(fallocate(fd, 0, 0, MIB) == 0);
	for (off_t at = 100; at < MIB; at += 3 * BLOCK + 17)
		text(fd, at, 50);
}

static void shape_punched(int fd)
{
	text(fd, 0, 64 * BLOCK);
	claim(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 40 * BLOCK) == 0);
	text(fd, 20 * BLOCK + 5, 10);
}

static void shape_zeroed(int fd)
{
	text(fd, 0, 8 * BLOCK);
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 100, 16 * BLOCK))
		claim(ftruncate(fd, 16 * BLOCK) == 0);
}

static void shape_mapped(int fd)
{
	unsigned char *map;

	claim(ftruncate(fd, 16 * BLOCK) == 0);
	map = mmap(NULL, 16 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	map[5 * BLOCK + 1] = 't';
	claim(msync(map, 16 * BLOCK, MS_SYNC) == 0);
	munmap(map, 16 * BLOCK);
}

static void shape_ends_within_a_block(int fd)
{
	text(fd, 0, 100);
}

static void shape_direct_block(int fd)
{
	char name[64];
	int direct;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	claim_need((direct = open(name, O_WRONLY | O_DIRECT)) >= 0);
	memset(buffer, 't', BLOCK);
	claim(pwrite(direct, buffer, BLOCK, 9 * BLOCK) == BLOCK);
	close(direct);
}

static void shape_copied_hole(int fd)
{
	off_t from = 0, to = 20 * BLOCK + 3;

	claim(ftruncate(fd, 8 * BLOCK) == 0);
	claim(copy_file_range(fd, &from, fd, &to, 8 * BLOCK, 0) == 8 * BLOCK);
}

static void shape_overwritten_and_cut(int fd)
{
	text(fd, 0, MIB);
	text(fd, 500, 100);
	claim(ftruncate(fd, 700) == 0);
	text(fd, 33 * MIB + 1, 1);
}

static const struct shape {
	const char *name;
	void (*make)(int fd);
} shapes[] = {
	{ "hole", shape_hole },
	{ "one-byte-in-a-block", shape_one_byte_in_a_block },
	{ "bytes-far-apart", shape_bytes_far_apart },
	{ "truncated-down-and-up", shape_truncated_down_and_up },
	{ "preallocated", shape_preallocated },
	{ "preallocated-behind-the-end", shape_preallocated_behind_the_end },
	{ "preallocated-and-partly-written", shape_preallocated_and_partly_written },
	{ "punched", shape_punched },
	{ "zeroed", shape_zeroed },
	{ "mapped", shape_mapped },
	{ "ends-within-a-block", shape_ends_within_a_block },
	{ "direct-block", shape_direct_block },
	{ "copied-hole", shape_copied_hole },
	{ "overwritten-and-cut", shape_overwritten_and_cut },
};

static void search_shape(const struct shape *shape)
{
	int fd = open(shape->name, O_RDWR | O_CREAT | O_EXCL, 0600);

	claim_need(fd >= 0);
	shape->make(fd);
	claim(fsync(fd) == 0);
	close(fd);
	search_reads(shape->name, 0);
	search_reads(shape->name, O_DIRECT);
	search_mapping(shape->name);
	claim(unlink(shape->name) == 0);
	printf("searched %s\n", shape->name);
}

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	claim_need(posix_memalign((void **)&buffer, BLOCK, MIB) == 0);
	fill_with_secret();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		search_shape(&shapes[i]);
	return claim_failures > 0;
}
