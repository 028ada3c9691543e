/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adapter states. A reset begins at once: the state becomes RESETTING and every PE is lost. It
 * ends after its minimum time, when no ioctl that began earlier is running; then every context is
 * on the error list. No thread waits for that moment. An ioctl that ends or waits for the state,
 * or the housekeeping thread, finishes the reset. So a reset can begin anywhere, even in a command
 * that an ioctl waits for.
 *
 *   NORMAL -> RESETTING   emul_reset()
 *   RESETTING -> NORMAL   finish_reset_locked()
 *   NORMAL -> FROZEN      emul_reset() of kind FREEZE
 *   FROZEN -> RESETTING   emul_detect_freeze_locked()
 *   any -> FAILED         emul_fail(); permanent
 */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "emul/driver/driver.h"
#include "emul/driver/fd2.h"
#include "emul/driver/process.h"

/* How often a waiting ioctl checks for conditions that do not wake it. */
#define STATE_POLL_MS 50

/* How long the reset of a frozen adapter takes. */
#define FREEZE_RESET_MS 20

static enum emul_adapter_state state_of(const struct emul_adapter *ad)
{
	return atomic_load(&ad->shm->driver.state);
}

bool emul_is_frozen(const struct emul_adapter *ad)
{
	return state_of(ad) == EMUL_FROZEN;
}

static void mark_pes_lost_locked(struct emul_adapter *ad, uint32_t flags)
{
	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		if (atomic_load(&ad->shm->pe[i].flags) & EMUL_PE_USED)
			atomic_fetch_or(&ad->shm->pe[i].flags, flags);
	emul_pe_changed(ad);
}

static uint32_t lost_flags(enum emul_reset_kind kind)
{
	return kind == EMUL_RESET_EEH ? EMUL_PE_LOST | EMUL_PE_CLOSED : EMUL_PE_LOST;
}

/** A PE stays allocated until its fd2 is closed. */
static void move_contexts_to_error_list_locked(struct emul_adapter *ad)
{
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++) {
		struct emul_ctx *ctx = emul_ctx_at(ad, i);

		if (!ctx->used || ctx->on_error_list)
			continue;
		ctx->on_error_list = 1;
		if (ad->shm->pe[ctx->pe].ctx == i + 1)
			emul_pe_disconnect_locked(ad, ctx->pe);
	}
}

static bool any_ioctl_running(struct emul_adapter *ad)
{
	bool any = false;

	for (unsigned i = 0; i < EMUL_MAX_RUNNING; i++) {
		struct emul_running *running = &ad->shm->driver.running[i];

		if (running->pid && running->pid != (uint32_t)getpid() &&
		    !process_alive(running->pid, running->start))
			running->pid = 0;
		any |= running->pid != 0;
	}
	return any;
}

static void finish_reset_locked(struct emul_adapter *ad)
{
	struct emul_driver *driver = &ad->shm->driver;

	if (state_of(ad) != EMUL_RESETTING || clock_now_ns() < driver->reset_until_ns ||
	    any_ioctl_running(ad))
		return;
	/* Includes PEs that ioctls allocated after the reset began. */
	mark_pes_lost_locked(ad, lost_flags(driver->reset_kind));
	move_contexts_to_error_list_locked(ad);
	driver->nr_resets++;
	atomic_store(&driver->state, EMUL_NORMAL);
	emul_wake(ad);
}

static void freeze_locked(struct emul_adapter *ad)
{
	if (state_of(ad) != EMUL_NORMAL)
		return;
	atomic_store(&ad->shm->driver.state, EMUL_FROZEN);
	mark_pes_lost_locked(ad, EMUL_PE_LOST);
}

void emul_reset(struct emul_adapter *ad, enum emul_reset_kind kind, unsigned at_least_ms)
{
	static const char *const names[] = {
		[EMUL_RESET_EEH] = "EEH reset",
		[EMUL_RESET_HOST] = "host reset",
		[EMUL_RESET_FREEZE] = "freeze",
	};
	struct emul_driver *driver = &ad->shm->driver;

	log_debug(LOGC_EMUL, "%s: %s", ad->path, names[kind]);
	emul_lock(ad);
	if (kind == EMUL_RESET_FREEZE) {
		freeze_locked(ad);
	} else if (state_of(ad) != EMUL_FAILED) {
		driver->reset_kind = kind;
		driver->reset_until_ns = clock_now_ns() + (uint64_t)at_least_ms * 1000000u;
		atomic_store(&driver->state, EMUL_RESETTING);
		mark_pes_lost_locked(ad, lost_flags(kind));
		finish_reset_locked(ad);
	}
	emul_unlock(ad);
}

void emul_fail(struct emul_adapter *ad)
{
	log_debug(LOGC_EMUL, "%s: permanent failure", ad->path);
	emul_lock(ad);
	atomic_store(&ad->shm->driver.state, EMUL_FAILED);
	mark_pes_lost_locked(ad, EMUL_PE_LOST | EMUL_PE_CLOSED);
	move_contexts_to_error_list_locked(ad);
	emul_unlock(ad);
	emul_wake(ad);
}

void emul_housekeep_locked(struct emul_adapter *ad)
{
	emul_pe_reap_locked(ad);
	finish_reset_locked(ad);
}

void emul_housekeep(struct emul_adapter *ad)
{
	emul_lock(ad);
	emul_housekeep_locked(ad);
	emul_unlock(ad);
}

