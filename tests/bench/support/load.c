/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOW_SECONDS 0.010

double load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void load_need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

long load_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (number <= 0 || *end) {
		fprintf(stderr, "'%s' is not a positive number\n", text);
		exit(2);
	}
	return number;
}

double load_note(struct load_times *times, double start)
{
	double now = load_now();

	times->nr++;
	times->nr_slow += now - start > SLOW_SECONDS;
	if (now - start > times->longest)
		times->longest = now - start;
	return now;
}

void load_print(const char *name, const char *what, double value)
{
	printf("%s%s %.3f\n", name, what, value);
	fflush(stdout);
}

void load_print_times(const char *name, const struct load_times *times)
{
	load_print(name, "-longest-ms", times->longest * 1000);
	load_print(name, "-over-10ms", (double)times->nr_slow);
}

double load_memory_bytes(long pid)
{
	char path[64], line[256];
	double kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	file = fopen(path, "r");
	load_need(file != NULL, path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "RssAnon: %lf", &kib) == 1)
			break;
	fclose(file);
	load_need(kib >= 0, "RssAnon");
	return kib * 1024;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double load_median(double *values, unsigned nr)
{
	qsort(values, nr, sizeof(*values), compare);
	return (values[nr / 2] + values[(nr - 1) / 2]) / 2;
}
