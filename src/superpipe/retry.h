/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry - ioctls of an attached context, repeated as long as there is hope.
 */
#ifndef CXLFS_SUPERPIPE_RETRY_H
#define CXLFS_SUPERPIPE_RETRY_H

#include <stdint.h>

#include "superpipe/superpipe.h"

/**
 * retry_ioctl() - one ioctl through the fd1 of a LUN
 * @id: where in @arg the context's cookie belongs; filled in here
 *
 * May sleep for many seconds, and waits for the reaper thread when the context was lost. Context:
 * no locks; not from a completion callback.
 * Return: 0; -EIO the adapter has failed, or it did not work after many tries; -EINVAL the context
 * is good and the driver means it; other errors as the driver gives them.
 */
int retry_ioctl(struct superpipe *sp, unsigned lun, unsigned long request, void *arg, uint64_t *id);

#endif
