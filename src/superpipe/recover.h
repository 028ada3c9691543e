/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover - lost contexts, hung commands, failed adapters. The states are drawn in recover.c.
 */
#ifndef CXLFS_SUPERPIPE_RECOVER_H
#define CXLFS_SUPERPIPE_RECOVER_H

#include <stdint.h>

#include "superpipe/superpipe.h"

int recover_init(struct superpipe *sp);
void recover_fini(struct superpipe *sp);

/** recover_handle() - look into the faults that ioq_report_fault() reported; reaper thread. */
void recover_handle(struct superpipe *sp);

/**
 * recover_check() - an ioctl was refused: have the context checked, and renewed if it was lost
 * @generation: of the cookie that was used, from context_ioctl()
 *
 * Waits for the reaper thread. Context: not from a completion callback; no locks.
 * Return: 0 the context is another one now, repeat the ioctl; -EINVAL it is still the same one,
 * the refusal was meant; -EIO the adapter has failed.
 */
int recover_check(struct superpipe *sp, uint64_t generation);

/**
 * recover_await() - have the reaper thread recover, and wait for it
 * Return: 0; -EIO the adapter has failed.
 */
int recover_await(struct superpipe *sp);

/** recover_cancel() - cut every pause short, for the reaper thread is to end. */
void recover_cancel(struct superpipe *sp);

/**
 * recover_pause() - wait before the next try of something; cut short when the adapter fails
 * Return: 0; -EIO the adapter has failed.
 */
int recover_pause(struct superpipe *sp, unsigned milliseconds);

#endif
