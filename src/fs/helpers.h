/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helpers - threads that move bytes for the rings.
 *
 * Where the adapter completes commands on the thread that gives them, as the emulated one does, the
 * bytes of a large request are copied twice on one thread: by the kernel, in the name of the ring's
 * thread, and by the adapter. So when a program keeps several large requests going, and there are
 * processors without a busy ring, the thread of the ring hands requests over and takes the next ones
 * from the kernel meanwhile.
 */
#ifndef CXLFS_FS_HELPERS_H
#define CXLFS_FS_HELPERS_H

#include <stdbool.h>

struct fs_io;
struct helpers;

/**
 * helpers_new() - start the threads: one for two processors that the process may use
 * Return: 0; -ENOTSUP there is one processor only; -ENOMEM; -EAGAIN no thread.
 */
int helpers_new(struct helpers **ret_helpers);

/** helpers_free() - when nothing is handed over any more. Accepts NULL. */
void helpers_free(struct helpers *helpers);

/**
 * helpers_are_of_use() - whether a processor would be idle otherwise
 * @nr_busy: threads that serve requests now
 * Any thread; a guess, for others go on meanwhile. Accepts NULL.
 */
bool helpers_are_of_use(const struct helpers *helpers, unsigned nr_busy);

/**
 * helpers_give() - have some other thread call fs_io_submit_here() with @io
 * Any thread. Return: false: they have enough to do.
 */
bool helpers_give(struct helpers *helpers, struct fs_io *io);

#endif
