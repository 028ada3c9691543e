/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ages a volume: keeps it 90 % full while files are created, grown, truncated, read and deleted.
 *
 *	aging DIRECTORY SECONDS [COMMAND]
 *
 * The directory must be the root of a volume that nothing else uses. Four threads work on files of
 * their own. Each byte read is compared with what was written. After that all free blocks must be
 * usable, by one file and by small ones, and all must be free once the files are deleted. The
 * content of a file depends on its version and the offset, so that what belongs to another file, or
 * to an older one, is noticed. COMMAND runs in a shell after a quarter of the time and when the
 * volume has aged; the variable WHEN is "quarter" and "end" then. For comparison, "fresh-read" is
 * how fast a large file is read from the empty volume, and "fill-read" from the aged one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "support/load.h"

#define NR_THREADS     4u
#define FILES_A_THREAD 2000u
#define BLOCK          4096u
#define PIECE          (256u << 10) /* of a write or read */
#define FULL_PERCENT   90u

struct file {
	uint64_t version; /* 0: there is none */
	uint64_t size;
};

struct worker {
	pthread_t thread;
	unsigned number;
	uint64_t random;
	uint64_t nr_versions;
	uint64_t nr_operations, bytes_read;
	double read_seconds;
	uint8_t *buf, *wanted;
	struct file files[FILES_A_THREAD];
};

static struct worker workers[NR_THREADS];
static double end_time;
static _Atomic uint64_t nr_promised; /* blocks that the threads are about to write */

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
	return value ^ (value >> 31);
}

static uint64_t choose(struct worker *worker, uint64_t below)
{
	return mix(worker->random += 0x9e3779b97f4a7c15ull) % below;
}

static uint64_t unit_of(const struct worker *worker, const struct file *file)
{
	return ((uint64_t)worker->number << 56) + (file->version << 8);
}

/* @offset is a multiple of 8, @buf has room for @bytes rounded up to that. */
static void make_content(const struct worker *worker, const struct file *file, uint64_t offset,
			 uint64_t bytes, uint8_t *buf)
{
	uint64_t seed = mix(unit_of(worker, file));

	for (uint64_t at = 0; at < bytes; at += 8) {
		uint64_t word = (seed + offset + at) * 0x9e3779b97f4a7c15ull;

		memcpy(buf + at, &word, 8);
	}
}

static void name_of(const struct worker *worker, const struct file *file, char text[32])
{
	snprintf(text, 32, "%u/%zu", worker->number, (size_t)(file - worker->files));
}

static struct statvfs space(void)
{
	struct statvfs st;

	load_need(statvfs(".", &st) == 0, "statvfs");
	return st;
}

/* Most files are packed; few get chunks of their own, which they do not fill. */
static uint64_t choose_size(struct worker *worker)
{
	uint64_t dice = choose(worker, 1000);

	if (dice < 600)
		return 1 + choose(worker, 16 << 10);
	if (dice < 970)
		return 1 + choose(worker, 200 << 10);
	if (dice < 998)
		return 1 + choose(worker, 1 << 20);
	return 1 + choose(worker, 40 << 20);
}

/* ---- operations ---- */

static void check(struct worker *worker, const struct file *file)
{
	char name[32];
	uint64_t at = 0;
	int fd;

	name_of(worker, file, name);
	fd = open(name, O_RDONLY | O_DIRECT);
	load_need(fd >= 0, "open to read");
	while (at < file->size) {
		double start = load_now();
		ssize_t got = read(fd, worker->buf, PIECE);

		load_need(got > 0, "read");
		worker->read_seconds += load_now() - start;
		worker->bytes_read += (uint64_t)got;
		make_content(worker, file, at, (uint64_t)got, worker->wanted);
		if (memcmp(worker->buf, worker->wanted, (size_t)got)) {
			fprintf(stderr, "%s: wrong content near byte %llu\n", name,
				(unsigned long long)at);
			exit(1);
		}
		at += (uint64_t)got;
	}
	load_need(read(fd, worker->buf, PIECE) == 0, "read at the end");
	load_need(close(fd) == 0, "close");
}

static void delete (struct worker *worker, struct file *file)
{
	char name[32];

	name_of(worker, file, name);
	load_need(unlink(name) == 0, "unlink");
	file->version = 0;
}

static void shorten(struct worker *worker, struct file *file)
{
	uint64_t size = choose(worker, file->size + 1);
	char name[32];

	name_of(worker, file, name);
	load_need(truncate(name, (off_t)size) == 0, "truncate");
	file->size = size;
}

static bool fits(void)
{
	struct statvfs st = space();
	uint64_t used = st.f_blocks - st.f_bfree + nr_promised;

	return used * 100 <= st.f_blocks * FULL_PERCENT;
}

static struct file *any_other(struct worker *worker, const struct file *except)
{
	unsigned first = (unsigned)choose(worker, FILES_A_THREAD);

