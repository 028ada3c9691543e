/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vlun - resource handles, for the other files of this layer. superpipe.h has the public functions.
 */
#ifndef CXLFS_SUPERPIPE_VLUN_H
#define CXLFS_SUPERPIPE_VLUN_H

#include <stdbool.h>
#include <stdint.h>

#include "superpipe/superpipe.h"
#include "wire/sisl.h"

struct session;

struct superpipe_vlun {
	/* Constant once the handle is open. */
	struct session *session;
	uint32_t res_hndl;
	uint32_t dev_blocks_per_lba; /* 1 or 8 */
	uint32_t max_cmd_lbas;       /* 1 for a vLUN: the limit of the AFU */
	bool physical;
	/* Templates of a read and a write of max_cmd_lbas, without context, LBA and addresses. */
	struct sisl_ioarcb pattern[2];

	uint64_t nr_chunks;                 /* only the caller that resizes may read or change it */
	struct superpipe_vlun *prev, *next; /* protected by vlun_table.lock */
};

/** vlun_probe() - check that the LUN can be used in the mode of this volume: open and close one. */
int vlun_probe(struct session *session);

/** vlun_release_all() - close every open handle. If that fails, DETACH releases the handle. */
void vlun_release_all(struct session *session);

/** vlun_verify() - VERIFY with sense data, after a unit attention; does not wait for recovery. */
int vlun_verify(struct superpipe_vlun *vlun, const uint8_t *sense);

#endif
