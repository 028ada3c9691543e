/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the first and the last GiB of a file that is as large as the volume.
 *
 *	ends FILE
 *
 * Reserves the space first. Then uses blocks of 4 KiB, one at a time, with direct I/O, at positions
 * spread over the GiB.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "support/load.h"

#define BLOCK     4096
#define NR_WRITES 20000
#define GIB       (1l << 30)
#define STRIDE    524309l /* a prime: blocks do not repeat, and neighbours are far apart */

static char *block;

static long volume_bytes(int fd)
{
	struct statvfs st;

	load_need(fstatvfs(fd, &st) == 0, "statvfs");
	return (long)(st.f_bavail * st.f_frsize);
}

static void write_at(int fd, const char *what, long from)
{
	struct load_times times = { 0 };
	double start = load_now(), began = start;

	for (long i = 0; i < NR_WRITES; i++) {
		long at = from + i * STRIDE % (GIB / BLOCK) * BLOCK;

		load_need(pwrite(fd, block, BLOCK, at) == BLOCK, "write");
		start = load_note(&times, start);
	}
	load_print(what, "-rate", NR_WRITES / (load_now() - began));
	load_print_times(what, &times);
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_DIRECT, 0644) : -1;
	double start;
	long bytes;

	load_need(fd >= 0, "usage: ends FILE");
	load_need(posix_memalign((void **)&block, BLOCK, BLOCK) == 0, "memory");
	memset(block, 'e', BLOCK);
	bytes = volume_bytes(fd);
	start = load_now();
	load_need(fallocate(fd, 0, 0, bytes) == 0, "fallocate");
	load_print("reserve", "-s", load_now() - start);
	write_at(fd, "first", 0);
	write_at(fd, "last", bytes - GIB);
	free(block);
	return close(fd);
}
