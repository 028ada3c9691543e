/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a file, each mirrored in memory and compared.
 *
 *	model FILE SECONDS SEED [BASE]
 *
 * The model is a window of the file that starts at BASE, so that a chunk's edge can lie within
 * it; below the window the file is a hole. The same seed does the same operations. At the first
 * difference the last operations are printed, and the status is 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WINDOW  (2u << 20)
#define BLOCK   4096u
#define HISTORY 40
#define LONGEST (128u << 10)

static const char *path;
static off_t base;
static unsigned long long seed, nr_ops;
static int fd = -1, direct_fd = -1;

static unsigned char image[WINDOW]; /* bytes at and above size are zero */
static size_t size;                 /* of the file, less base; 0 also when the file is empty */
static bool empty = true;           /* the file has size 0, not base */
static unsigned char *buffer;       /* aligned, LONGEST and a block */

/* ---- randomness and history ---- */

static uint64_t state;

static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static size_t below(size_t limit)
{
	return limit ? (size_t)(next() >> 11) % limit : 0;
}

static bool one_in(size_t n)
{
	return below(n) == 0;
}

static char history[HISTORY][160];

static void note(const char *what, size_t offset, size_t length)
{
	snprintf(history[nr_ops % HISTORY], sizeof(history[0]),
		 "%llu %s offset %zu length %zu size %zu%s", nr_ops, what, offset, length, size,
		 empty ? " (empty)" : "");
}

__attribute__((noreturn)) static void differ(const char *what, size_t at)
{
	fprintf(stderr, "%s: %s at %zu (+%lld), seed %llu, operation %llu: %s\n", path, what, at,
		(long long)base, seed, nr_ops, errno ? strerror(errno) : "wrong");
	for (unsigned i = 1; i <= HISTORY; i++)
		if (history[(nr_ops + i) % HISTORY][0])
			fprintf(stderr, "  %s\n", history[(nr_ops + i) % HISTORY]);
	exit(1);
}

static void need(bool ok, const char *what, size_t at)
{
	if (!ok)
		differ(what, at);
	errno = 0;
}

/* ---- the model ---- */

struct range {
	size_t offset, length;
};

/* Often at block edges, often small, now and then long. */
static struct range any_range(void)
{
	struct range r = { .offset = below(WINDOW),
			   .length = 1 + below(one_in(4) ? LONGEST : 9000) };

	if (one_in(3))
		r.offset &= ~(size_t)(BLOCK - 1);
	if (one_in(3))
		r.length = (r.length + BLOCK - 1) & ~(size_t)(BLOCK - 1);
	if (one_in(3) && size < WINDOW)
		r.offset = size;
	if (r.length > LONGEST)
		r.length = LONGEST;
	if (r.length > WINDOW - r.offset)
		r.length = WINDOW - r.offset;
	return r;
}

static void aligned(struct range *r)
{
	r->offset &= ~(size_t)(BLOCK - 1);
	r->length = (r->length + BLOCK - 1) & ~(size_t)(BLOCK - 1);
	if (r->length > WINDOW - r->offset)
		r->length = WINDOW - r->offset;
}

static void grow_to(size_t end)
{
	if (end > size || empty)
		size = end > size ? end : size;
	empty = false;
}

static void model_resize(size_t new_size)
{
	if (new_size < size)
		memset(image + new_size, 0, size - new_size);
	size = new_size;
	empty = false;
}

static void randomise(unsigned char *to, size_t length)
{
	uint64_t x;

	for (size_t i = 0; i < length; i += 8) {
		x = next() | 0x0101010101010101ull;
		memcpy(to + i, &x, length - i < 8 ? length - i : 8);
	}
}

static void compare(const unsigned char *got, size_t offset, size_t length, const char *what)
{
	for (size_t i = 0; i < length; i++)
		if (got[i] != image[offset + i])
			differ(what, offset + i);
}

static size_t readable(struct range r)
{
	if (empty || r.offset >= size)
		return 0;
	return r.length < size - r.offset ? r.length : size - r.offset;
}

/* ---- operations -------------------------------------------------------------------------------
 */

static void do_write(void)
{
	struct range r = any_range();

	note("pwrite", r.offset, r.length);
	randomise(buffer, r.length);
	need(pwrite(fd, buffer, r.length, base + (off_t)r.offset) == (ssize_t)r.length, "pwrite",
	     r.offset);
	memcpy(image + r.offset, buffer, r.length);
	grow_to(r.offset + r.length);
}

