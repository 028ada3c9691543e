/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flash - volumes on fake adapters, for fuzzers.
 *
 * A volume stays from one input to the next, because making one takes longer than an input does.
 */
#ifndef CXLFS_TESTS_FUZZ_FLASH_H
#define CXLFS_TESTS_FUZZ_FLASH_H

#include "data/data.h"
#include "fake/fake_superpipe.h"

struct flash {
	struct superpipe *sp;
	struct data_volume *volume;
};

/**
 * flash_get() - a volume on which nothing is stored, over an adapter without errors
 * @nr_luns: 1 or 2
 * @pack_bytes: see data_volume_set_pack_bytes()
 * @idle_ms: see data_volume_set_idle_ms()
 */
struct flash *flash_get(unsigned nr_luns, uint64_t pack_bytes, unsigned idle_ms);

/** flash_check() - nothing is stored any more: all chunks and handles must come back */
void flash_check(struct flash *flash);

#endif
