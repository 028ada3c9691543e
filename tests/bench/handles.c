/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses many files with data, all open at once.
 *
 *	handles DIRECTORY COUNT
 *
 * Writes a block with its name into each file. Then reads each file from the flash, compares the
 * block, and deletes the file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/load.h"

#define BLOCK 4096

struct run {
	long count;
	int *fds;
	char *block;
};

static void allow_open_files(long count)
{
	struct rlimit limit = { (rlim_t)count + 100, (rlim_t)count + 100 };

	load_need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "open files");
}

static void name_file(long i, char text[32])
{
	snprintf(text, 32, "handle-%ld", i);
}

static void write_file(struct run *run, long i)
{
	char text[32];

	name_file(i, text);
	memset(run->block, 0, BLOCK);
	memcpy(run->block, text, strlen(text));
	run->fds[i] = open(text, O_RDWR | O_CREAT | O_EXCL | O_DIRECT, 0644);
	load_need(run->fds[i] >= 0, text);
	load_need(write(run->fds[i], run->block, BLOCK) == BLOCK, "write");
}

static void read_file(struct run *run, long i)
{
	char text[32];

	name_file(i, text);
	load_need(pread(run->fds[i], run->block, BLOCK, 0) == BLOCK, "read");
	load_need(!strcmp(run->block, text), "a file does not hold what was written to it");
}

static void delete_file(struct run *run, long i)
{
	char text[32];

	name_file(i, text);
	load_need(close(run->fds[i]) == 0 && unlink(text) == 0, "unlink");
}

static void each(struct run *run, const char *what, void (*operation)(struct run *, long))
{
	struct load_times times = { 0 };
	double began = load_now(), start = began;

	for (long i = 0; i < run->count; i++) {
		operation(run, i);
		start = load_note(&times, start);
	}
	load_print(what, "-rate", (double)run->count / (load_now() - began));
	load_print_times(what, &times);
}

int main(int argc, char **argv)
{
	struct run run = { 0 };

	load_need(argc == 3 && chdir(argv[1]) == 0, "usage: handles DIRECTORY COUNT");
	run.count = load_number(argv[2]);
	run.fds = calloc((size_t)run.count, sizeof(*run.fds));
	load_need(run.fds && posix_memalign((void **)&run.block, BLOCK, BLOCK) == 0, "memory");
	allow_open_files(run.count);
	each(&run, "write", write_file);
	each(&run, "read", read_file);
	each(&run, "delete", delete_file);
	free(run.block);
	free(run.fds);
	return 0;
}
