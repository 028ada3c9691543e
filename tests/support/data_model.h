/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_model - random operations on the data layer against byte arrays.
 *
 * Operations that overlap take effect in the order of their submission, so a read knows what to
 * expect when it is submitted although dozens of operations are in flight. CXLFS_SEED repeats a
 * run, CXLFS_SECONDS lengthens it.
 */
#ifndef CXLFS_TESTS_SUPPORT_DATA_MODEL_H
#define CXLFS_TESTS_SUPPORT_DATA_MODEL_H

#include <stdint.h>

#include "data/data.h"

#define DATA_MODEL_BYTES (3u * 640u * 1024u) /* flash it needs, apart from what chunks round up */

/** data_model_seed() - CXLFS_SEED or the time; printed. */
uint64_t data_model_seed(void);

/**
 * data_model_run() - at least so many rounds; fails the test at the first difference
 * @base: offset in the files to work at, so that a large chunk's edge can be met
 * Requires every chunk and handle of the volume to be free again in the end.
 */
void data_model_run(struct data_volume *vol, uint64_t base, uint64_t seed, unsigned nr_rounds);

#endif
