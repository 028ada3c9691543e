/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define POSSIBLE "/sys/devices/system/cpu/possible"

unsigned cpus_usable(void)
{
	cpu_set_t set;
	long nr;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return (unsigned)CPU_COUNT(&set);
	nr = sysconf(_SC_NPROCESSORS_ONLN); /* a cpu_set_t is too small */
	return nr > 1 ? (unsigned)nr : 1;
}

unsigned cpus_count(const char *list)
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

unsigned cpus_possible(void)
{
	FILE *file = fopen(POSSIBLE, "re");
	char list[4096] = "";
	unsigned nr;

	if (file) {
		(void)!fgets(list, sizeof(list), file);
		fclose(file);
	}
	nr = cpus_count(list);
	return nr ? nr : (unsigned)get_nprocs_conf();
}