/* ---- ioctls in progress ---- */

static int free_slot(const struct emul_driver *driver)
{
	for (int i = 0; i < EMUL_MAX_RUNNING; i++)
		if (!driver->running[i].pid)
			return i;
	return -1;
}

void emul_running_enter_locked(struct emul_call *call)
{
	struct emul_driver *driver = &call->ad->shm->driver;
	int slot;

	while ((slot = free_slot(driver)) < 0) {
		(void)emul_wait_locked(call->ad, STATE_POLL_MS);
		(void)any_ioctl_running(call->ad);
	}
	driver->running[slot].pid = (uint32_t)getpid();
	driver->running[slot].start = emul_self_start(call->ad);
	call->running = slot;
}

void emul_running_leave_locked(struct emul_call *call)
{
	if (call->running < 0)
		return;
	call->ad->shm->driver.running[call->running].pid = 0;
	call->running = -1;
	emul_wake(call->ad);
	finish_reset_locked(call->ad);
}

/* Start times are too coarse to tell two processes apart that had the same pid in a few ms. */
void emul_forget_namesake(struct emul_adapter *ad)
{
	struct emul_driver *driver = &ad->shm->driver;
	uint32_t pid = (uint32_t)getpid();

	emul_lock(ad);
	for (unsigned i = 0; i < EMUL_MAX_RUNNING; i++)
		if (driver->running[i].pid == pid)
			driver->running[i].pid = 0;
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++) {
		struct emul_ctx *ctx = emul_ctx_at(ad, i);

		if (ctx->busy && ctx->busy_pid == pid)
			ctx->busy = ctx->unavailable = 0;
	}
	if (driver->recovering_pid == pid) {
		driver->recovering_pid = 0;
		driver->recoverers--;
	}
	emul_unlock(ad);
}

int emul_check_state_locked(struct emul_call *call)
{
	bool counted = call->running >= 0;
	int rc = 0;

	while (!rc && state_of(call->ad) == EMUL_RESETTING) {
		emul_running_leave_locked(call);
		if (state_of(call->ad) != EMUL_RESETTING)
			break;
		rc = emul_wait_locked(call->ad, STATE_POLL_MS);
		finish_reset_locked(call->ad);
	}
	if (counted && call->running < 0)
		emul_running_enter_locked(call);
	if (rc)
		return rc;
	return state_of(call->ad) == EMUL_FAILED ? -ENODEV : 0;
}

int emul_detect_freeze_locked(struct emul_call *call)
{
	if (!emul_is_frozen(call->ad))
		return 0;
	emul_unlock(call->ad);
	emul_reset(call->ad, EMUL_RESET_EEH, FREEZE_RESET_MS);
	emul_lock(call->ad);
	return emul_check_state_locked(call);
}

/* ---- AFU sync ---- */

/*
 * A frozen adapter does not answer. The driver of Linux 6.1 waits for ten seconds, fails to reset
 * its context and then the adapter, and enters FAILTERM. The emulated driver fails at once.
 */
static int fail_frozen_sync(struct emul_adapter *ad)
{
	emul_fail(ad);
	return -EAGAIN;
}

void emul_driver_sleep(uint32_t ms)
{
	struct timespec left = clock_timespec(ms * 1000000ull);

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/** Applies a fault rule for this sync. Called without the lock. */
static int inject_at_sync(struct emul_call *call, const struct emul_fault_event *event)
{
	struct emul_adapter *ad = call->ad;
	struct emul_fault fault;

	if (!emul_fault_armed(&ad->shm->fault, EMUL_FAULT_AT_SYNC) ||
	    !emul_fault_take(&ad->shm->fault, EMUL_FAULT_AT_SYNC, event, &fault))
		return 0;
	switch (fault.action) {
	case EMUL_FAULT_RESET:
		emul_reset(ad, fault.kind, fault.ms);
		return emul_is_frozen(ad) ? fail_frozen_sync(ad) : -EAGAIN;
	case EMUL_FAULT_FAIL:
		emul_fail(ad);
		return -EAGAIN;
	case EMUL_FAULT_ERRNO:
		return fault.err;
	case EMUL_FAULT_KILL:
		(void)kill(getpid(), SIGKILL);
		return 0;
	case EMUL_FAULT_LATE:
		emul_driver_sleep(fault.ms);
		return 0;
	case EMUL_FAULT_LINK_DOWN:
	case EMUL_FAULT_LINK_UP:
		emul_fault_link(&ad->shm->fault, &fault, clock_now_ns());
		return 0;
	default:
		return 0;
	}
}

int emul_sync(struct emul_call *call, const struct emul_ctx *ctx, uint32_t handle,
	      enum emul_sync_mode mode)
{
	struct emul_fault_event event = { ctx->pe, handle, call->lun, 0, 0, 0 };
	unsigned pe = ctx->pe;
	int rc = call->sync_error;

	if (call->no_sync)
		return 0;
	call->sync_error = 0;
	if (state_of(call->ad) != EMUL_NORMAL && !emul_is_frozen(call->ad))
		return 0;
	emul_unlock(call->ad);
	if (emul_is_frozen(call->ad))
		rc = fail_frozen_sync(call->ad);
	if (!rc)
		rc = inject_at_sync(call, &event);
	/* After an injected error too: only the answer is lost, the tables have changed. */
	emul_afu_sync(call->ad->afu, pe, mode);
	emul_lock(call->ad);
	return rc;
}
