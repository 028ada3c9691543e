/* SPDX-License-Identifier: Apache-2.0 */
#include "support/quiet_fork.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The state follows the name, which ends at the last ')': proc_pid_stat(5). */
static bool thread_sleeps(const char *tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", tid);
	file = fopen(path, "re");
	/* A thread that has ended meanwhile is as good as one that sleeps. */
	if (!file)
		return true;
	(void)!fscanf(file, "%*[^)]) %c", &state);
	fclose(file);
	return state == 'S';
}

static bool others_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	bool sleep = true;

	while (sleep && tasks && (entry = readdir(tasks)) != NULL) {
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != gettid())
			sleep = thread_sleeps(entry->d_name);
	}
	if (tasks)
		closedir(tasks);
	return sleep;
}

pid_t quiet_fork(void)
{
	while (!others_sleep())
		usleep(200);
	return fork();
}
