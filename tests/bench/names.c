/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates and deletes very many empty files.
 *
 *	names DIRECTORY COUNT FILES-IN-EACH-DIRECTORY PID
 *
 * PID is the process whose memory is measured. Creation is timed over stretches of 1,000 files; the
 * rates "early" and "late" are the medians of the stretches from 10,000 files on and of the last
 * ones. Memory is the growth of the process per file, minus the mean length of the names.
 * Directories count as files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/load.h"

#define STRETCH      1000
#define NR_STRETCHES 20 /* in a median */
#define EARLY        10000

struct run {
	long count, each;
	int dir; /* of the files that are being made or deleted */
	struct load_times times, rmdir_times;
	double name_bytes;
	double early[NR_STRETCHES], late[NR_STRETCHES];
};

static const char *file_name(long i, char text[32])
{
	snprintf(text, 32, "file-%ld", i);
	return text;
}

static const char *directory_name(long i, char text[32])
{
	snprintf(text, 32, "directory-%ld", i);
	return text;
}

/* The directory of file @i becomes the current one; true when it is another than that of i - 1. */
static int enter_directory(struct run *run, long i, int make)
{
	char text[32];

	if (i % run->each)
		return 0;
	directory_name(i / run->each, text);
	load_need(!make || mkdir(text, 0755) == 0, "mkdir");
	if (run->dir >= 0)
		close(run->dir);
	run->dir = open(text, O_RDONLY | O_DIRECTORY);
	load_need(run->dir >= 0, text);
	run->name_bytes += make ? (double)strlen(text) : 0;
	return 1;
}

static void create_file(struct run *run, long i)
{
	char text[32];
	double start = load_now();
	int fd;

	if (enter_directory(run, i, 1))
		start = load_note(&run->times, start);
	fd = openat(run->dir, file_name(i, text), O_WRONLY | O_CREAT | O_EXCL, 0644);
	load_need(fd >= 0, "create");
	close(fd);
	load_note(&run->times, start);
	run->name_bytes += (double)strlen(text);
}

static void delete_file(struct run *run, long i)
{
	char text[32];
	double start;

	enter_directory(run, i, 0);
	start = load_now();
	load_need(unlinkat(run->dir, file_name(i, text), 0) == 0, "unlink");
	start = load_note(&run->times, start);
	if ((i + 1) % run->each && i + 1 < run->count)
		return;
	/* Apart from the others: the kernel first forgets all names it remembers as deleted. */
	load_need(rmdir(directory_name(i / run->each, text)) == 0, "rmdir");
	load_note(&run->rmdir_times, start);
}

/* Put the rate of the stretch that begins at @first where it belongs, if anywhere. */
static void keep_rate(struct run *run, long first, double rate)
{
	long early = (first - EARLY) / STRETCH;
	long late = (first - run->count) / STRETCH + NR_STRETCHES;

	if (first >= EARLY && early < NR_STRETCHES)
		run->early[early] = rate;
	if (late >= 0 && late < NR_STRETCHES)
		run->late[late] = rate;
}

static void create_all(struct run *run)
{
	double start = load_now(), began = start;

	for (long i = 0; i < run->count; i++) {
		create_file(run, i);
		if ((i + 1) % STRETCH)
			continue;
		keep_rate(run, i + 1 - STRETCH, STRETCH / (load_now() - start));
		start = load_now();
	}
	load_print("create", "-rate", (double)run->count / (load_now() - began));
	load_print("create", "-rate-early", load_median(run->early, NR_STRETCHES));
	load_print("create", "-rate-late", load_median(run->late, NR_STRETCHES));
	load_print_times("create", &run->times);
}

static void delete_all(struct run *run)
{
	double start = load_now();

	memset(&run->times, 0, sizeof(run->times));
	for (long i = 0; i < run->count; i++)
		delete_file(run, i);
	load_print("unlink", "-rate", (double)run->count / (load_now() - start));
	load_print_times("unlink", &run->times);
	load_print_times("rmdir", &run->rmdir_times);
}

int main(int argc, char **argv)
{
	struct run run = { .dir = -1 };
	double before, nr_inodes;
	long pid;

	load_need(argc == 5 && chdir(argv[1]) == 0, "usage: names DIRECTORY COUNT EACH PID");
	run.count = load_number(argv[2]) / STRETCH * STRETCH;
	run.each = load_number(argv[3]);
	pid = load_number(argv[4]);
	load_need(run.count >= EARLY + NR_STRETCHES * STRETCH, "COUNT is too small");

	before = load_memory_bytes(pid);
	create_all(&run);
	nr_inodes = (double)(run.count + (run.count + run.each - 1) / run.each);
	load_print("memory", "-per-inode",
		   (load_memory_bytes(pid) - before - run.name_bytes) / nr_inodes);
	delete_all(&run);
	load_print("memory", "-left-mib", (load_memory_bytes(pid) - before) / (1 << 20));
	return 0;
}
