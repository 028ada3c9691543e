/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share - what files leave unused in their vLUNs goes to other files.
 *
 * A file gets whole chunks, so a file of some megabytes leaves most of one unused. When it has not
 * been written for a second or two, or as soon as space is short, its vLUNs become segments and its
 * blocks extents of them. Nothing is copied, and the free blocks of the segments are for all.
 *
 * A file of which the chunks are nearly full keeps them until space is short; one whose blocks are
 * scattered keeps them in any case. With pack=0 there are no segments, and files share nothing.
 *
 * All functions run on the worker; call them without the lock of a file.
 */
#ifndef CXLFS_DATA_SHARE_H
#define CXLFS_DATA_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct allocator;

/** share_all() - because space is short. Files in use are left out. Return: whether there was any.
 */
bool share_all(struct allocator *alloc);

/** share_idle() - share what is idle, then do as shrink_idle(); a worker_tidy_fn. @arg: the
 * allocator.
 */
uint64_t share_idle(void *arg);

#endif
