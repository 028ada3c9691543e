/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram - how often latencies of each size occurred.
 *
 * Four buckets for each power of two, so a bucket is at most a quarter wider than its lower end.
 * One thread at a time adds; others may read meanwhile.
 */
#ifndef CXLFS_BASE_HISTOGRAM_H
#define CXLFS_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_FIRST_BITS 8  /* below 2^8 ns everything is in bucket 0 */
#define HISTOGRAM_LAST_BITS  36 /* from 2^36 ns, 69 seconds, in the last one */
#define HISTOGRAM_BUCKETS    (4 * (HISTOGRAM_LAST_BITS - HISTOGRAM_FIRST_BITS) + 2)

/** All zeros is empty. All atomic, but only one thread at a time writes. */
struct histogram {
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/** counter_add() - add to a counter that only one thread at a time writes */
static inline void counter_add(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, *counter + value, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/** histogram_bucket() - return the bucket for a latency */
static inline unsigned histogram_bucket(uint64_t ns)
{
	unsigned bits = 63u - (unsigned)__builtin_clzll(ns | 1);

	if (bits < HISTOGRAM_FIRST_BITS)
		return 0;
	if (bits >= HISTOGRAM_LAST_BITS)
		return HISTOGRAM_BUCKETS - 1;
	return 1 + 4 * (bits - HISTOGRAM_FIRST_BITS) + ((unsigned)(ns >> (bits - 2)) & 3);
}

/** histogram_add() - add @nr latencies of @ns each */
static inline void histogram_add(struct histogram *histogram, uint64_t ns, uint64_t nr)
{
	counter_add(&histogram->buckets[histogram_bucket(ns)], nr);
	counter_add(&histogram->sum_ns, ns * nr);
	if (ns > histogram->max_ns)
		__atomic_store_n(&histogram->max_ns, ns, __ATOMIC_RELAXED);
}

/** histogram_end_ns() - return the upper end of a bucket, exclusive; UINT64_MAX for the last one */
uint64_t histogram_end_ns(unsigned bucket);

/** histogram_merge() - add what @from holds to @into, which only the caller uses */
void histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram);

/** histogram_count_below() - return how many latencies are in buckets that end at or below @ns */
uint64_t histogram_count_below(const struct histogram *histogram, uint64_t ns);

/**
 * histogram_quantile_ns() - return the latency that a share of all does not exceed
 * @permille: 500 for the median
 * Return: interpolated within its bucket, at most max_ns; 0 if the histogram is empty.
 */
uint64_t histogram_quantile_ns(const struct histogram *histogram, unsigned permille);

#endif
