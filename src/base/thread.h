/* SPDX-License-Identifier: Apache-2.0 */
/* thread - start background threads. */
#ifndef CXLFS_BASE_THREAD_H
#define CXLFS_BASE_THREAD_H

#include <pthread.h>

/**
 * thread_start() - start a thread that blocks all signals except those of its own faults
 * @name: at most 15 characters; top(1) shows it
 * Return: 0; -errno of pthread_create(3).
 */
int thread_start(pthread_t *ret_thread, void *(*start)(void *), void *arg, const char *name);

#endif
