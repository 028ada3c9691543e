/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticks - a clock for measuring latencies, several times cheaper than clock_gettime(2).
 *
 * It reads the processor's counter if the kernel trusts it to be constant and the same on all
 * processors, else CLOCK_MONOTONIC. Call ticks_start() before the first use; all functions are safe
 * in any thread.
 */
#ifndef CXLFS_BASE_TICKS_H
#define CXLFS_BASE_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/** Set once by ticks_start(). */
struct ticks_rate {
	uint64_t ns_per_tick; /* times 2^32; 0: ticks are nanoseconds */
};

extern struct ticks_rate ticks_rate;

/** ticks_start() - measure the rate of the counter; takes a millisecond, the first time only */
void ticks_start(void);

static inline uint64_t ticks_counter(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#elif defined(__powerpc64__)
	return __builtin_ppc_get_timebase();
#else
	return 0;
#endif
}

static inline uint64_t ticks_now(void)
{
	return ticks_rate.ns_per_tick ? ticks_counter() : clock_now_ns();
}

/** ticks_to_ns() - convert a difference of ticks_now() to nanoseconds; 0 if it is negative, as it
 * may be by a few ticks between two processors */
static inline uint64_t ticks_to_ns(uint64_t ticks)
{
	if ((int64_t)ticks < 0)
		return 0;
	if (!ticks_rate.ns_per_tick)
		return ticks;
	return (uint64_t)((unsigned __int128)ticks * ticks_rate.ns_per_tick >> 32);
}

static inline uint64_t ticks_from_ns(uint64_t ns)
{
	if (!ticks_rate.ns_per_tick)
		return ns;
	return (uint64_t)(((unsigned __int128)ns << 32) / ticks_rate.ns_per_tick);
}

#endif
