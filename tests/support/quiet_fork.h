/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quiet_fork - fork() of a process with threads, whose child allocates memory.
 *
 * glibc makes its allocator usable in the child. The allocator of AddressSanitizer (GCC 12) is not:
 * if another thread was in it at the fork, the child waits for ever for its lock. Threads are in it
 * when they start.
 */
#ifndef CXLFS_TESTS_SUPPORT_QUIET_FORK_H
#define CXLFS_TESTS_SUPPORT_QUIET_FORK_H

#include <sys/types.h>

/* As fork(2), at a moment when each other thread of this process sleeps. */
pid_t quiet_fork(void);

#endif
