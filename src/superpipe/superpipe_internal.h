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
	unsigned nr_sessions; /* one for each LUN, or 1 */
	struct session *sessions[SUPERPIPE_MAX_LUNS];
	/* Until attach, if there are several sessions: see check_belong_together(). */
	struct context all_luns;
};

/** superpipe_session() - the session of a LUN. @ret_lun: the number of the LUN in its context */
static inline struct session *superpipe_session(const struct superpipe *sp, unsigned lun,
						unsigned *ret_lun)
{
	bool own = sp->nr_sessions > 1;

	*ret_lun = own ? 0 : lun;
	return sp->sessions[own ? lun : 0];
}

#endif
