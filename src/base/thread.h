/* SPDX-License-Identifier: Apache-2.0 */
/* thread - threads that do the program's own work. */
#ifndef CXLFS_BASE_THREAD_H
#define CXLFS_BASE_THREAD_H

#include <pthread.h>

/**
 * thread_start() - start a thread that no signal reaches, but those that it raises itself
 * @name: at most 15 characters, as top(1) shows it
 * Return: 0 or a negative errno of pthread_create(3).
 */
int thread_start(pthread_t *ret_thread, void *(*start)(void *), void *arg, const char *name);

#endif
