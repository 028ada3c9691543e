/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ticks.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define MEASURE_NS   1000000u
#define NR_TRIES     5

struct ticks_rate ticks_rate;

/* If the kernel itself tells the time by the counter, it is constant and the same everywhere. */
static bool kernel_uses_counter(void)
{
	FILE *file = fopen(CLOCK_SOURCE, "re");
	char name[32] = "";

	if (file && !fgets(name, sizeof(name), file))
		*name = '\0';
	if (file)
		fclose(file);
	return !strcmp(name, "tsc\n") || !strcmp(name, "timebase\n");
}

struct reading {
	uint64_t ticks, ns;
};

/* Both at one time, as nearly as possible: the thread may be interrupted between them. */
static struct reading read_both(void)
{
	struct reading best = { 0 };
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < NR_TRIES; i++) {
		uint64_t before = ticks_counter(), ns = clock_now_ns();
		uint64_t took = ticks_counter() - before;

		if (took >= least)
			continue;
		least = took;
		best = (struct reading){ .ticks = before + took / 2, .ns = ns };
	}
	return best;
}

static void measure(void)
{
	struct reading first, last;

	if (!kernel_uses_counter())
		return;
	first = last = read_both();
	while (last.ns - first.ns < MEASURE_NS)
		last = read_both();
	if (last.ticks > first.ticks)
		ticks_rate.ns_per_tick = ((last.ns - first.ns) << 32) / (last.ticks - first.ticks);
}

void ticks_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, measure);
}
