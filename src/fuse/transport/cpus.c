/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define DIRECTORY "/sys/devices/system/cpu"
#define MAX_LIST  4096

unsigned cpus_usable(void)
{
	cpu_set_t set;
	long nr;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return (unsigned)CPU_COUNT(&set);
	nr = sysconf(_SC_NPROCESSORS_ONLN); /* a cpu_set_t is too small */
	return nr > 1 ? (unsigned)nr : 1;
}

/* Stops at what it does not understand. */
unsigned cpus_count(const char *list)
{
	unsigned long first, last;
	unsigned nr = 0;
	char *end;

	while (*list >= '0' && *list <= '9') {
		first = last = strtoul(list, &end, 10);
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		nr += (unsigned)(last - first + 1);
		list = *end == ',' ? end + 1 : end;
	}
	return nr;
}

unsigned cpus_possible(void)
{
	FILE *file = fopen(DIRECTORY "/possible", "re");
	char list[MAX_LIST] = "";
	unsigned nr;

	if (file) {
		(void)!fgets(list, sizeof(list), file);
		fclose(file);
	}
	nr = cpus_count(list);
	return nr ? nr : (unsigned)get_nprocs_conf();
}

/* A processor that cannot be taken offline has no such file. */
bool cpus_is_online(unsigned number)
{
	char path[64];
	FILE *file;
	bool is_online;

	snprintf(path, sizeof(path), DIRECTORY "/cpu%u/online", number);
	file = fopen(path, "re");
	if (!file) {
		*strrchr(path, '/') = '\0';
		return !access(path, F_OK);
	}
	is_online = fgetc(file) != '0';
	fclose(file);
	return is_online;
}
