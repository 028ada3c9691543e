/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fatal_signal - a signal that a faulting access causes, shared by those who foresee some of them.
 *
 * Each takes the signal on top of whoever had it, looks whether the fault is one of his, and hands
 * all others on. What is nobody's ends the process as if nobody had asked.
 */
#ifndef CXLFS_BASE_FATAL_SIGNAL_H
#define CXLFS_BASE_FATAL_SIGNAL_H

#include <signal.h>

typedef void fatal_signal_handler(int number, siginfo_t *info, void *ucontext);

/** One handler's link in the row; never moves or goes away once the signal was taken. */
struct fatal_signal {
	int number;
	struct sigaction before;
};

/**
 * fatal_signal_install() - install a handler
 * @number:  SIGSEGV or SIGBUS
 * @handler: may leave by siglongjmp(), if it puts the signal mask back before
 * Return: 0; -errno of sigaction(2).
 */
int fatal_signal_install(struct fatal_signal *link, int number, fatal_signal_handler *handler);

/** fatal_signal_pass_on() - from the handler: this one is not ours. Async-signal-safe. */
void fatal_signal_pass_on(const struct fatal_signal *link, siginfo_t *info, void *ucontext);

#endif
