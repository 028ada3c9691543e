/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/place.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define POSSIBLE "/sys/devices/system/cpu/possible"

/* Of /proc/TID/stat, as proc(5) counts. The second is a name in parentheses, which may hold
 * anything. */
#define FIELD_NAME      2
#define FIELD_PROCESSOR 39

static const char *find_processor(const char *stat)
{
	const char *at = strrchr(stat, ')');

	for (int field = FIELD_NAME; at && field < FIELD_PROCESSOR; field++)
		at = strchr(at + 1, ' ');
	return at;
}

int place_of(pid_t tid)
{
	char text[1024];
	const char *field;
	ssize_t got;
	int fd, processor;

	snprintf(text, sizeof(text), "/proc/%d/stat", (int)tid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	field = find_processor(text);
	return field && sscanf(field, "%d", &processor) == 1 ? processor : -1;
}

unsigned place_nr_processors(void)
{
	cpu_set_t set;
	long nr;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return (unsigned)CPU_COUNT(&set);
	nr = sysconf(_SC_NPROCESSORS_ONLN); /* more than a cpu_set_t has room for */
	return nr > 1 ? (unsigned)nr : 1;
}

unsigned place_count(const char *list)
{
	unsigned nr = 0;

	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		nr += (unsigned)(last - first + 1);
		list = *end == ',' ? end + 1 : end;
	}
	return nr;
}

unsigned place_nr_possible(void)
{
	FILE *file = fopen(POSSIBLE, "re");
	char list[4096] = "";
	unsigned nr;

	if (file) {
		(void)!fgets(list, sizeof(list), file);
		fclose(file);
	}
	nr = place_count(list);
	return nr ? nr : (unsigned)get_nprocs_conf();
}