	for (unsigned i = 0; i < FILES_A_THREAD; i++) {
		struct file *file = &worker->files[(first + i) % FILES_A_THREAD];

		if (file->version && file != except)
			return file;
	}
	return NULL;
}

/* Return: whether there is room for the blocks that have been promised. */
static bool make_room(struct worker *worker, const struct file *except)
{
	struct file *file;

	while (!fits()) {
		file = any_other(worker, except);
		if (!file)
			return false;
		if (choose(worker, 3) == 0)
			shorten(worker, file);
		else
			delete (worker, file);
	}
	return true;
}

/* Writes may begin and end in the middle of a block. */
static void append(struct worker *worker, struct file *file, uint64_t bytes)
{
	uint64_t end = file->size + bytes;
	char name[32];
	int fd;

	name_of(worker, file, name);
	fd = open(name, O_WRONLY | O_CREAT, 0644);
	load_need(fd >= 0, "open to write");
	while (file->size < end) {
		uint64_t piece = 1 + choose(worker, PIECE - 16), from = file->size & ~7ull;
		uint64_t skip = file->size - from;

		if (piece > end - file->size)
			piece = end - file->size;
		make_content(worker, file, from, skip + piece, worker->buf);
		load_need(pwrite(fd, worker->buf + skip, piece, (off_t)file->size) ==
				  (ssize_t)piece,
			  "write");
		file->size += piece;
	}
	load_need(close(fd) == 0, "close");
}

/* Nothing is written if the files of the other threads leave too little room. */
static void grow(struct worker *worker, struct file *file, uint64_t bytes)
{
	uint64_t nr_blocks = bytes / BLOCK + 1;

	nr_promised += nr_blocks;
	append(worker, file, make_room(worker, file) ? bytes : 0);
	nr_promised -= nr_blocks;
}

static void create(struct worker *worker, struct file *file)
{
	file->version = ++worker->nr_versions;
	file->size = 0;
	grow(worker, file, choose_size(worker));
}

static void step(struct worker *worker)
{
	struct file *file = &worker->files[choose(worker, FILES_A_THREAD)];
	uint64_t dice = choose(worker, 100);

	worker->nr_operations++;
	if (!file->version)
		create(worker, file);
	else if (dice < 25)
		delete (worker, file);
	else if (dice < 50)
		grow(worker, file, choose_size(worker));
	else if (dice < 70)
		shorten(worker, file);
	else
		check(worker, file);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (load_now() < end_time)
		step(worker);
	return NULL;
}

static void *check_all(void *arg)
{
	struct worker *worker = arg;

	worker->read_seconds = 0;
	worker->bytes_read = 0;
	for (unsigned i = 0; i < FILES_A_THREAD; i++)
		if (worker->files[i].version)
			check(worker, &worker->files[i]);
	return NULL;
}

static void start_threads(void *(*run)(void *worker))
{
	for (unsigned i = 0; i < NR_THREADS; i++)
		load_need(pthread_create(&workers[i].thread, NULL, run, &workers[i]) == 0,
			  "pthread_create");
}

static void join_threads(void)
{
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static void in_all_threads(void *(*run)(void *worker))
{
	start_threads(run);
	join_threads();
}

/* ---- the end ---- */

/* Deleted files are released in the background, and outgrown chunks are moved. On a busy machine
 * this makes pauses. */
static uint64_t settled_free_blocks(void)
{
	uint64_t before = 0, now = space().f_bfree;

	for (unsigned nr_same = 0; nr_same < 4; nr_same = now == before ? nr_same + 1 : 0) {
		before = now;
		usleep(500000);
		now = space().f_bfree;
	}
	return now;
}

static uint64_t write_to_the_end(struct worker *worker, const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0644);
	uint64_t bytes = 0;
	ssize_t got;

	load_need(fd >= 0, "create");
	while ((got = write(fd, worker->buf, PIECE)) > 0)
		bytes += (uint64_t)got;
	load_need(errno == ENOSPC, "write until the volume is full");
	load_need(close(fd) == 0, "close");
	return bytes;
}

static double read_rate(struct worker *worker, const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECT);
	double start = load_now();
	uint64_t bytes = 0;
	ssize_t got;

	load_need(fd >= 0, "open");
	while ((got = read(fd, worker->buf, PIECE)) > 0)
		bytes += (uint64_t)got;
	load_need(got == 0 && close(fd) == 0, "read");
	return (double)bytes / (load_now() - start) / 1e6;
}

static void need_blocks(const char *what, uint64_t got, uint64_t wanted)
{
	if (got == wanted && space().f_bfree == 0)
		return;
	fprintf(stderr, "%s: %llu blocks, %llu were free, and %llu are\n", what,
		(unsigned long long)got, (unsigned long long)wanted,
		(unsigned long long)space().f_bfree);
	exit(1);
}

