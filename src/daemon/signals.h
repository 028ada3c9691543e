/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - one thread waits for them, so that no code here ever runs in a signal handler.
 */
#ifndef CXLFS_DAEMON_SIGNALS_H
#define CXLFS_DAEMON_SIGNALS_H

#include "daemon/volume.h"

struct signals;

/**
 * signals_block() - keep SIGTERM and SIGINT for the waiting thread; before any thread
 * @foreground: SIGHUP, the end of the terminal, counts too; a daemon ignores it
 */
void signals_block(bool foreground);

/** signals_start() - from now on any of them stops @volume. Return: 0; -errno. */
int signals_start(struct volume *volume, struct signals **ret_signals);

/** signals_stop() - end the thread. Accepts NULL. */
void signals_stop(struct signals *signals);

#endif
