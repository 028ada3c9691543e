/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - unmounts the volume on some signals and ignores the others. One thread waits for
 * signals, so no code here runs in a signal handler. The same thread follows changes of the mount
 * table, and sends what the watchdog of systemd waits for.
 *
 * An unmount loses everything on the volume, so only signals that ask the process to end unmount
 * it.
 */
#ifndef CXLFS_DAEMON_SIGNALS_H
#define CXLFS_DAEMON_SIGNALS_H

#include <signal.h>

#include "daemon/volume.h"

struct signals;

/**
 * signals_prepare() - ignore the signals that do not ask the process to end
 * Call it before any thread starts. The other signals still end the process at once.
 * @foreground: SIGHUP ends the process too; SIGINT and SIGHUP stay ignored if they were ignored
 * when the program was started
 */
void signals_prepare(bool foreground);

/** signals_obeyed() - return the signals that end the process, without those that are ignored */
sigset_t signals_obeyed(void);

/** signals_block() - keep the signals that end the process pending until signals_start() */
void signals_block(void);

/**
 * signals_start() - start the thread, which stops @volume on a signal and follows its mount
 * Return: 0; -errno.
 */
int signals_start(struct volume *volume, struct signals **ret_signals);

/** signals_stop() - end the thread. Accepts NULL. */
void signals_stop(struct signals *signals);

#endif
