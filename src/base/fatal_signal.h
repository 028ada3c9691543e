/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fatal_signal - several handlers for SIGSEGV or SIGBUS in one process.
 *
 * Each handler is installed on top of the previous one. It handles the faults that it expects and
 * passes all others on. A fault that no handler expects terminates the process as usual.
 */
#ifndef CXLFS_BASE_FATAL_SIGNAL_H
#define CXLFS_BASE_FATAL_SIGNAL_H

#include <signal.h>

typedef void fatal_signal_handler(int number, siginfo_t *info, void *ucontext);

/** One handler in the chain. Must stay at its address once it is installed. */
struct fatal_signal {
	int number;
	struct sigaction before;
};

/**
 * fatal_signal_install() - install a handler
 * @number:  SIGSEGV or SIGBUS
 * @handler: may leave by siglongjmp() after restoring the signal mask
 * Return: 0; -errno of sigaction(2).
 */
int fatal_signal_install(struct fatal_signal *link, int number, fatal_signal_handler *handler);

/** fatal_signal_pass_on() - call the previous handler. Async-signal-safe. */
void fatal_signal_pass_on(const struct fatal_signal *link, siginfo_t *info, void *ucontext);

#endif
