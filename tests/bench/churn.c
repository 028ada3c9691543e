/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates, writes, renames and deletes files at random, and measures the memory of the daemon.
 *
 *	churn DIRECTORY SECONDS PID
 *
 * Names and operations are the same in each run. Memory is read after a quarter of the time, when
 * all reusable memory has been allocated, and at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/load.h"

#define NR_NAMES 1000
#define PIECE    20000
#define SPREAD   (1 << 20) /* of offsets in a file */

struct run {
	uint64_t random;
	unsigned long nr;
	char piece[PIECE];
};

static unsigned choose(struct run *run, unsigned below)
{
	run->random = run->random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(run->random >> 33) % below;
}

static void choose_name(struct run *run, char text[32])
{
	snprintf(text, 32, "churn-%u", choose(run, NR_NAMES));
}

static void write_some(struct run *run)
{
	char name[32];
	int fd;

	choose_name(run, name);
	fd = open(name, O_WRONLY | O_CREAT, 0644);
	load_need(fd >= 0, "create");
	load_need(pwrite(fd, run->piece, PIECE, choose(run, SPREAD)) == PIECE, "write");
	load_need(close(fd) == 0, "close");
}

static void rename_one(struct run *run)
{
	char from[32], to[32];

	choose_name(run, from);
	choose_name(run, to);
	load_need(rename(from, to) == 0 || errno == ENOENT, "rename");
}

static void delete_one(struct run *run)
{
	char name[32];

	choose_name(run, name);
	load_need(unlink(name) == 0 || errno == ENOENT, "unlink");
}

static void churn_until(struct run *run, double end)
{
	for (; load_now() < end; run->nr++) {
		unsigned what = choose(run, 4);

		if (what < 2)
			write_some(run);
		else if (what == 2)
			rename_one(run);
		else
			delete_one(run);
	}
}

int main(int argc, char **argv)
{
	struct run run = { .random = 1 };
	double start = load_now();
	long seconds, pid;

	load_need(argc == 4 && chdir(argv[1]) == 0, "usage: churn DIRECTORY SECONDS PID");
	seconds = load_number(argv[2]);
	pid = load_number(argv[3]);
	memset(run.piece, 'c', PIECE);
	churn_until(&run, start + (double)seconds / 4);
	load_print("memory", "-quarter-mib", load_memory_bytes(pid) / (1 << 20));
	churn_until(&run, start + (double)seconds);
	load_print("memory", "-end-mib", load_memory_bytes(pid) / (1 << 20));
	load_print("operations", "-rate", (double)run.nr / (load_now() - start));
	return 0;
}
