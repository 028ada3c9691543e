/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY "/sys/devices/system/cpu"

unsigned cpus_usable(void)
{
	cpu_set_t set;
	long nr;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return (unsigned)CPU_COUNT(&set);
	nr = sysconf(_SC_NPROCESSORS_ONLN); /* a cpu_set_t is too small */
	return nr > 1 ? (unsigned)nr : 1;
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
