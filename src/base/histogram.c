/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

#include "base/minmax.h"

uint64_t histogram_end_ns(unsigned bucket)
{
	unsigned octave = (bucket + 3) / 4, quarter = (bucket + 3) % 4 + 1;

	if (bucket == 0)
		return UINT64_C(1) << HISTOGRAM_FIRST_BITS;
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	return (uint64_t)(4 + quarter) << (HISTOGRAM_FIRST_BITS - 2 + octave - 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += counter_read(&from->buckets[i]);
	into->sum_ns += counter_read(&from->sum_ns);
	into->max_ns = max_u64(into->max_ns, counter_read(&from->max_ns));
}

uint64_t histogram_count(const struct histogram *histogram)
{
	return histogram_count_below(histogram, UINT64_MAX);
}

uint64_t histogram_count_below(const struct histogram *histogram, uint64_t ns)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram_end_ns(i) <= ns; i++)
		count += histogram->buckets[i];
	return count;
}

static uint64_t interpolate(const struct histogram *histogram, unsigned bucket, uint64_t nth)
{
	uint64_t start = bucket ? histogram_end_ns(bucket - 1) : 0;
	uint64_t end = min_u64(histogram_end_ns(bucket), max_u64(histogram->max_ns, start));
	double share = (double)nth / (double)histogram->buckets[bucket];

	return start + (uint64_t)(share * (double)(end - start));
}

uint64_t histogram_quantile_ns(const struct histogram *histogram, unsigned permille)
{
	uint64_t count = histogram_count(histogram);
	uint64_t nth = (count * permille + 999) / 1000;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && count; i++) {
		if (nth <= histogram->buckets[i])
			return interpolate(histogram, i, nth);
		nth -= histogram->buckets[i];
	}
	return 0;
}
