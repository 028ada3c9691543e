/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry - ioctls of an attached context that survive resets and lost contexts.
 */
#ifndef CXLFS_SUPERPIPE_RETRY_H
#define CXLFS_SUPERPIPE_RETRY_H

#include <stdint.h>

struct session;

/**
 * retry_ioctl() - one ioctl on the context of a session
 * @id: the context_id field in @arg; filled in here
 *
 * Waits for the reaper thread if the context was lost, and may sleep for many seconds.
 * Context: no locks; not from a completion callback.
 * Return: 0; -EIO the adapter has failed, or every try failed; -EINVAL the context is valid and the
 * driver rejects the request; other errors of the driver.
 */
int retry_ioctl(struct session *session, unsigned long request, void *arg, uint64_t *id);

#endif
