/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sp_wait - ios that a test can wait for.
 */
#ifndef CXLFS_TESTS_SUPPORT_SP_WAIT_H
#define CXLFS_TESTS_SUPPORT_SP_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "superpipe/superpipe.h"

/** An io whose end can be waited for; @buf is its own and 4096-byte aligned. */
struct sp_wait_io {
	struct superpipe_io io;
	bool ended;
	unsigned nr_calls; /* of done */
};

/** sp_wait_init() - a buffer of nr_lbas, filled with @fill. */
void sp_wait_init(struct sp_wait_io *wait, struct superpipe_vlun *vlun, bool write, uint64_t lba,
		  uint32_t nr_lbas, unsigned char fill);
void sp_wait_fini(struct sp_wait_io *wait);

/** sp_wait_for() - until done was called. */
void sp_wait_for(struct sp_wait_io *wait);

/** sp_wait_ended() - has done been called? */
bool sp_wait_ended(struct sp_wait_io *wait);

/** sp_wait_run() - submit and wait. Return: the io's status. */
int sp_wait_run(struct superpipe *sp, struct sp_wait_io *wait);

/**
 * sp_wait_write() / sp_wait_read() - one io with a buffer of its own: every byte is @fill, or is
 * required to be. Return: the io's status; of a read -EILSEQ for other bytes.
 */
int sp_wait_write(struct superpipe *sp, struct superpipe_vlun *vlun, uint64_t lba, uint32_t nr_lbas,
		  unsigned char fill);
int sp_wait_read(struct superpipe *sp, struct superpipe_vlun *vlun, uint64_t lba, uint32_t nr_lbas,
		 unsigned char fill);

#endif
