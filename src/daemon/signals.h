/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - which end the volume, which do nothing. One thread waits for the former, so that no
 * code here ever runs in a signal handler. It also hears of changes of the mount table.
 *
 * An unmount loses all that the volume holds. So only signals that ask for an end are obeyed.
 */
#ifndef CXLFS_DAEMON_SIGNALS_H
#define CXLFS_DAEMON_SIGNALS_H

#include "daemon/volume.h"

struct signals;

/**
 * signals_prepare() - ignore those that would end the process for no good reason
 * Before any thread. The ones that ask for an end still end the process at once.
 * @foreground: SIGHUP, the end of the terminal, counts; SIGINT and SIGHUP do not where the caller
 *              of the program had them ignored
 */
void signals_prepare(bool foreground);

/** signals_block() - from now on those that ask for an end wait for signals_start() */
void signals_block(void);

/**
 * signals_start() - from now on any of them stops @volume, which follows its mount
 * Return: 0; -errno.
 */
int signals_start(struct volume *volume, struct signals **ret_signals);

/** signals_stop() - end the thread. Accepts NULL. */
void signals_stop(struct signals *signals);

#endif
