/* SPDX-License-Identifier: Apache-2.0 */
/*
 * afu - the AFU of an emulated adapter: what executes the commands of a context.
 *
 * A process that maps the MMIO area of a process element (PE) gets an engine for it; the AFU of a
 * PE runs only there. struct emul_afu is all that one process holds of one adapter: its engines,
 * its open media, and a housekeeping thread that starts with the first mapping. Engines read the
 * shared tables (RHT, LXT, PE) without locks and see a PE that was marked lost at once.
 *
 * Interface for the driver side of the emulator; the devport functions are in emul_port.c.
 */
#ifndef CXLFS_EMUL_AFU_AFU_H
#define CXLFS_EMUL_AFU_AFU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct emul_adapter;
struct emul_afu;

enum emul_sync_mode {
	EMUL_SYNC_LIGHT, /* new entries become visible: nothing to wait for here */
	EMUL_SYNC_HEAVY, /* no command that may have used old entries is still running */
};

/**
 * emul_afu_new() - the AFU side of an adapter in this process
 * @ad: borrowed, outlives the result; kept by the driver side as ad->afu
 * Starts no thread and opens no media yet, so it may be called before a fork.
 * Return: 0; -ENOMEM.
 */
int emul_afu_new(struct emul_adapter *ad, struct emul_afu **ret_afu);

/** emul_afu_free() - no mapping may be left; ends the housekeeping thread. Accepts NULL. */
void emul_afu_free(struct emul_afu *afu);

/**
 * emul_afu_sync() - the AFU's part of an AFU sync
 * @pe: process element
 *
 * HEAVY returns when every command of @pe that was running in this process when it was called has
 * ended: call it after the shared tables have changed and before chunks are given to others, in
 * RECOVER_AFU on the old PE before its handles come to life under the new one (a write of the old
 * PE must not reach the media afterwards), and in DETACH. Returns at once for a PE that has no
 * engine here. Must not be called with a lock that emul_reset() or emul_fail() takes.
 */
void emul_afu_sync(struct emul_afu *afu, unsigned pe, enum emul_sync_mode mode);

/** emul_afu_wake_all() - have every process's housekeeper look around: fault rules have changed */
void emul_afu_wake_all(struct emul_adapter *ad);

/**
 * emul_afu_fork_prepare(), _parent(), _child() - for the driver side's pthread_atfork handlers
 * Prepare holds the engines still; in the child everything inherited is dead: reads give all
 * ones, unmap drops the memory mapping only, and a new mapping starts a thread of its own.
 */
void emul_afu_fork_prepare(struct emul_afu *afu);
void emul_afu_fork_parent(struct emul_afu *afu);
void emul_afu_fork_child(struct emul_afu *afu);

#endif
