/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper - the background thread of a context.
 *
 * It reaps completions when no other thread does, retries deferred commands, detects timeouts and
 * lost contexts, and recovers from them.
 */
#ifndef CXLFS_SUPERPIPE_REAPER_H
#define CXLFS_SUPERPIPE_REAPER_H

struct session;

/** reaper_start() - call it after ioq_start(). Return: 0; -errno. */
int reaper_start(struct session *session);

/** reaper_stop() - stop and join the thread; nothing may be in flight. */
void reaper_stop(struct session *session);

#endif
