/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver - the ioctls of the emulated driver; what its files share.
 *
 * Each emul_do_ function is one ioctl after the common checks (ioctl.c). It runs with the adapter
 * lock, which it drops only in emul_sync() and where it waits; the structure is a private copy,
 * copied back by the caller when the function returns 0. A positive return is success without that.
 */
#ifndef CXLFS_EMUL_DRIVER_DRIVER_H
#define CXLFS_EMUL_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/adapter.h"
#include "emul/driver/ctx.h"
#include "wire/cxlflash_abi.h"

/** One ioctl in progress. */
struct emul_call {
	struct emul_adapter *ad;
	struct emul_path *path;
	unsigned lun; /* number of the path's LUN record */
	enum emul_fault_point point;
	int running;         /* slot in driver.running, or -1 */
	bool no_sync;        /* of the release handler: there is no AFU to tell */
	int sync_error;      /* injected: the next AFU sync ends so; 0 for none */
	uint64_t max_growth; /* injected: chunks that a growth may get */
};

static inline struct emul_lun *emul_call_lun(const struct emul_call *call)
{
	return &call->ad->shm->lun[call->lun];
}

int emul_do_attach(struct emul_call *call, struct dk_attach *arg);
int emul_do_detach(struct emul_call *call, struct dk_detach *arg);
int emul_do_recover(struct emul_call *call, struct dk_recover_afu *arg);
int emul_do_user_direct(struct emul_call *call, struct dk_udirect *arg);
int emul_do_user_virtual(struct emul_call *call, struct dk_uvirtual *arg);
int emul_do_resize(struct emul_call *call, struct dk_resize *arg);
int emul_do_release(struct emul_call *call, struct dk_release *arg);
int emul_do_clone(struct emul_call *call, struct dk_clone *arg);
int emul_do_verify(struct emul_call *call, struct dk_verify *arg);
int emul_do_manage_lun(struct emul_call *call, struct dk_manage_lun *arg);

/* ---- adapter state (reset.c) ------------------------------------------------------------- */

/** emul_running_enter_locked() - count the call among those a reset waits for */
void emul_running_enter_locked(struct emul_call *call);

/** emul_running_leave_locked() - stop counting it; finishes a reset that waited for it */
void emul_running_leave_locked(struct emul_call *call);

/**
 * emul_check_state_locked() - wait for the end of a reset
 * Return: 0; -ENODEV the adapter has failed; -EINTR.
 */
int emul_check_state_locked(struct emul_call *call);

/** emul_housekeep_locked() - emul_housekeep() for callers that have the lock */
void emul_housekeep_locked(struct emul_adapter *ad);

/** emul_is_frozen() - the registers read all ones, and the driver does not know */
bool emul_is_frozen(const struct emul_adapter *ad);

/**
 * emul_detect_freeze_locked() - the driver reads a register: if it is all ones, EEH begins
 * Waits for the end of the reset. Return: as emul_check_state_locked().
 */
int emul_detect_freeze_locked(struct emul_call *call);

/** emul_pe_changed() - tell every process that flags of some PE have changed */
void emul_pe_changed(struct emul_adapter *ad);

/* ---- what ioctls have in common ---------------------------------------------------------- */

/**
 * emul_sync() - AFU sync of a handle of a context that the caller owns
 * Drops the lock meanwhile. Nothing is done, with success, unless the adapter's state is normal.
 * Return: 0; or the injected error.
 */
int emul_sync(struct emul_call *call, const struct emul_ctx *ctx, uint32_t handle,
	      enum emul_sync_mode mode);

/** emul_detach_lun_locked() - release the handles a context has through a LUN, drop the LUN;
 *  true when the context is gone with it */
bool emul_detach_lun_locked(struct emul_call *call, struct emul_ctx *ctx, unsigned lun);

/** emul_detach_all_locked() - what the release handler of fd2 does for its context */
void emul_detach_all_locked(struct emul_adapter *ad, struct emul_ctx *ctx);

/** emul_release() - release a handle of an owned context through LUN @lun */
int emul_release(struct emul_call *call, struct emul_ctx *ctx, unsigned lun, uint64_t handle);

/** emul_read_capacity() - ask a LUN's disk for its size */
int emul_read_capacity(struct emul_call *call);

/** emul_lun_attach_locked() / _detach_locked() - one user more or less in a mode */
int emul_lun_attach_locked(struct emul_lun *lun, enum emul_lun_mode mode);
void emul_lun_detach_locked(struct emul_adapter *ad, unsigned lun);

/** emul_lun_enter_table() - give a LUN its place in the AFU LUN table; 0, -EIO or -ENOSPC */
int emul_lun_enter_table(struct emul_call *call);

/** emul_last_lba() - last_lba of a vLUN of so many chunks, in 4 KiB units */
uint64_t emul_last_lba(const struct emul_adapter *ad, uint64_t nr_chunks);

/**
 * emul_zero_chunk() - the driver's WRITE SAME of a chunk that is freed
 * Drops the lock; the context is unavailable meanwhile. With the driver's defects it zeroes the
 * wrong blocks and also chunks that others share.
 */
void emul_zero_chunk(struct emul_call *call, struct emul_ctx *ctx, unsigned lun, uint64_t chunk);

#endif
