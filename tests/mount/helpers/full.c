/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fill a volume in every shape in which programs write.
 *
 *	full DIRECTORY [SHAPE...]
 *
 * In each shape some call must say that the volume is full, and never close() alone. Every byte
 * that a call accepted must be there once the kernel's cache is dropped.
 */
#include "claim.h"

#include <sys/mman.h>
#include <sys/param.h>

#define MAX_FILES 6000
#define MAX_BYTES (1ll << 30) /* no volume of the test holds as much */
#define BUFFER    (256 << 10)

static unsigned char buffer[BUFFER], wanted[BUFFER];
/* Of each file the pieces that were accepted: from the start on, or of one size at each step. */
static struct {
	off_t end, step;
	size_t piece;
} accepted[MAX_FILES];
static int nr_files;
static bool full; /* some call has said so */

static const char *name_of(int file)
{
	static char name[32];

	snprintf(name, sizeof(name), "file-%d", file);
	return name;
}

static void pattern(unsigned char *to, int file, off_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)((unsigned)(at + (off_t)i) * 2654435761u >> 24 ^
					(unsigned)file);
}

/* A host disk that is full fails as a medium does. */
static bool says_full(void)
{
	claim(errno == ENOSPC || errno == EIO);
	full = true;
	return true;
}

/* Return: how many bytes were accepted. */
static size_t put(int fd, int file, off_t at, size_t n, bool append)
{
	size_t done = 0;
	ssize_t got = 1;

	pattern(buffer, file, at, n);
	while (done < n && got > 0) {
		got = append ? write(fd, buffer + done, n - done)
			     : pwrite(fd, buffer + done, n - done, at + (off_t)done);
		if (got < 0)
			says_full();
		else
			done += (size_t)got;
	}
	return done;
}

static int open_file(int file, int flags)
{
	int fd = open(name_of(file), flags | O_CREAT, 0600);

	if (fd < 0)
		says_full();
	return fd;
}

static void check_piece(int fd, int file, off_t at, size_t n)
{
	claim_need(pread(fd, buffer, n, at) == (ssize_t)n);
	pattern(wanted, file, at, n);
	claim(!memcmp(buffer, wanted, n));
}

static void check_file(int file)
{
	int fd = open(name_of(file), O_RDONLY);
	size_t piece = accepted[file].piece ? accepted[file].piece : BUFFER;
	off_t step = accepted[file].step ? accepted[file].step : (off_t)piece;

	claim_need(fd >= 0 || accepted[file].end == 0);
	for (off_t at = 0; at < accepted[file].end; at += step)
		check_piece(fd, file, at, (size_t)MIN((off_t)piece, accepted[file].end - at));
	close(fd);
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (fd < 0)
		return; /* not root */
	claim(write(fd, "3", 1) == 1);
	close(fd);
}

static void check_all(void)
{
	claim(full);
	drop_caches();
	for (int i = 0; i < nr_files; i++) {
		check_file(i);
		unlink(name_of(i));
	}
	memset(accepted, 0, sizeof(accepted));
	nr_files = 0;
	full = false;
}

static void many_small(void)
{
	size_t n = 1;

	while (!full && nr_files < MAX_FILES) {
		int fd = open_file(nr_files, O_WRONLY | O_TRUNC);

		if (fd < 0)
			break;
		accepted[nr_files].end = (off_t)put(fd, nr_files, 0, n, false);
		claim(close(fd) == 0);
		nr_files++;
		n = n * 7 % 20011;
	}
	check_all();
}

static void one_large(void)
{
	int fd = open_file(0, O_WRONLY);
	off_t end = 0;

	claim_need(fd >= 0);
	nr_files = 1;
	while (!full && end < MAX_BYTES)
		end += (off_t)put(fd, 0, end, 100007, false);
	accepted[0].end = end;
	claim(close(fd) == 0);
	check_all();
}

/* As a logger or a shell does: open, append, close, in turn. */
static void appended(void)
{
	off_t end = 0;

	nr_files = 3;
	while (!full && end < MAX_BYTES) {
		for (int i = 0; i < nr_files && !full; i++) {
			int fd = open_file(i, O_WRONLY | O_APPEND);

			if (fd < 0)
				break;
			accepted[i].end += (off_t)put(fd, i, accepted[i].end, 200003, true);
			end = MAX(end, accepted[i].end);
			claim(close(fd) == 0);
		}
	}
	check_all();
}