static void do_read(void)
{
	struct range r = any_range();
	ssize_t n;

	note("pread", r.offset, r.length);
	n = pread(fd, buffer, r.length, base + (off_t)r.offset);
	need(n == (ssize_t)readable(r), "pread's length", r.offset);
	compare(buffer, r.offset, (size_t)n, "pread");
}

static void do_direct_write(void)
{
	struct range r = any_range();

	if (direct_fd < 0)
		return;
	aligned(&r);
	note("direct pwrite", r.offset, r.length);
	randomise(buffer, r.length);
	need(pwrite(direct_fd, buffer, r.length, base + (off_t)r.offset) == (ssize_t)r.length,
	     "direct pwrite", r.offset);
	memcpy(image + r.offset, buffer, r.length);
	grow_to(r.offset + r.length);
}

static void do_direct_read(void)
{
	struct range r = any_range();
	ssize_t n;

	if (direct_fd < 0)
		return;
	aligned(&r);
	note("direct pread", r.offset, r.length);
	n = pread(direct_fd, buffer, r.length, base + (off_t)r.offset);
	need(n == (ssize_t)readable(r), "direct pread's length", r.offset);
	compare(buffer, r.offset, (size_t)n, "direct pread");
}

/* A mapping of whole pages within the file. */
static void do_map(void)
{
	struct range r = any_range();
	unsigned char *map;
	size_t length;

	aligned(&r);
	r.offset -= r.offset % (size_t)sysconf(_SC_PAGESIZE);
	length = readable(r);
	note("mmap", r.offset, length);
	if (!length)
		return;
	map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, base + (off_t)r.offset);
	need(map != MAP_FAILED, "mmap", r.offset);
	compare(map, r.offset, length, "mapping");
	if (one_in(2)) {
		size_t at = below(length), n = 1 + below(length - at);

		note("mapped write", r.offset + at, n);
		randomise(buffer, n);
		memcpy(map + at, buffer, n);
		memcpy(image + r.offset + at, buffer, n);
		/* Kernels before 6.16 let munmap return before the write has reached the volume. */
		if (one_in(3) || getenv("CXLFS_MODEL_MSYNC"))
			need(msync(map, length, MS_SYNC) == 0, "msync", r.offset);
	}
	need(munmap(map, length) == 0, "munmap", r.offset);
}

static void do_truncate(void)
{
	size_t to = below(WINDOW + 1);

	if (one_in(3))
		to &= ~(size_t)(BLOCK - 1);
	note("truncate", to, 0);
	need(ftruncate(fd, base + (off_t)to) == 0, "ftruncate", to);
	model_resize(to);
}

static void do_truncate_to_nothing(void)
{
	if (!one_in(10))
		return;
	note("truncate to 0", 0, 0);
	need(ftruncate(fd, 0) == 0, "ftruncate to 0", 0);
	model_resize(0);
	empty = true;
}

static void do_fallocate(void)
{
	struct range r = any_range();
	bool keep = one_in(2);

	note(keep ? "fallocate keep" : "fallocate", r.offset, r.length);
	need(fallocate(fd, keep ? FALLOC_FL_KEEP_SIZE : 0, base + (off_t)r.offset,
		       (off_t)r.length) == 0,
	     "fallocate", r.offset);
	if (!keep)
		grow_to(r.offset + r.length);
}

static void model_zero(struct range r)
{
	size_t n = readable(r);

	if (n)
		memset(image + r.offset, 0, n);
}

static void do_punch(void)
{
	struct range r = any_range();

	note("punch", r.offset, r.length);
	need(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, base + (off_t)r.offset,
		       (off_t)r.length) == 0,
	     "punch", r.offset);
	model_zero(r);
}

static void do_zero_range(void)
{
	struct range r = any_range();
	bool keep = one_in(2);

	note(keep ? "zero range keep" : "zero range", r.offset, r.length);
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE | (keep ? FALLOC_FL_KEEP_SIZE : 0),
		      base + (off_t)r.offset, (off_t)r.length)) {
		need(errno == EOPNOTSUPP, "zero range", r.offset);
		errno = 0;
		return;
	}
	model_zero(r);
	if (!keep)
		grow_to(r.offset + r.length);
}

