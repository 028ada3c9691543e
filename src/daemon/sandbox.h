/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - takes away what the daemon does not need once it serves requests.
 *
 * What a kernel cannot enforce is left out, with a message at debug level.
 */
#ifndef CXLFS_DAEMON_SANDBOX_H
#define CXLFS_DAEMON_SANDBOX_H

#include "superpipe/superpipe.h"

/**
 * sandbox_enter() - give up capabilities, privileges of programs, and files
 * @sp: opened; its files stay accessible
 * @sockets: a directory in which sockets can still be made and removed; empty: none
 * Call it before threads start: the kernel limits only the calling thread, and those that it
 * starts. From then on this process cannot mount or unmount.
 * Return: 0, also if the kernel cannot do all of it; -ENOMEM, -EMFILE, -ENFILE.
 */
int sandbox_enter(struct superpipe *sp, const char *sockets);

/**
 * sandbox_limit_calls() - allow only the system calls of a daemon that serves
 * For all threads. Another call ends the process with SIGSYS and a message that names the call.
 */
void sandbox_limit_calls(void);

#endif
