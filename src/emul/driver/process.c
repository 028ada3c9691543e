/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/driver/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_PF_EXITING 0x4u

struct stat_line {
	char state;
	unsigned flags;
	long nr_threads;
	uint64_t start;
};

/* Reads that of the first thread, because qemu-user makes up /proc/PID/stat. */
static bool read_stat(uint32_t pid, struct stat_line *ret_line)
{
	char path[48], text[1024], *rest;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", pid, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	/* The program name is in parentheses and may itself contain some. */
	rest = strrchr(text, ')');
	return rest && sscanf(rest + 1,
			      " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			      "%ld %*d %" SCNu64,
			      &ret_line->state, &ret_line->flags, &ret_line->nr_threads,
			      &ret_line->start) == 4;
}

uint64_t process_start(uint32_t pid)
{
	struct stat_line line;

	return read_stat(pid, &line) ? line.start : 0;
}

/* The first thread may end before the others; nr_threads is above 1 then. */
bool process_alive(uint32_t pid, uint64_t start)
{
	struct stat_line line;

	if (!read_stat(pid, &line) || (start && line.start != start))
		return false;
	return line.nr_threads > 1 ||
	       (line.state != 'Z' && line.state != 'X' && !(line.flags & KERNEL_PF_EXITING));
}

bool process_gone(uint32_t pid, uint64_t start)
{
	struct stat_line line;

	if (!read_stat(pid, &line) || (start && line.start != start))
		return true;
	return line.nr_threads <= 1 && (line.state == 'Z' || line.state == 'X');
}
