/* SPDX-License-Identifier: Apache-2.0 */
/*
 * afu - the AFU of an emulated adapter, which executes the commands of contexts.
 *
 * When a process maps the MMIO area of a process element (PE), it gets an engine for that PE. Only
 * this process executes the commands of the PE. struct emul_afu holds the engines of one process on
 * one adapter, its open media, and a housekeeping thread, which starts with the first mapping.
 * Engines read the shared tables (RHT, LXT, PE) without locks and notice a lost PE at once.
 *
 * This header is for the driver side of the emulator; the devport functions are in port.c.
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
	EMUL_SYNC_LIGHT, /* makes new entries visible; does not wait */
	EMUL_SYNC_HEAVY, /* waits for every command that may use old entries */
};

/**
 * emul_afu_new() - create the AFU side of an adapter in this process
 * @ad: must outlive the result
 * Starts no thread and opens no media, so the caller may fork later.
 * Return: 0; -ENOMEM.
 */
int emul_afu_new(struct emul_adapter *ad, struct emul_afu **ret_afu);

/** emul_afu_free() - free it after the last mapping is gone; ends its thread. Accepts NULL. */
void emul_afu_free(struct emul_afu *afu);

/**
 * emul_afu_sync() - do the AFU's part of an AFU sync
 * @pe: process element
 *
 * EMUL_SYNC_HEAVY waits for every command of @pe that is running in this process. Call it after a
 * change of the shared tables and before the chunks are reused; in RECOVER_AFU on the old PE before
 * the new PE gets its handles, because no write of the old PE may reach the media afterwards; and
 * in DETACH. Returns at once if the PE has no engine here. Do not hold a lock that emul_reset() or
 * emul_fail() takes.
 */
void emul_afu_sync(struct emul_afu *afu, unsigned pe, enum emul_sync_mode mode);

/** emul_afu_wake_all() - wake the housekeeping thread of every process: fault rules changed */
void emul_afu_wake_all(struct emul_adapter *ad);

/**
 * emul_afu_fork_prepare(), _parent(), _child() - for pthread_atfork handlers of the driver side
 * In the child, inherited engines are dead: register reads return all ones, and unmap only removes
 * the memory mapping. A new mapping starts a new thread.
 */
void emul_afu_fork_prepare(struct emul_afu *afu);
void emul_afu_fork_parent(struct emul_afu *afu);
void emul_afu_fork_child(struct emul_afu *afu);

#endif
