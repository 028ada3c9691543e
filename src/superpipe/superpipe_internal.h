/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superpipe_internal - struct superpipe, for the files that implement the public functions.
 */
#ifndef CXLFS_SUPERPIPE_SUPERPIPE_INTERNAL_H
#define CXLFS_SUPERPIPE_SUPERPIPE_INTERNAL_H

#include <stdbool.h>

#include "superpipe/session.h"

/* Only @all_luns changes between open and close. */
struct superpipe {
	unsigned nr_luns;
	struct session *sessions[SUPERPIPE_MAX_LUNS]; /* by LUN */
	/* Until attach, if there are several LUNs: see check_belong_together(). */
	struct context all_luns;
};

#endif
