/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach - what superpipe_attach() and superpipe_attach_clone() have in common.
 */
#ifndef CXLFS_SUPERPIPE_ATTACH_H
#define CXLFS_SUPERPIPE_ATTACH_H

#include "superpipe/superpipe.h"

/**
 * attach_start() - make queues and context, start the reaper thread, then call @then
 * @then: what makes the attachment complete; explains its own failures
 * Return: 0; -errno explained, nothing stays attached.
 */
int attach_start(struct superpipe *sp, int (*then)(struct superpipe *sp, const void *arg),
		 const void *arg);

/** attach_end() - release handles, stop the reaper thread, end the context and the queues. */
void attach_end(struct superpipe *sp);

#endif
