/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_superpipe - the functions of superpipe.h over plain memory, for tests of what is above.
 *
 * Linked instead of the real layer. A volume that imports the vLUNs of another one on the same fake
 * takes them away from it, and its ios then fail. It can complete late, from threads, in any order,
 * fail at chosen LBAs and ioctls, and run out of chunks and handles. New chunks hold what was in
 * them before, at first 0xA5. It counts breaches of the contract: unaligned buffers, LBAs beyond
 * the vLUN, overlapping ios in flight of which one writes, shrinking under an io, vLUNs left open.
 */
#ifndef CXLFS_TESTS_FAKE_SUPERPIPE_H
#define CXLFS_TESTS_FAKE_SUPERPIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "superpipe/superpipe.h"

#define FAKE_GARBAGE 0xA5

struct fake_config {
	unsigned nr_luns;     /* 0: one */
	uint32_t chunk_lbas;  /* 0: 16 */
	uint64_t nr_chunks;   /* of each LUN; 0: 32 */
	unsigned max_handles; /* of each LUN; 0: 256 */
	unsigned nr_threads;  /* that complete ios in random order; 0: the submitter does */
	bool scrub;           /* new chunks hold 0xA5 whatever was in them */
	uint64_t seed;
	uint32_t odd_lun_chunk_lbas; /* of the second LUN, if not 0 */
};

enum fake_call { FAKE_OPEN, FAKE_RESIZE, FAKE_CLOSE, FAKE_NR_CALLS };

struct superpipe *fake_new(const struct fake_config *config);

/** fake_nr_breaches() - so far */
unsigned fake_nr_breaches(struct superpipe *sp);

/** fake_free() - Return: how many breaches there were, each told on stderr. */
unsigned fake_free(struct superpipe *sp);

/** fake_fail_ios() - ios of this direction fail with @err at LBAs [first, first + nr) of any vLUN.
 *  A failing write leaves half of the block new. @nr 0: no more failures. */
void fake_fail_ios(struct superpipe *sp, bool write, uint64_t first, uint64_t nr, int err);

/** fake_fail_call() - the next @count calls return @err */
void fake_fail_call(struct superpipe *sp, enum fake_call call, unsigned count, int err);

/** fake_fail_lun() - a LUN fails for good: ios and calls on it return -EIO. A call still releases.
 */
void fake_fail_lun(struct superpipe *sp, unsigned lun);

/** fake_limit_growth() - a resize grows by at most so many chunks; UINT64_MAX: no limit */
void fake_limit_growth(struct superpipe *sp, uint64_t chunks);

/** fake_hold() - ios stay in flight until fake_unhold() */
void fake_hold(struct superpipe *sp);
void fake_unhold(struct superpipe *sp);

/** fake_gate() - the next calls of this kind wait until the gate is opened again */
void fake_gate(struct superpipe *sp, bool closed);

/** fake_add_vlun() - one that was open before, to be imported. Return: false: no such handle, or
 * there are too few chunks. */
bool fake_add_vlun(struct superpipe *sp, unsigned lun, uint32_t handle, uint64_t nr_chunks);

/** fake_shrink_imports() - from now on a vLUN may be larger than what is imported, as one whose
 *  growth was not recorded: superpipe_reconcile() makes it smaller */
void fake_shrink_imports(struct superpipe *sp);

/** fake_read() - what a block of the vLUN with this handle holds now. Return: false: there is none.
 */
bool fake_read(struct superpipe *sp, unsigned lun, uint32_t handle, uint64_t lba, void *block);

uint64_t fake_nr_ios(struct superpipe *sp);
uint64_t fake_nr_calls(struct superpipe *sp, enum fake_call call);
unsigned fake_in_flight(struct superpipe *sp);
uint64_t fake_free_chunks(struct superpipe *sp, unsigned lun);
unsigned fake_nr_vluns(struct superpipe *sp);

#endif