static void do_copy_range(void)
{
	struct range r = any_range();
	size_t to = below(WINDOW - r.length + 1), n = readable(r);
	off_t from_off = base + (off_t)r.offset, to_off = base + (off_t)to;
	ssize_t copied;

	if (!n || (to < r.offset + n && r.offset < to + n))
		return;
	note("copy_file_range", r.offset, n);
	copied = copy_file_range(fd, &from_off, fd, &to_off, n, 0);
	need(copied > 0 && (size_t)copied <= n, "copy_file_range", r.offset);
	memcpy(image + to, image + r.offset, (size_t)copied);
	grow_to(to + (size_t)copied);
}

/* What is called a hole has only zeros in it; walking data and holes ends at the size. */
static void do_walk_holes(void)
{
	off_t at = base, end = base + (off_t)size, data;

	note("walk holes", 0, size);
	while (!empty && at < end) {
		data = lseek(fd, at, SEEK_DATA);
		need(data >= at || (data == -1 && errno == ENXIO), "SEEK_DATA",
		     (size_t)(at - base));
		if (data == -1 || data > end)
			data = end;
		for (off_t i = at; i < data; i++)
			need(image[i - base] == 0, "hole over data", (size_t)(i - base));
		if (data == end)
			break;
		at = lseek(fd, data, SEEK_HOLE);
		need(at > data && at <= end, "SEEK_HOLE", (size_t)(data - base));
	}
	errno = 0;
}

static void do_check_size(void)
{
	struct stat st;

	note("stat", 0, 0);
	need(fstat(fd, &st) == 0, "fstat", 0);
	need(st.st_size == (empty ? 0 : base + (off_t)size), "st_size", (size_t)st.st_size);
}

static void open_again(void)
{
	if (fd >= 0)
		need(close(fd) == 0, "close", 0);
	if (direct_fd >= 0)
		need(close(direct_fd) == 0, "close", 0);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	need(fd >= 0, "open", 0);
	direct_fd = open(path, O_RDWR | O_DIRECT);
	errno = 0;
}

static void do_sync_or_forget(void)
{
	switch (below(4)) {
	case 0:
		note("fsync", 0, 0);
		need(fsync(fd) == 0, "fsync", 0);
		break;
	case 1:
		note("fdatasync and drop", 0, 0);
		need(fdatasync(fd) == 0, "fdatasync", 0);
		need(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise", 0);
		break;
	case 2:
		note("open again", 0, 0);
		open_again();
		break;
	default:
		break;
	}
}

static void compare_all(void)
{
	struct range r = { 0, LONGEST };
	ssize_t n;

	note("compare all", 0, size);
	for (r.offset = 0; r.offset < WINDOW; r.offset += LONGEST) {
		n = pread(fd, buffer, LONGEST, base + (off_t)r.offset);
		need(n == (ssize_t)readable(r), "length of all", r.offset);
		compare(buffer, r.offset, (size_t)n, "all");
	}
}

static void do_compare_all(void)
{
	if (one_in(10))
		compare_all();
}

static void (*const operations[])(void) = {
	do_write,
	do_write,
	do_write,
	do_read,
	do_read,
	do_direct_write,
	do_direct_read,
	do_map,
	do_map,
	do_truncate,
	do_fallocate,
	do_punch,
	do_zero_range,
	do_copy_range,
	do_walk_holes,
	do_check_size,
	do_truncate_to_nothing,
	do_sync_or_forget,
	do_compare_all,
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_for(double seconds)
{
	double end = now() + seconds;

	do {
		for (int i = 0; i < 64; i++, nr_ops++)
			operations[below(sizeof(operations) / sizeof(operations[0]))]();
	} while (now() < end);
	compare_all();
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: %s FILE SECONDS SEED [BASE]\n", argv[0]);
		return 2;
	}
	path = argv[1];
	seed = strtoull(argv[3], NULL, 0);
	state = seed * 0x9e3779b97f4a7c15ull + 1;
	base = argc > 4 ? strtoll(argv[4], NULL, 0) : 0;
	if (posix_memalign((void **)&buffer, BLOCK, LONGEST + BLOCK))
		return 2;
	open_again();
	run_for(strtod(argv[2], NULL));
	printf("%s: %llu operations agree, seed %llu, base %lld\n", path, nr_ops, seed,
	       (long long)base);
	return 0;
}
