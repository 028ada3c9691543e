/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover - lost contexts, commands that time out, failed adapters. See the states in recover.c.
 */
#ifndef CXLFS_SUPERPIPE_RECOVER_H
#define CXLFS_SUPERPIPE_RECOVER_H

#include <stdint.h>

struct session;
struct superpipe_recovery;

int recover_init(struct session *session);
void recover_fini(struct session *session);

/** recover_handle() - handle what ioq_report_fault() reported; reaper thread only. */
void recover_handle(struct session *session);

/**
 * recover_check() - after a failed ioctl: let the reaper thread check the context, and replace it
 * if it is lost
 * @generation: of the id that the ioctl used, from context_ioctl()
 *
 * Waits for the reaper thread. Context: no locks; not from a completion callback.
 * Return: 0 the context was replaced, repeat the ioctl; -EINVAL the context is the same, so the
 * error was real; -EIO the adapter has failed.
 */
int recover_check(struct session *session, uint64_t generation);

/**
 * recover_await() - make the reaper thread recover, and wait for it
 * Return: 0; -EIO the adapter has failed.
 */
int recover_await(struct session *session);

/** recover_get_times() - get how long recoveries took. Any thread. */
void recover_get_times(struct session *session, struct superpipe_recovery *ret_times);
void recover_set_times(struct session *session, const struct superpipe_recovery *times);

/** recover_cancel() - end every pause at once, because the reaper thread is about to stop. */
void recover_cancel(struct session *session);

/**
 * recover_pause() - sleep before the next try; returns at once if the adapter fails
 * Return: 0; -EIO the adapter has failed.
 */
int recover_pause(struct session *session, unsigned milliseconds);

#endif
