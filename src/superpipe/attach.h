/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach - attach one context: the common part of superpipe_attach() and superpipe_attach_clone().
 */
#ifndef CXLFS_SUPERPIPE_ATTACH_H
#define CXLFS_SUPERPIPE_ATTACH_H

struct session;

/**
 * attach_start() - create queues and context, start the reaper thread, then call @then
 * @then: completes the attachment, and explains its own failures
 * Return: 0; -errno after explaining it. Nothing stays attached on failure.
 */
int attach_start(struct session *session, int (*then)(struct session *session, const void *arg),
		 const void *arg);

/** attach_end() - close every handle, stop the reaper thread, detach, free the queues. */
void attach_end(struct session *session);

#endif
