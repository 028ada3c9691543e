/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shrink - flash that is held ahead of need goes back.
 *
 * Two things are held ahead: slots beyond the tail of a vLUN of a file, and the vLUNs of the pool.
 * Both go back when something else needs the flash, and both when they have been idle for a while,
 * because the LUNs may have other users.
 *
 * All functions run on the worker; call them without the lock of a file.
 */
#ifndef CXLFS_DATA_ALLOC_SHRINK_H
#define CXLFS_DATA_ALLOC_SHRINK_H

#include "data/alloc/file_space.h"

/** shrink_vlun() - give back what lies beyond the tail of a file's vLUN
 *  The file may be gone afterwards, unless a reference is held. Return: whether there was anything.
 */
bool shrink_vlun(struct file_vlun *vlun);

/** shrink_file() - the same for all vLUNs of a file, to which a reference is held */
void shrink_file(struct file_space *space);

/** shrink_on_lun() - give back what is held ahead on @lun, but not by @except. Return: as above. */
bool shrink_on_lun(struct allocator *alloc, unsigned lun, const struct file_space *except);

/** shrink_idle() - give back what has been idle; a worker_tidy_fn. @arg: the allocator. */
uint64_t shrink_idle(void *arg);

#endif
