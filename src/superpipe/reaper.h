/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper - the thread that waits for events and for time to pass.
 *
 * It reaps what completes while nobody else looks, repeats what was put off, watches over commands
 * that do not come back, and is the one that recovers.
 */
#ifndef CXLFS_SUPERPIPE_REAPER_H
#define CXLFS_SUPERPIPE_REAPER_H

#include "superpipe/superpipe.h"

/** reaper_start() - the context is mapped and its queues are programmed. Return: 0; -errno. */
int reaper_start(struct superpipe *sp);

/** reaper_stop() - and wait for its end; nothing may be in flight. */
void reaper_stop(struct superpipe *sp);

#endif
