/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define POSSIBLE "/sys/devices/system/cpu/possible"
#define ONLINE   "/sys/devices/system/cpu/online"
#define MAX_LIST 4096

unsigned cpus_usable(void)
{
	cpu_set_t set;
	long nr;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return (unsigned)CPU_COUNT(&set);
	nr = sysconf(_SC_NPROCESSORS_ONLN); /* a cpu_set_t is too small */
	return nr > 1 ? (unsigned)nr : 1;
}

/* Return: false at the end of the list, or of what is understood of it. */
static bool next_range(const char **list, unsigned long *ret_first, unsigned long *ret_last)
{
	char *end;

	if (**list < '0' || **list > '9')
		return false;
	*ret_first = *ret_last = strtoul(*list, &end, 10);
	if (*end == '-')
		*ret_last = strtoul(end + 1, &end, 10);
	*list = *end == ',' ? end + 1 : end;
	return true;
}

unsigned cpus_count(const char *list)
{
	unsigned long first, last;
	unsigned nr = 0;

	while (next_range(&list, &first, &last))
		nr += (unsigned)(last - first + 1);
	return nr;
}

bool cpus_list_has(const char *list, unsigned number)
{
	unsigned long first, last;

	while (next_range(&list, &first, &last))
		if (number >= first && number <= last)
			return true;
	return false;
}

static void read_list(const char *path, char list[MAX_LIST])
{
	FILE *file = fopen(path, "re");

	list[0] = '\0';
	if (!file)
		return;
	(void)!fgets(list, MAX_LIST, file);
	fclose(file);
}

unsigned cpus_possible(void)
{
	char list[MAX_LIST];
	unsigned nr;

	read_list(POSSIBLE, list);
	nr = cpus_count(list);
	return nr ? nr : (unsigned)get_nprocs_conf();
}

bool cpus_is_online(unsigned number)
{
	char list[MAX_LIST];

	read_list(ONLINE, list);
	return !list[0] || cpus_list_has(list, number);
}
