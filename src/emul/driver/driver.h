/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver - declarations that the ioctls of the emulated driver share.
 *
 * Each emul_do_ function executes one ioctl after the common checks in ioctl.c. It runs with the
 * adapter lock, and drops it only in emul_sync() and while it waits. @arg is a private copy; the
 * caller copies it back to the program when the function returns 0. A positive return value is
 * success without that copy.
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
	bool no_sync;        /* the release handler sends no AFU sync */
	bool kill;           /* injected death of the process when the ioctl is done */
	int sync_error;      /* injected result of the next AFU sync; 0: none */
	uint64_t max_growth; /* injected limit, in chunks */
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

/* ---- adapter state (reset.c) ---- */

/** emul_running_enter_locked() - make resets wait for this call */
void emul_running_enter_locked(struct emul_call *call);

/** emul_running_leave_locked() - stop that; may finish a reset */
void emul_running_leave_locked(struct emul_call *call);

/** emul_forget_namesake() - when a process opens the adapter: forget the ioctls of a dead process
 *  with the same pid */
void emul_forget_namesake(struct emul_adapter *ad);

/**
 * emul_check_state_locked() - wait for the end of a reset
 * Return: 0; -ENODEV the adapter has failed; -EINTR.
 */
int emul_check_state_locked(struct emul_call *call);

/** emul_housekeep_locked() - emul_housekeep() for callers that have the lock */
void emul_housekeep_locked(struct emul_adapter *ad);

/** emul_is_frozen() - true if registers read all ones and the driver has not noticed */
bool emul_is_frozen(const struct emul_adapter *ad);

/**
 * emul_detect_freeze_locked() - read a register as the driver does; all ones starts EEH
 * Waits for the end of that reset. Return: as emul_check_state_locked().
 */
int emul_detect_freeze_locked(struct emul_call *call);

/** emul_pe_changed() - wake every process after the flags of a PE have changed */
void emul_pe_changed(struct emul_adapter *ad);

/** emul_driver_sleep() - delay the return of the driver; the caller has no lock */
void emul_driver_sleep(uint32_t ms);

/* ---- shared by ioctls ---- */

/**
 * emul_sync() - AFU sync of a handle of a busy context
 * Drops the lock meanwhile. Succeeds without a sync while the adapter is reset or has failed.
 * Return: 0; an injected error; -EAGAIN the adapter was frozen, and has failed now.
 */
int emul_sync(struct emul_call *call, const struct emul_ctx *ctx, uint32_t handle,
	      enum emul_sync_mode mode);

/**
 * emul_detach_lun_locked() - release a context's handles on a LUN and detach the LUN
 * Return: true if that was the last LUN; the context is freed then.
 */
bool emul_detach_lun_locked(struct emul_call *call, struct emul_ctx *ctx, unsigned lun);

/** emul_detach_all_locked() - detach every LUN of a context, for the release handler of fd2 */
void emul_detach_all_locked(struct emul_adapter *ad, struct emul_ctx *ctx);

/** emul_release() - release a handle on LUN @lun of a busy context */
int emul_release(struct emul_call *call, struct emul_ctx *ctx, unsigned lun, uint64_t handle);

/** emul_read_capacity() - update the size of the call's LUN; 0 or -EIO */
int emul_read_capacity(struct emul_call *call);

/** emul_lun_attach_locked(), _detach_locked() - add or remove a user; the first sets the mode */
int emul_lun_attach_locked(struct emul_lun *lun, enum emul_lun_mode mode);
void emul_lun_detach_locked(struct emul_adapter *ad, unsigned lun);

/** emul_lun_enter_table() - add a LUN to the AFU LUN table; 0, -EIO no port, or -ENOSPC */
int emul_lun_enter_table(struct emul_call *call);

/** emul_last_lba() - last_lba of a vLUN of @nr_chunks, in 4 KiB units */
uint64_t emul_last_lba(const struct emul_adapter *ad, uint64_t nr_chunks);

/**
 * emul_zero_chunk() - zero a chunk before it is freed, as the driver does with WRITE SAME
 * Drops the lock; the context is unavailable meanwhile. With the option "bugs" it zeroes the
 * wrong blocks, and also chunks that other handles share.
 */
void emul_zero_chunk(struct emul_call *call, struct emul_ctx *ctx, unsigned lun, uint64_t chunk);

#endif
