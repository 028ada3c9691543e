/* SPDX-License-Identifier: Apache-2.0 */
/* clock - clocks as integers; "now" is CLOCK_MONOTONIC. */
#ifndef CXLFS_BASE_CLOCK_H
#define CXLFS_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** clock_read_ns() - nanoseconds of any clock; 0 if @clock cannot be read */
static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_now_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_now_us(void)
{
	return clock_now_ns() / 1000u;
}

static inline uint64_t clock_now_ms(void)
{
	return clock_now_ns() / 1000000u;
}

/** clock_after_ms_ns() - return the time in @ms milliseconds, in nanoseconds */
static inline uint64_t clock_after_ms_ns(unsigned ms)
{
	return clock_now_ns() + ms * 1000000ull;
}

/** clock_timespec() - convert nanoseconds, for calls that take a struct timespec */
static inline struct timespec clock_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u),
				  .tv_nsec = (long)(ns % 1000000000u) };
}

#endif
