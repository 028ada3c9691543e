/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates many files of 1 to 16 KiB, reads them all and compares, and deletes them.
 *
 *	million DIRECTORY FILES PID
 *
 * PID is the daemon, whose memory is measured. Prints seconds for each part, and the memory of a
 * file with data beyond that of an empty one.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/load.h"

#define IN_A_DIRECTORY 1000u
#define MIN_BYTES      1024u
#define MAX_BYTES      16384u
#define NR_EMPTY       20000u

static uint8_t content[MAX_BYTES + 256];

static uint32_t scramble(uint32_t number)
{
	number = (number ^ (number >> 16)) * 0x45d9f3bu;
	number = (number ^ (number >> 16)) * 0x45d9f3bu;
	return number ^ (number >> 16);
}

static size_t size_of(unsigned number)
{
	return MIN_BYTES + scramble(number) % (MAX_BYTES - MIN_BYTES + 1);
}

/* Begins with the number, and goes on with a piece of @content that depends on it. */
static void make_content(unsigned number, uint8_t *buf)
{
	memcpy(buf, content + scramble(number) % 256, MAX_BYTES);
	memcpy(buf, &number, sizeof(number));
}

static void name_of(unsigned number, char text[32])
{
	snprintf(text, 32, "%u/%u", number / IN_A_DIRECTORY, number);
}

static void directories(unsigned nr_files, int (*call)(const char *name), const char *what)
{
	char name[16];

	for (unsigned i = 0; i * IN_A_DIRECTORY < nr_files; i++) {
		snprintf(name, sizeof(name), "%u", i);
		load_need(call(name) == 0, what);
	}
}

static int make_directory(const char *name)
{
	return mkdir(name, 0755);
}

static void create(unsigned number, size_t bytes)
{
	uint8_t buf[MAX_BYTES];
	char name[32];
	int fd;

	name_of(number, name);
	make_content(number, buf);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
	load_need(fd >= 0, "create");
	load_need(bytes == 0 || write(fd, buf, bytes) == (ssize_t)bytes, "write");
	load_need(close(fd) == 0, "close");
}

/* Past the kernel's cache, so that the data comes from the flash. */
static void check(unsigned number)
{
	static uint8_t *buf;
	uint8_t wanted[MAX_BYTES];
	size_t size = size_of(number);
	char name[32];
	int fd;

	if (!buf)
		buf = aligned_alloc(4096, 2 * MAX_BYTES);
	name_of(number, name);
	make_content(number, wanted);
	fd = open(name, O_RDONLY | O_DIRECT);
	load_need(fd >= 0, "open");
	if (read(fd, buf, 2 * MAX_BYTES) != (ssize_t)size || memcmp(buf, wanted, size)) {
		fprintf(stderr, "%s: wrong content\n", name);
		exit(1);
	}
	close(fd);
}

static void unlink_all(unsigned nr)
{
	char name[32];

	for (unsigned i = 0; i < nr; i++) {
		name_of(i, name);
		load_need(unlink(name) == 0, "unlink");
	}
}

/* Return: bytes of the daemon for an empty file. */
static double memory_of_empty(long pid)
{
	double before = load_memory_bytes(pid), after;

	directories(NR_EMPTY, make_directory, "mkdir");
	for (unsigned i = 0; i < NR_EMPTY; i++)
		create(i, 0);
	after = load_memory_bytes(pid);
	unlink_all(NR_EMPTY);
	directories(NR_EMPTY, rmdir, "rmdir");
	return (after - before) / NR_EMPTY;
}

int main(int argc, char **argv)
{
	double start, before, empty;
	unsigned nr;
	long pid;

	load_need(argc == 4 && chdir(argv[1]) == 0, "usage: million DIRECTORY FILES PID");
	nr = (unsigned)load_number(argv[2]);
	pid = load_number(argv[3]);
	for (unsigned i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)scramble(i);
	before = load_memory_bytes(pid);
	empty = memory_of_empty(pid);
	start = load_now();
	directories(nr, make_directory, "mkdir");
	for (unsigned i = 0; i < nr; i++)
		create(i, size_of(i));
	load_print("create", "-s", load_now() - start);
	load_print("memory-per-file", "", (load_memory_bytes(pid) - before) / nr);
	load_print("memory-per-empty-file", "", empty);
	start = load_now();
	for (unsigned i = 0; i < nr; i++)
		check(i);
	load_print("check", "-s", load_now() - start);
	start = load_now();
	unlink_all(nr);
	directories(nr, rmdir, "rmdir");
	load_print("delete", "-s", load_now() - start);
	load_print("memory-left-mib", "", (load_memory_bytes(pid) - before) / (1 << 20));
	return 0;
}