static void read_a_fresh_file(struct worker *worker)
{
	const struct statvfs st = space();
	uint64_t bytes = (uint64_t)st.f_bfree * BLOCK * (100 - FULL_PERCENT) / 100;
	int fd = open("fresh", O_RDWR | O_CREAT, 0644);

	load_need(fd >= 0, "create");
	for (uint64_t at = 0; at < bytes; at += PIECE)
		load_need(write(fd, worker->buf, PIECE) == PIECE, "write");
	load_need(close(fd) == 0, "close");
	load_print("fresh-read", "-rate", read_rate(worker, "fresh"));
	load_need(unlink("fresh") == 0, "unlink");
}

static void fill_by_one_file(struct worker *worker)
{
	uint64_t nr_free = settled_free_blocks();
	double start = load_now();
	uint64_t bytes = write_to_the_end(worker, "filler");

	load_print("fill", "-rate", (double)bytes / (load_now() - start) / 1e6);
	need_blocks("one file", bytes / BLOCK, nr_free);
	load_print("fill-read", "-rate", read_rate(worker, "filler"));
	load_need(unlink("filler") == 0, "unlink");
}

static void fill_by_small_files(struct worker *worker)
{
	uint64_t nr_free = settled_free_blocks(), nr = 0;
	char name[32];
	ssize_t got = BLOCK;

	load_need(mkdir("fill", 0755) == 0, "mkdir");
	while (got == BLOCK) {
		int fd;

		snprintf(name, sizeof(name), "fill/%llu", (unsigned long long)nr);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		load_need(fd >= 0 || errno == ENOSPC, "create");
		got = fd >= 0 ? write(fd, worker->buf, BLOCK) : -1;
		load_need(got == BLOCK || errno == ENOSPC, "write");
		if (fd >= 0)
			close(fd);
		nr += got == BLOCK;
	}
	need_blocks("small files", nr, nr_free);
	load_print("fill", "-small-files", (double)nr);
	(void)unlink(name);
	while (nr-- > 0) {
		snprintf(name, sizeof(name), "fill/%llu", (unsigned long long)nr);
		load_need(unlink(name) == 0, "unlink");
	}
	load_need(rmdir("fill") == 0, "rmdir");
}

static void print_speed(void)
{
	double seconds = 0, bytes = 0, operations = 0;

	for (unsigned i = 0; i < NR_THREADS; i++) {
		seconds += workers[i].read_seconds;
		bytes += (double)workers[i].bytes_read;
		operations += (double)workers[i].nr_operations;
	}
	load_print("operations", "", operations);
	load_print("aged-mib", "", bytes / (1 << 20));
	load_print("aged-read", "-rate", bytes / (seconds / NR_THREADS) / 1e6);
}

static void print_files(void)
{
	double nr_files = 0;

	for (unsigned i = 0; i < NR_THREADS; i++)
		for (unsigned at = 0; at < FILES_A_THREAD; at++)
			nr_files += workers[i].files[at].version != 0;
	load_print("files", "", nr_files);
}

static void run_command(const char *command, const char *when)
{
	load_need(!command || (setenv("WHEN", when, 1) == 0 && system(command) == 0),
		  "run the command");
}

static void age(double seconds, const char *command)
{
	double start = load_now();

	end_time = start + seconds;
	start_threads(work);
	while (load_now() < start + seconds / 4)
		usleep(100000);
	run_command(command, "quarter");
	join_threads();
	in_all_threads(check_all);
	print_speed();
	print_files();
	run_command(command, "end");
}

static void start_worker(unsigned number)
{
	struct worker *worker = &workers[number];
	char name[8];

	worker->number = number;
	worker->random = number;
	worker->buf = aligned_alloc(BLOCK, PIECE + BLOCK);
	worker->wanted = aligned_alloc(BLOCK, PIECE + BLOCK);
	load_need(worker->buf && worker->wanted, "memory");
	snprintf(name, sizeof(name), "%u", number);
	load_need(mkdir(name, 0755) == 0, "mkdir");
}

static void delete_all(void)
{
	uint64_t nr_free;

	for (unsigned i = 0; i < NR_THREADS; i++) {
		char name[8];

		for (unsigned at = 0; at < FILES_A_THREAD; at++)
			if (workers[i].files[at].version)
				delete (&workers[i], &workers[i].files[at]);
		snprintf(name, sizeof(name), "%u", i);
		load_need(rmdir(name) == 0, "rmdir");
	}
	nr_free = settled_free_blocks();
	if (nr_free == space().f_blocks)
		return;
	fprintf(stderr, "%llu blocks are missing\n",
		(unsigned long long)(space().f_blocks - nr_free));
	exit(1);
}

int main(int argc, char **argv)
{
	load_need((argc == 3 || argc == 4) && chdir(argv[1]) == 0,
		  "usage: aging DIRECTORY SECONDS [COMMAND]");
	for (unsigned i = 0; i < NR_THREADS; i++)
		start_worker(i);
	read_a_fresh_file(&workers[0]);
	age((double)load_number(argv[2]), argv[3]);
	fill_by_one_file(&workers[0]);
	fill_by_small_files(&workers[0]);
	in_all_threads(check_all);
	delete_all();
	return 0;
}