static void sparse(void)
{
	const off_t step = 37 << 20;
	int fd;

	for (int i = 0; i < 100 && !full; i++) {
		fd = open_file(i, O_WRONLY);
		if (fd < 0)
			break;
		nr_files = i + 1;
		accepted[i].step = step;
		accepted[i].piece = 5000;
		for (off_t at = 0; at < 30 * step && !full; at += step)
			if (put(fd, i, at, 5000, false) == 5000)
				accepted[i].end = at + 5000;
		claim(close(fd) == 0);
	}
	check_all();
}

/* A mapping has msync() to say it. */
static void mapped(void)
{
	const off_t window = 1 << 20, size = MAX_BYTES;
	int fd = open_file(0, O_RDWR);
	unsigned char *map;

	claim_need(fd >= 0);
	nr_files = 1;
	claim_need(ftruncate(fd, size) == 0);
	map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	accepted[0].piece = 4096;
	accepted[0].step = window;
	for (off_t at = 0; at < size && !full; at += window) {
		pattern(map + at, 0, at, 4096);
		if (msync(map + at, (size_t)window, MS_SYNC))
			says_full();
		else
			accepted[0].end = at + 4096;
	}
	munmap(map, (size_t)size);
	close(fd);
	check_all();
}

static void reserved(void)
{
	int fd;

	for (int i = 0; i < 100 && !full; i++) {
		fd = open_file(i, O_RDWR);
		if (fd < 0)
			break;
		nr_files = i + 1;
		if (fallocate(fd, 0, 0, 70 << 20))
			says_full();
		else
			claim(put(fd, i, 0, 200000, false) == 200000 &&
			      put(fd, i, (70 << 20) - 10, 10, false) == 10);
		accepted[i].end = full ? 0 : 200000;
		claim(close(fd) == 0);
	}
	check_all();
}

/* What is renamed over a name was written as a whole, or the old file stays. */
static void renamed(void)
{
	for (int i = 0; i < 3000 && !full; i++) {
		int target = i % 300, fd = open("new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
		off_t n = 1000 + i;

		if (fd < 0 && says_full())
			break;
		if (put(fd, target, 0, (size_t)n, false) == (size_t)n) {
			claim(rename("new", name_of(target)) == 0);
			accepted[target].end = n;
			nr_files = MAX(nr_files, target + 1);
		}
		claim(close(fd) == 0);
	}
	unlink("new");
	check_all();
}

#define NR_APPENDERS 4
#define RECORD       30000

/* Return: how many records were accepted. */
static int append_records(unsigned char mark)
{
	int fd = open(name_of(0), O_WRONLY | O_APPEND), n = 0;

	memset(buffer, mark, RECORD);
	claim_need(fd >= 0);
	while ((off_t)n * RECORD < MAX_BYTES && write(fd, buffer, RECORD) == RECORD)
		n++;
	close(fd);
	return n;
}

static void several_append(void)
{
	int fd = open_file(0, O_RDWR), accepted_by[NR_APPENDERS], found[NR_APPENDERS] = { 0 };
	int pipes[2];

	claim_need(fd >= 0 && pipe(pipes) == 0);
	for (int i = 0; i < NR_APPENDERS; i++) {
		if (fork() == 0) {
			int n[2] = { i, append_records((unsigned char)(i + 1)) };

			_exit(write(pipes[1], n, sizeof(n)) != sizeof(n));
		}
	}
	for (int i = 0; i < NR_APPENDERS; i++) {
		int n[2], status;

		claim_need(read(pipes[0], n, sizeof(n)) == sizeof(n));
		accepted_by[n[0]] = n[1];
		claim(wait(&status) > 0 && status == 0);
	}
	drop_caches();
	while (read(fd, buffer, RECORD) == RECORD)
		if (buffer[0] >= 1 && buffer[0] <= NR_APPENDERS &&
		    !memcmp(buffer, buffer + 1, RECORD - 1))
			found[buffer[0] - 1]++;
	for (int i = 0; i < NR_APPENDERS; i++)
		claim(found[i] == accepted_by[i]);
	close(fd);
	unlink(name_of(0));
}

static const struct claim_test tests[] = {
	{ "many_small", many_small }, { "one_large", one_large },
	{ "appended", appended },     { "sparse", sparse },
	{ "mapped", mapped },         { "reserved", reserved },
	{ "renamed", renamed },       { "several_append", several_append },
};

CLAIM_MAIN(tests)
