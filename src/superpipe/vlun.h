/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vlun - what a resource handle is to the rest of the layer.
 *
 * The public functions on handles are in superpipe.h; this header is for the other files here.
 */
#ifndef CXLFS_SUPERPIPE_VLUN_H
#define CXLFS_SUPERPIPE_VLUN_H

#include <stdbool.h>
#include <stdint.h>

#include "superpipe/superpipe.h"
#include "wire/sisl.h"

/* Everything but @nr_chunks is set before the handle is given out. */
struct superpipe_vlun {
	struct superpipe *sp;
	uint32_t res_hndl;
	uint32_t dev_blocks_per_lba; /* 1 or 8 */
	uint32_t max_cmd_lbas;       /* 1 on a vLUN: that is all the AFU takes */
	unsigned lun;
	bool physical;
	/* A read and a write of max_cmd_lbas, but for context, LBA and addresses. */
	struct sisl_ioarcb pattern[2];
	uint64_t nr_chunks; /* the one caller that resizes */

	struct superpipe_vlun *prev, *next; /* protected by vlun_table.lock */
};

/** vlun_probe() - see whether a LUN can be used the way this volume wants, by doing it once. */
int vlun_probe(struct superpipe *sp, unsigned lun);

/** vlun_release_all() - release every handle still open; what fails is left to DETACH. */
void vlun_release_all(struct superpipe *sp);

/** vlun_verify() - VERIFY with sense data, after a unit attention. */
int vlun_verify(struct superpipe_vlun *vlun, const uint8_t *sense);

#endif
