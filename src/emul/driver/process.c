/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/driver/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KERNEL_PF_EXITING 0x4u

struct stat_line {
	char state;
	unsigned flags;
	long nr_threads;
	uint64_t start;
};

static bool read_thread_stat(uint32_t pid, uint32_t tid, struct stat_line *ret_line)
{
	char path[48], text[1024], *rest;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", pid, tid);
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

/* That of the first thread, because qemu-user makes up /proc/PID/stat. */
static bool read_stat(uint32_t pid, struct stat_line *ret_line)
{
	return read_thread_stat(pid, pid, ret_line);
}

static bool has_ended(const struct stat_line *line)
{
	return line->state == 'Z' || line->state == 'X';
}

static bool is_exiting(const struct stat_line *line)
{
	return has_ended(line) || line->flags & KERNEL_PF_EXITING;
}

static bool is_any_thread_alive(uint32_t pid)
{
	char path[32];
	struct dirent *entry;
	struct stat_line line;
	bool alive = false;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	threads = opendir(path);
	while (threads && !alive && (entry = readdir(threads))) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		alive = tid && read_thread_stat(pid, tid, &line) && !is_exiting(&line);
	}
	if (threads)
		closedir(threads);
	return alive;
}

uint64_t process_start(uint32_t pid)
{
	struct stat_line line;

	return read_stat(pid, &line) ? line.start : 0;
}

/* The first thread may end before the others do. In a process that was killed all threads close its
 * descriptors before the last of them is gone. */
bool process_alive(uint32_t pid, uint64_t start)
{
	struct stat_line line;

	if (!read_stat(pid, &line) || (start && line.start != start))
		return false;
	return !is_exiting(&line) || (line.nr_threads > 1 && is_any_thread_alive(pid));
}

bool process_gone(uint32_t pid, uint64_t start)
{
	struct stat_line line;

	if (!read_stat(pid, &line) || (start && line.start != start))
		return true;
	return line.nr_threads <= 1 && has_ended(&line);
}
